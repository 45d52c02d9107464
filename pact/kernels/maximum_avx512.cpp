// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_avx512{
    .name = "maximum_u8_avx512", .isa = Isa::Avx512, .run = &maximum<64>};

}  // namespace pact::kernels
