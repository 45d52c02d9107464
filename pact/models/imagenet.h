// SPDX-License-Identifier: Apache-2.0
// Networks for ImageNet. Those of torchvision have its structure and parameter names, so that state
// dicts saved by it load by name.
#pragma once

#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"
#include "pact/models/models.h"

namespace pact::models {

/// Basic: two 3x3 layers. Bottleneck: 1x1, 3x3 (with the stride), 1x1 with four times the channels.
/// OriginalBottleneck: the same with the stride in its first 1x1, as He et al. have it.
enum class ResidualBlock { Basic, Bottleneck, OriginalBottleneck };

struct ImageNetResNetShape {
  ResidualBlock block = ResidualBlock::Basic;
  std::vector<int> blocks{2, 2, 2, 2};  // of each stage; widths 64, 128, 256, 512
};

/// He et al. 2015, table 1; shortcuts that change the shape are 1x1 layers.
Result<graph::Network> imagenet_resnet(const ImageNetResNetShape& shape, const Task& task);

/// The same shapes in pre-activation form, the PACT paper's, after Tensorpack's example: each stage
/// ends with batch norm and activation, so its successor's first block begins with a convolution;
/// shortcuts that change the shape are 1x1 layers without batch norm.
Result<graph::Network> imagenet_resnet_v2(const ImageNetResNetShape& shape, const Task& task);

/// AlexNet in one column (Krizhevsky 2014): no local response normalisation. Images of 224 x 224.
Result<graph::Network> alexnet(const Task& task);

}  // namespace pact::models
