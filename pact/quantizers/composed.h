// SPDX-License-Identifier: Apache-2.0
// The quantizers in tensor operations, for devices other than the CPU: nothing waits for a device.
// Arguments, values and gradients are those of activations.h and weights.h, but sums over a tensor
// may be taken in another order, what is no number stays none, and weights that share the largest
// magnitude share DoReFa's gradient through it.
#pragma once

#include <torch/torch.h>

#include "pact/numeric/weights.h"
#include "pact/quantizers/activations.h"

namespace pact::quantizers::composed {

torch::Tensor pact(const torch::Tensor& x, const torch::Tensor& alpha, int bits, Gradient gradient);

torch::Tensor two_sided(const torch::Tensor& x, const torch::Tensor& low, const torch::Tensor& high,
                        int bits, Gradient gradient);

torch::Tensor stream(const torch::Tensor& x, const torch::Tensor& range);

/// Weights that are not finite are not looked for.
torch::Tensor quantize_weights(const torch::Tensor& weights, const numeric::WeightSpec& spec,
                               const torch::Tensor& given);

}  // namespace pact::quantizers::composed
