// SPDX-License-Identifier: Apache-2.0
// Residual networks for small images (He et al. 2015, section 4.2; He et al. 2016).
#pragma once

#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"
#include "pact/models/models.h"

namespace pact::models {

/// Where batch norm and activation stand: after each convolution and after the addition (V1), or
/// before each convolution (V2, the PACT paper's, after Tensorpack's example).
enum class ResidualForm { V1, V2 };

struct ResNetShape {
  ResidualForm form = ResidualForm::V1;
  int blocks_per_stage = 3;
  std::vector<std::int64_t> widths{16, 32,
                                   64};  // channels of each stage; each stage halves the size
  graph::Pair stem_stride{1, 1};
};

/// Shortcuts have no weights: V1 takes every second pixel, V2 averages 2x2; new channels are zero,
/// half before and half after. Names: conv1, bn1, layerS.B.conv1, .., linear (V2 ends with bn).
Result<graph::Network> resnet(const ResNetShape& shape, const Task& task);

}  // namespace pact::models
