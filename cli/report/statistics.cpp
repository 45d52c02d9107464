// SPDX-License-Identifier: Apache-2.0
#include "cli/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pact/graph/activation_quantizers.h"
#include "pact/graph/quantize.h"

namespace pact::cli::report {
namespace {

constexpr std::size_t kFewestBins = 24;
constexpr std::size_t kMostBins = 96;
// Bits of codes that are counted one by one; streams have too many to be used up.
constexpr int kCountedBits = numeric::kMaxCodeBits;

// Bins for `count` values: few values in many bins are a comb.
std::size_t bins_for(std::size_t count) {
  const auto bins = static_cast<std::size_t>(2 * std::sqrt(static_cast<double>(count)));
  return std::clamp(bins, kFewestBins, kMostBins);
}

Histogram empty_histogram(double lowest, double highest, std::size_t bins) {
  return {.lowest = lowest, .highest = highest, .counts = std::vector<std::int64_t>(bins)};
}

// A grid, with `room` times its width on both sides for what it clips.
Quantization empty_quantization(const numeric::Grid& grid, double room, std::size_t bins) {
  const double width = grid.highest() - grid.lowest;
  const double half_step = grid.step / 2.0;
  Quantization result{
      .grid = grid, .low_end = grid.lowest - half_step, .high_end = grid.highest() + half_step};
  result.histogram =
      empty_histogram(grid.lowest - room * width, grid.highest() + room * width, bins);
  if (grid.bits <= kCountedBits) result.codes.resize(static_cast<std::size_t>(grid.codes));
  return result;
}

double fraction(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// The weights as their scheme reads them before it rounds.
std::vector<float> meant_weights(std::span<const float> weights, const numeric::WeightSpec& spec) {
  std::vector<float> meant(weights.begin(), weights.end());
  if (!numeric::is_squashed(spec)) return meant;
  float largest = 0;
  for (float& weight : meant) {
    weight = std::tanh(weight);
    largest = std::max(largest, std::abs(weight));
  }
  if (largest > 0) {
    for (float& weight : meant) weight /= largest;
  }
  return meant;
}

// The quantizer whose levels a layer reads, past nodes that only move them.
std::optional<graph::NodeId> quantizer_before(const graph::Network& network, graph::NodeId layer) {
  graph::NodeId id = network.node(layer).inputs[0];
  while (network.node(id).as<graph::FakeQuantize>() == nullptr) {
    const graph::Node& node = network.node(id);
    if (!graph::keeps_levels(node)) return std::nullopt;
    id = node.inputs[0];
  }
  return id;
}

void describe_weights(Layer& layer, const graph::Network& network, graph::NodeId id,
                      const numeric::WeightSpec& spec) {
  const graph::Tensor& weight = network.parameter(id, "weight");
  const std::vector<float>& values = weight.floats();
  layer.weights = static_cast<std::int64_t>(values.size());
  if (spec.scheme == numeric::WeightScheme::None) {
    double largest = 0;
    for (const float value : values) largest = std::max(largest, std::abs(double{value}));
    largest = std::max(largest, 1e-6);
    layer.values = empty_histogram(-largest, largest, bins_for(values.size()));
    for (const float value : values) layer.values.add(value);
    layer.grid = "f32";
  } else {
    std::span<const float> given;
    if (numeric::has_given_scales(spec)) given = network.parameter(id, "weight_scale").floats();
    layer.quantized =
        weight_quantization(values, static_cast<std::size_t>(weight.shape[0]), spec, given);
    layer.grid = numeric::name(layer.quantized->grid);
    layer.bits = spec.bits;
  }
  layer.bytes = (static_cast<std::uint64_t>(layer.weights) * layer.bits + 7) / 8;
}

}  // namespace

void Histogram::add(double value) {
  if (value > highest) {
    ++above;
  } else if (value >= lowest) {
    const auto bins = static_cast<double>(counts.size());
    const auto bin = static_cast<std::size_t>((value - lowest) / (highest - lowest) * bins);
    ++counts[std::min(bin, counts.size() - 1)];
  } else {
    ++below;
  }
}

void Quantization::add(const Sample& sample) {
  histogram.add(sample.position);
  if (!codes.empty()) ++codes[static_cast<std::size_t>(grid.code(sample.level))];
  ++count;
  if (sample.position <= low_end || sample.position >= high_end) ++clipped;
  signal += sample.meant * sample.meant;
  noise += (sample.meant - sample.value) * (sample.meant - sample.value);
}

double Quantization::clipped_share() const { return fraction(clipped, count); }

double Quantization::unused_share() const {
  const auto unused = std::count(codes.begin(), codes.end(), 0);
  return fraction(unused, static_cast<std::int64_t>(codes.size()));
}

std::optional<double> Quantization::decibels() const {
  if (!(signal > 0) || !std::isfinite(signal)) return std::nullopt;
  return 10 * std::log10(signal / noise);
}

Quantization weight_quantization(std::span<const float> weights, std::size_t outputs,
                                 const numeric::WeightSpec& spec, std::span<const float> given) {
  const numeric::QuantizedWeights quantized =
      value_or_throw(numeric::quantize_weights(weights, outputs, spec, given));
  const std::vector<float> meant = meant_weights(weights, spec);
  constexpr double kRoom = 0.25;
  Quantization result = empty_quantization(quantized.grid, kRoom, bins_for(weights.size()));
  if (quantized.scales.size() == 1) result.scale = quantized.scales[0];
  for (std::size_t i = 0; i < meant.size(); ++i) {
    const double scale = quantized.scales[i / quantized.group_size];
    const std::int32_t level = quantized.grid.level(quantized.codes[i]);
    result.add(
        {.meant = meant[i], .position = meant[i] / scale, .level = level, .value = level * scale});
  }
  return result;
}

ActivationCounter::ActivationCounter(const graph::Network& network, graph::NodeId quantizer)
    : pact_(network.node(quantizer).as<graph::FakeQuantize>()->scheme ==
            graph::ActivationScheme::Pact),
      quantizers_(value_or_throw(graph::activation_quantizers(network, quantizer))),
      channel_size_(static_cast<std::size_t>(network.node(quantizer).type.channel_size())) {
  const numeric::Grid& grid = quantizers_[0].grid;
  constexpr double kRoom = 0.5;
  constexpr double kNarrowRoom = 0.1;
  result_ = empty_quantization(grid, pact_ ? kRoom : kNarrowRoom, kMostBins);
  if (quantizers_.size() == 1) result_.scale = quantizers_[0].scale;
  if (!pact_) return;
  result_.low_end = -std::numeric_limits<double>::infinity();
  result_.high_end = grid.highest();
  for (const float alpha : network.parameter(quantizer, "alpha").floats()) clips_.push_back(alpha);
}

void ActivationCounter::add(std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = i / channel_size_ % quantizers_.size();
    const numeric::ActivationQuantizer& quantizer = quantizers_[channel];
    const float x = values[i];
    const float level = numeric::quantize_level(quantizer, x);
    // Exactly the highest level at x = alpha.
    const double position =
        pact_ ? x / clips_[channel] * quantizer.grid.highest() : x / double{quantizer.scale};
    result_.add({.meant = pact_ ? std::max(x, 0.0F) : x,
                 .position = position,
                 .level = static_cast<std::int32_t>(level),
                 .value = level * quantizer.scale});
  }
}

std::vector<Layer> layers_of(const graph::Network& network) {
  std::vector<Layer> layers;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(network.nodes().size()); ++id) {
    const graph::Node& node = network.node(id);
    const auto* conv = node.as<graph::Conv2d>();
    const auto* linear = node.as<graph::Linear>();
    if (conv == nullptr && linear == nullptr) continue;
    Layer layer{
        .name = node.name, .operation = "linear", .shape = graph::to_string(node.type.shape)};
    if (conv != nullptr) {
      layer.operation = text("conv ", conv->kernel.y, "x", conv->kernel.x,
                             conv->groups > 1 ? text(" g", conv->groups) : "");
    }
    layer.macs = network.macs(id);
    describe_weights(layer, network, id, conv != nullptr ? conv->weights : linear->weights);
    layer.quantizer = quantizer_before(network, id);
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace pact::cli::report
