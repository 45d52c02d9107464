// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pact/base/result.h"
#include "pact/graph/network.h"
#include "pact/models/models.h"

namespace pact::models {

/// MobileNetV2 (Sandler et al. 2018, table 2; arXiv 1801.04381) at width 1, with torchvision's
/// structure and parameter names.
Result<graph::Network> mobilenet_v2(const Task& task);

}  // namespace pact::models
