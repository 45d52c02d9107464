// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd_loops.h"

namespace pact::kernels {

const WinogradKernel winograd_avx2{.name = "winograd_2x2_3x3_avx2",
                                   .isa = Isa::Avx2,
                                   .transform_input = &transform_input<32>,
                                   .transform_output = &transform_output<32>};

}  // namespace pact::kernels
