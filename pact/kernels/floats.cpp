// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/floats.h"

#include "pact/kernels/select.h"

namespace pact::kernels {

const FloatKernel& select_floats(Isa isa) {
  static constexpr const FloatKernel* kKernels[] = {
    &floats_scalar,
#if defined(__x86_64__)
    &floats_avx2,
    &floats_avx512
#endif
  };
  return select_kernel(kKernels, isa);
}

}  // namespace pact::kernels
