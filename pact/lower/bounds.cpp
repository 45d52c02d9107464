// SPDX-License-Identifier: Apache-2.0
#include "pact/lower/bounds.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace pact::lower {
namespace {

using namespace graph;

using ChannelBounds = std::vector<std::int64_t>;

std::size_t channels(const Node& node) { return static_cast<std::size_t>(node.type.channels()); }

// sum over a filter of |weight| times the bound of the channel it reads.
ChannelBounds filter_bounds(const Network& network, NodeId id, std::int64_t groups,
                            const ChannelBounds& input) {
  const Tensor& weight = network.parameter(id, "weight");
  const auto outputs = static_cast<std::size_t>(weight.shape[0]);
  const auto depth = static_cast<std::size_t>(weight.shape[1]);
  const std::size_t window = weight.ints().size() / (outputs * depth);
  const std::size_t per_group = outputs / static_cast<std::size_t>(groups);
  ChannelBounds result(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < depth * window; ++i) {
      const std::size_t channel = (o / per_group) * depth + i / window;
      result[o] += std::abs(std::int64_t{weight.ints()[o * depth * window + i]}) * input[channel];
    }
  }
  return result;
}

ChannelBounds bounds_of(const Network& network, NodeId id, const Bounds& known) {
  const Node& node = network.node(id);
  if (node.type.element == Element::Level)
    return ChannelBounds(channels(node), node.type.grid.magnitude());
  if (node.type.element != Element::Accumulator) return {};
  const ChannelBounds& input = known[static_cast<std::size_t>(node.inputs[0])];
  if (const auto* op = node.as<IntConv2d>()) return filter_bounds(network, id, op->groups, input);
  if (node.as<IntLinear>() != nullptr) return filter_bounds(network, id, 1, input);
  ChannelBounds result = input;
  if (const auto* op = node.as<Slice>()) {
    return {input.begin() + op->first, input.begin() + op->first + op->count};
  }
  if (const auto* op = node.as<Shortcut>()) {
    result.insert(result.begin(), static_cast<std::size_t>(op->before), 0);
    result.resize(channels(node), 0);
  }
  if (node.as<Rearrange>() != nullptr) {
    return ChannelBounds(channels(node), *std::max_element(input.begin(), input.end()));
  }
  if (node.as<Concat>() != nullptr) {
    result.clear();
    for (const NodeId part : node.inputs) {
      const ChannelBounds& bounds = known[static_cast<std::size_t>(part)];
      result.insert(result.end(), bounds.begin(), bounds.end());
    }
  }
  if (node.as<Flatten>() != nullptr) {
    const auto size = channels(node) / input.size();
    result.resize(channels(node));
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = input[i / size];
  }
  if (const auto* op = node.as<SumPool>()) {
    const Shape& shape = network.node(node.inputs[0]).type.shape;
    const Pair kernel = op->kernel == Pair{0, 0} ? Pair{shape[1], shape[2]} : op->kernel;
    for (std::int64_t& bound : result) bound *= kernel.y * kernel.x;
  }
  return result;
}

}  // namespace

Result<Bounds> bounds(const Network& network) {
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();
  Bounds result;
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    result.push_back(bounds_of(network, id, result));
    const ChannelBounds& made = result.back();
    const auto largest = std::max_element(made.begin(), made.end());
    if (largest != made.end() && *largest > kLimit) {
      return make_error(ErrorCode::Unsupported, "node '", network.node(id).name,
                        "': expected sums of at most ", kLimit, ", found up to ", *largest,
                        " in channel ", largest - made.begin(), "; use fewer bits");
    }
  }
  return result;
}

}  // namespace pact::lower
