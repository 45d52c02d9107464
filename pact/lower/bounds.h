// SPDX-License-Identifier: Apache-2.0
// How large the integers of a network can get, whatever the image.
#pragma once

#include <cstdint>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::lower {

/// [node][channel]: largest absolute level or sum; empty for nodes that make no integers. A sum
/// that could leave 32 bits is an error that names the layer and the number.
using Bounds = std::vector<std::vector<std::int64_t>>;
Result<Bounds> bounds(const graph::Network& network);

}  // namespace pact::lower
