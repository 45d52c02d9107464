// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_avx2{.name = "maximum_u8_avx2", .isa = Isa::Avx2, .run = &maximum<32>};

}  // namespace pact::kernels
