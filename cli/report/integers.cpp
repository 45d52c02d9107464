// SPDX-License-Identifier: Apache-2.0
#include "cli/report/integers.h"

#include "cli/top1.h"
#include "pact/lower/lower.h"
#include "pact/train/evaluate.h"

namespace pact::cli::report {

std::optional<IntegerComparison> IntegerComparison::of(const graph::Network& network) {
  const auto lowered = lower::lower(network);
  if (!lowered) return std::nullopt;
  const auto bytes = lower::pack(*lowered);
  if (!bytes) return std::nullopt;
  return IntegerComparison(network,
                           value_or_throw(Model::load(std::span<const std::byte>(*bytes))));
}

IntegerComparison::IntegerComparison(const graph::Network& network, const Model& model)
    : network_(network),
      session_(value_or_throw(Session::create(model, {.threads = thread_count(0), .batch = 16}))),
      outputs_(model.outputs()) {}

void IntegerComparison::add(std::span<const std::uint8_t> pixels, std::int64_t count) {
  const train::Levels fake = train::fake_quantized_levels(network_, pixels, count);
  session_.observe([&](const LayerView& layer) {
    const auto found = fake.find(std::string(layer.name));
    if (found == fake.end()) return;
    const std::size_t size = layer.levels.size();
    const std::size_t first = layer.image * size;
    if (found->second.size() != size * static_cast<std::size_t>(count)) return;
    Count& counted = counts_[found->first];
    counted.compared += static_cast<std::int64_t>(size);
    for (std::size_t i = 0; i < size; ++i) {
      counted.differing += found->second[first + i] != layer.levels[i] ? 1 : 0;
    }
  });
  std::vector<float> logits(static_cast<std::size_t>(count) * outputs_);
  value_or_throw(session_.run(pixels, PixelOrder::Planar, logits));
  session_.observe({});
}

std::map<graph::NodeId, double> IntegerComparison::differing() const {
  std::map<graph::NodeId, double> fractions;
  for (const auto& [name, count] : counts_) {
    const auto id = network_.find(name);
    if (!id || count.compared == 0) continue;
    fractions[*id] = static_cast<double>(count.differing) / static_cast<double>(count.compared);
  }
  return fractions;
}

}  // namespace pact::cli::report
