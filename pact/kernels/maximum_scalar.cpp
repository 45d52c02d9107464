// SPDX-License-Identifier: Apache-2.0
// Of 16 bytes: both architectures have such vectors on every machine.
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_scalar{
    .name = "maximum_u8_scalar", .isa = Isa::Scalar, .run = &maximum<16>};

}  // namespace pact::kernels
