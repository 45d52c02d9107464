// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize_loops.h"

namespace pact::kernels {

const RequantizeKernel requantize_avx512{.name = "requantize_i64_avx512",
                                         .isa = Isa::Avx512,
                                         .add_accumulators = &add_term<std::int32_t>,
                                         .add_codes = &add_term<std::uint8_t>,
                                         .add_levels = &add_term<std::int16_t>,
                                         .round_codes = &round_codes,
                                         .round_levels = &round_levels};

}  // namespace pact::kernels
