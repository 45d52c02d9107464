// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd_loops.h"

namespace pact::kernels {

const WinogradKernel winograd_scalar{.name = "winograd_2x2_3x3_scalar",
                                     .isa = Isa::Scalar,
                                     .transform_input = &transform_input<4>,
                                     .transform_output = &transform_output<4>};

}  // namespace pact::kernels
