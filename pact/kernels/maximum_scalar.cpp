// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_scalar{
    .name = "maximum_u8_scalar", .isa = Isa::Scalar, .run = &maximum<Byte>};

}  // namespace pact::kernels
