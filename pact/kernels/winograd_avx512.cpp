// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd_loops.h"

namespace pact::kernels {

const WinogradKernel winograd_avx512{.name = "winograd_2x2_3x3_avx512",
                                     .isa = Isa::Avx512,
                                     .transform_input = &transform_input<64>,
                                     .transform_output = &transform_output<64>};

}  // namespace pact::kernels
