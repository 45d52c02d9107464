// SPDX-License-Identifier: Apache-2.0
// Any bytes are a file that is refused or a network that runs: loads the input and, if what it asks
// for is small, runs one image through it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <variant>
#include <vector>

#include "pact/format/model.h"
#include "pact/runtime/model.h"

namespace {

constexpr std::int64_t kMaxElements = 1 << 18;
constexpr std::int64_t kMaxWork = 1'000'000;

// Elements that a pool reads; convolutions are counted by macs().
std::int64_t pool_reads(const pact::format::Node& node) {
  const auto* pool = std::get_if<pact::format::Pool>(&node.operation);
  return pool == nullptr ? 0 : node.value.elements() * pool->kernel.y * pool->kernel.x;
}

bool is_small(const pact::format::Model& file) {
  std::int64_t elements = 0;
  std::int64_t work = 0;
  for (const pact::format::Node& node : file.nodes) {
    const std::int64_t inputs = 1 + static_cast<std::int64_t>(node.inputs.size());
    elements += node.value.elements() * inputs;
    // Each is below 2^62, so the sum is tested before the next one is added.
    if (elements > kMaxElements || file.macs(node) > kMaxWork) return false;
    work += file.macs(node) + pool_reads(node);
    if (work > kMaxWork) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const pact::Result<pact::Model> model = pact::Model::load(std::as_bytes(std::span(data, size)));
  if (!model || !is_small(model->file())) return 0;
  pact::Result<pact::Session> session = pact::Session::create(*model);
  if (!session) return 0;
  std::vector<std::uint8_t> image(model->image().bytes());
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i * 37);
  std::vector<float> outputs(model->outputs());
  if (!session->run(image, pact::PixelOrder::Planar, outputs)) std::abort();
  return 0;
}
