// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace pact::nn {

/// What training computes in. Bf16: what convolutions take and give, and all between two of them,
/// in the modes Train and Evaluate; parameters as they are stored, linear layers and the other
/// modes stay in f32. On a CPU it needs AVX-512
/// (BW, DQ, VL) and is faster only with AMX.
enum class Precision { F32, Bf16 };

}  // namespace pact::nn
