// SPDX-License-Identifier: Apache-2.0
// The reference evaluator: what a network means, in slow scalar code that reads like the
// definition. Trainer, runtime and kernels are tested against it; for integer networks they agree
// bit for bit.
#pragma once

#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::graph {

/// Elements of one value for one image, [channel][row][column]: floats (F32), or 32-bit integers
/// (levels, accumulators, pixels).
using Value = std::variant<std::vector<float>, std::vector<std::int32_t>>;

/// Called with each value as it is made.
using Tap = std::function<void(NodeId, const Value&)>;

/// Evaluates `network`, which verify() accepts, for one image: normalised floats for a float
/// network, pixels 0..255 for a lowered one. Errors: an image of another size; an integer layer
/// whose sums could leave 32 bits.
Result<Value> evaluate(const Network& network, const Value& image, const Tap& tap = {});

/// True if the network reads pixels (it was lowered), false if it reads normalised floats.
bool reads_pixels(const Network& network);

}  // namespace pact::graph
