// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_avx512 = maximum_kernel<64>("maximum_avx512", Isa::Avx512);

}  // namespace pact::kernels
