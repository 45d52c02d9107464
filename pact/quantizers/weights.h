// SPDX-License-Identifier: Apache-2.0
// Weight quantizers with gradients. The forward gives the values of numeric::quantize_weights, so
// what is trained is what is lowered. Gradients (g upstream; rounding has gradient 1):
//
//   dorefa   through tanh and the maximum, as Zhou et al. 2016 write it
//   sawb     g 1[|w| <= alpha];  alpha has no gradient (it is recomputed at every step)
//   sawb+    g
//   min-max  g
#pragma once

#include <torch/torch.h>

#include "pact/numeric/weights.h"

namespace pact::quantizers {

/// `weights`: f32 tensor {outputs, ...}; the result has its shape, contiguous. `spec` must not be
/// WeightScheme::None. `given`: f32 tensor {groups} for schemes with given scales, which get
/// no gradient. Throws pact::Exception if the weights do not fit the spec.
torch::Tensor quantize_weights(const torch::Tensor& weights, const numeric::WeightSpec& spec,
                               const torch::Tensor& given = {});

}  // namespace pact::quantizers
