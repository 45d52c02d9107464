// SPDX-License-Identifier: Apache-2.0
// Any bytes are an ONNX file that is refused or a network that evaluates, and is lowered or
// refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "pact/graph/evaluator.h"
#include "pact/lower/lower.h"
#include "pact/onnx/import.h"

namespace {

constexpr std::int64_t kMaxElements = 1 << 16;
constexpr std::int64_t kMaxWork = 1'000'000;

// Elements that a pool reads; convolutions are counted by macs().
std::int64_t pool_reads(const pact::graph::Node& node) {
  const std::int64_t elements = pact::graph::element_count(node.type.shape);
  if (const auto* op = node.as<pact::graph::MaxPool>())
    return elements * op->kernel.y * op->kernel.x;
  if (const auto* op = node.as<pact::graph::AvgPool>())
    return elements * op->kernel.y * op->kernel.x;
  return 0;
}

bool is_small(const pact::graph::Network& network) {
  std::int64_t elements = 0;
  std::int64_t work = 0;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    const pact::graph::Node& node = network.nodes()[i];
    elements += pact::graph::element_count(node.type.shape);
    const std::int64_t macs = network.macs(static_cast<pact::graph::NodeId>(i));
    if (elements > kMaxElements || macs > kMaxWork) return false;
    work += macs + pool_reads(node);
    if (work > kMaxWork) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto network = pact::onnx::import_network(std::as_bytes(std::span(data, size)));
  if (!network || !is_small(*network)) return 0;
  const pact::graph::Shape& shape = network->node(0).type.shape;
  const std::vector<float> image(static_cast<std::size_t>(pact::graph::element_count(shape)), 0.5F);
  if (!pact::graph::evaluate(*network, image)) std::abort();
  const auto channels = static_cast<std::size_t>(shape[0]);
  network->preprocessing = {std::vector(channels, 0.5F), std::vector(channels, 0.25F)};
  const auto lowered = pact::lower::lower(*network);
  const std::vector<std::int32_t> pixels(image.size(), 200);
  if (lowered && !pact::graph::evaluate(*lowered, pixels)) std::abort();
  return 0;
}
