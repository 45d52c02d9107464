// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd_loops.h"

namespace pact::kernels {

const WinogradKernel winograd_neon{.name = "winograd_2x2_3x3_neondot",
                                   .isa = Isa::NeonDot,
                                   .transform_input = &transform_input<16>,
                                   .transform_output = &transform_output<16>};

}  // namespace pact::kernels
