// SPDX-License-Identifier: Apache-2.0
#include "run_network.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "pact/graph/evaluator.h"
#include "pact/lower/lower.h"

namespace pact::fuzz {
namespace {

using graph::Network;

constexpr std::int64_t kMaxElements = 1 << 16;
constexpr std::int64_t kMaxWork = 1'000'000;

// Elements that a pool reads; convolutions are counted by macs().
std::int64_t pool_reads(const graph::Node& node) {
  const std::int64_t elements = graph::element_count(node.type.shape);
  if (const auto* op = node.as<graph::MaxPool>()) return elements * op->kernel.y * op->kernel.x;
  if (const auto* op = node.as<graph::AvgPool>()) return elements * op->kernel.y * op->kernel.x;
  return 0;
}

bool is_small(const Network& network) {
  std::int64_t elements = 0;
  std::int64_t work = 0;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    const graph::Node& node = network.nodes()[i];
    elements += graph::element_count(node.type.shape);
    const std::int64_t macs = network.macs(static_cast<graph::NodeId>(i));
    if (elements > kMaxElements || macs > kMaxWork) return false;
    work += macs + pool_reads(node);
    if (work > kMaxWork) return false;
  }
  return true;
}

}  // namespace

void run_network(Network network) {
  if (!is_small(network)) return;
  const graph::Shape& shape = network.node(0).type.shape;
  const std::vector<float> image(static_cast<std::size_t>(graph::element_count(shape)), 0.5F);
  const auto values = graph::evaluate(network, image);
  if (!values) {
    // The weights may be too large to have a finite scale.
    if (values.error().code != ErrorCode::Corrupt) std::abort();
    return;
  }
  const auto channels = static_cast<std::size_t>(shape[0]);
  network.preprocessing = {std::vector(channels, 0.5F), std::vector(channels, 0.25F)};
  const auto lowered = lower::lower(network);
  const std::vector<std::int32_t> pixels(image.size(), 200);
  if (lowered && !graph::evaluate(*lowered, pixels)) std::abort();
}

}  // namespace pact::fuzz
