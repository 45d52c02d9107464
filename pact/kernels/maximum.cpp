// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum.h"

#include "pact/kernels/select.h"

namespace pact::kernels {

const MaximumKernel& select_maximum(Isa isa) {
  static constexpr const MaximumKernel* kKernels[] = {
    &maximum_scalar,
#if defined(__x86_64__)
    &maximum_avx2,
    &maximum_avx512
#endif
  };
  return select_kernel(kKernels, isa);
}

}  // namespace pact::kernels
