// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/lookup.h"

#include "pact/kernels/select.h"

namespace pact::kernels {

const LookupKernel& select_lookup(Isa isa) {
  static constexpr const LookupKernel* kKernels[] = {
    &lookup_scalar,
#if defined(__x86_64__)
    &lookup_avx512
#endif
  };
  return select_kernel(kKernels, isa);
}

}  // namespace pact::kernels
