// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_avx2 = maximum_kernel<32>("maximum_avx2", Isa::Avx2);

}  // namespace pact::kernels
