// SPDX-License-Identifier: Apache-2.0
// Means of windows that neither overlap nor leave anything out. LibTorch's pooling has the same
// values, but its gradient for bf16 goes value by value.
#pragma once

#include <torch/torch.h>

#include "pact/graph/operations.h"

namespace pact::nn {

/// Whether `op` is such a pooling of images {n, c, h, w}.
bool has_own_windows(const graph::AvgPool& op, const torch::Tensor& images);

/// Of a pooling that has them: {n, c, h / kernel.y, w / kernel.x}, of the images' type.
torch::Tensor window_mean(const torch::Tensor& images, graph::Pair kernel);

}  // namespace pact::nn
