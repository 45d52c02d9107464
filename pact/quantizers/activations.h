// SPDX-License-Identifier: Apache-2.0
// Activation quantizers with gradients. All take f32 or bf16 tensors {n, c, h, w} or {n, c} and
// return a tensor of the same type, shape and memory format whose elements are levels times the
// scale (numeric/activations.h), computed in f32 and, for bf16, rounded to its 8 significant bits.
// Clips are f32. Gradients, for an upstream gradient g (PACT = Choi et al. 2018, eq. 3; PACT+ adds
// the residual of the rounding, as autograd through the scale would):
//
//   pact        d/dx = g 1[0 <= x < alpha], d/dalpha = sum g 1[x >= alpha]
//   pact+       d/dx = g 1[0 < x < alpha], and inside alpha also gets g (round(z) - z) / n,
//               z = x n / alpha
//   two-sided   d/dx = g 1[low < x < high], d/dhigh = sum g 1[x >= high], d/dlow likewise
//   two-sided+  inside, high also gets g d and low -g d, d = (round(z) - z) / n, z = x / scale
#pragma once

#include <torch/torch.h>

namespace pact::quantizers {

enum class Gradient { Pact, PactPlus };

/// PACT: clips to [0, alpha] and rounds to 2^bits - 1 steps. alpha: {1}, or {c} for one a channel;
/// positive. bits 1 to 8.
torch::Tensor pact(const torch::Tensor& x, const torch::Tensor& alpha, int bits, Gradient gradient);

/// Two-sided PACT for signed inputs: low {1} <= 0 < high {1}.
torch::Tensor two_sided(const torch::Tensor& x, const torch::Tensor& low, const torch::Tensor& high,
                        int bits, Gradient gradient);

/// Whether values may lie beyond a stream's range. Where the caller has excluded it, no mask is
/// needed, nor what it would be made from.
enum class Beyond { Possible, Excluded };

/// Fixed point of a residual stream over [-range, range], 16 bits. range {1} has no gradient, x has
/// g 1[|x| <= range].
torch::Tensor stream(const torch::Tensor& x, const torch::Tensor& range,
                     Beyond beyond = Beyond::Possible);

/// What a stream's range must hold: the largest |x|, an f32 tensor of no dimensions, without
/// gradient. NaN if x holds one. x not empty.
torch::Tensor largest_magnitude(const torch::Tensor& x);

}  // namespace pact::quantizers
