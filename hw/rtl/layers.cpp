// SPDX-License-Identifier: Apache-2.0
#include "hw/rtl/layers.h"

#include <map>
#include <numeric>
#include <optional>
#include <random>

#include "pact/data/dataset.h"
#include "pact/format/model.h"
#include "pact/graph/evaluator.h"
#include "pact/lower/lower.h"

namespace pact::rtl {
namespace {

using Codes = std::vector<std::int32_t>;
using Levels = std::map<graph::NodeId, std::vector<std::int32_t>>;

Codes codes_of(const std::vector<std::int32_t>& levels, const numeric::Grid& grid) {
  Codes codes;
  codes.reserve(levels.size());
  for (const std::int32_t level : levels) codes.push_back(grid.code(level));
  return codes;
}

// Puts the term of the convolution first.
numeric::Requantization requantization_of(const graph::Network& network, graph::NodeId id,
                                          std::size_t convolution_term) {
  numeric::Requantization result;
  result.shift = network.node(id).as<graph::Requantize>()->shift;
  result.offsets = network.parameter(id, "offset").longs();
  const auto& multipliers = network.parameter(id, "multiplier").ints();
  const auto channels = static_cast<std::ptrdiff_t>(result.offsets.size());
  const auto middle =
      multipliers.begin() + static_cast<std::ptrdiff_t>(convolution_term) * channels;
  result.multipliers.assign(middle, middle + channels);
  result.multipliers.insert(result.multipliers.end(), multipliers.begin(), middle);
  result.multipliers.insert(result.multipliers.end(), middle + channels, multipliers.end());
  return result;
}

// The layer that ends in `id`, if there is one that the array can compute.
std::optional<Layer> layer_at(const graph::Network& network, graph::NodeId id,
                              const Levels& levels) {
  const graph::Node& node = network.node(id);
  if (node.as<graph::Requantize>() == nullptr || node.inputs.size() > 2) return {};
  std::optional<Layer> found;
  for (std::size_t term = 0; term < node.inputs.size(); ++term) {
    const graph::NodeId from = node.inputs[term];
    const auto* convolution = network.node(from).as<graph::IntConv2d>();
    if (convolution == nullptr || convolution->groups != 1) continue;
    if (found) return {};
    const graph::NodeId source = network.node(from).inputs[0];
    found = Layer{.name = network.node(from).name,
                  .convolution = *convolution,
                  .input_type = network.node(source).type,
                  .output_type = node.type,
                  .requantization = requantization_of(network, id, term)};
    found->input = codes_of(levels.at(source), found->input_type.grid);
    found->weights = codes_of(network.parameter(from, "weight").ints(), found->convolution.weights);
    found->output = codes_of(levels.at(id), node.type.grid);
    if (node.inputs.size() == 2) {
      const graph::NodeId residual = node.inputs[1 - term];
      const graph::ValueType& type = network.node(residual).type;
      if (type.element != graph::Element::Level || type.grid.bits > numeric::kMaxCodeBits)
        return {};
      found->residual_grid = type.grid;
      found->residuals = codes_of(levels.at(residual), found->residual_grid);
    }
  }
  return found;
}

}  // namespace

std::vector<std::int32_t> windows(const Layer& layer) {
  const graph::IntConv2d& op = layer.convolution;
  const auto& in = layer.input_type.shape;
  const auto& out = layer.output_type.shape;
  std::vector<std::int32_t> result;
  result.reserve(layer.pixels() * layer.filter_size());
  for (std::int64_t y = 0; y < out[1]; ++y) {
    for (std::int64_t x = 0; x < out[2]; ++x) {
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(layer.filter_size()); ++i) {
        const std::int64_t channel = i / (op.kernel.y * op.kernel.x);
        const std::int64_t ky = i / op.kernel.x % op.kernel.y;
        const std::int64_t row = y * op.stride.y - op.padding.top + ky * op.dilation.y;
        const std::int64_t column =
            x * op.stride.x - op.padding.left + i % op.kernel.x * op.dilation.x;
        const bool inside = row >= 0 && row < in[1] && column >= 0 && column < in[2];
        result.push_back(
            inside ? layer.input[static_cast<std::size_t>((channel * in[1] + row) * in[2] + column)]
                   : layer.input_type.grid.code(0));
      }
    }
  }
  return result;
}

// The law is about levels, the hardware about codes. With level = lowest + code of the activations,
// of the residual and of the result,
//   sum(level * weight) = sum(code * weight) + lowest * sum(weight)
// and every such constant goes into the offset; so does the half that rounds.
Constants constants(const Layer& layer, std::size_t channel) {
  const numeric::Requantization& law = layer.requantization;
  Constants result{.multiplier = law.multipliers[channel], .offset = law.offsets[channel]};
  std::int64_t weights = 0;
  const std::size_t size = layer.filter_size();
  for (std::size_t i = channel * size; i < (channel + 1) * size; ++i) {
    weights += layer.convolution.weights.level(layer.weights[i]);
  }
  result.offset += result.multiplier * (layer.input_type.grid.lowest * weights);
  if (law.terms() == 2) {
    result.residual_multiplier = law.multipliers[law.channels() + channel];
    result.offset += std::int64_t{result.residual_multiplier} * layer.residual_grid.lowest;
  }
  result.offset -= std::int64_t{layer.output_type.grid.lowest} * (std::int64_t{1} << law.shift);
  result.offset += std::int64_t{1} << (law.shift - 1);
  return result;
}

Image cifar_image() {
  const auto* info = value_or_throw(data::find_dataset("cifar10"));
  const auto test = data::load_dataset(*info, data::data_root(), data::Split::Test);
  if (test) {
    const auto image = test->image(0);
    return {.pixels = {image.begin(), image.end()}, .origin = "first test image of CIFAR-10"};
  }
  Image image{.pixels = std::vector<std::int32_t>(3 * 32 * 32),
              .origin = "pixels from seed 1 (no CIFAR-10 under PACT_DATA)"};
  std::mt19937 random(1);
  for (std::int32_t& pixel : image.pixels) pixel = static_cast<std::int32_t>(random() % 256);
  return image;
}

Result<std::vector<Layer>> evaluate_layers(const std::filesystem::path& file, const Image& image) {
  PACT_TRY(const format::Model model, format::read(file));
  PACT_TRY(const graph::Network network, lower::unpack(model));
  Levels levels;
  const auto keep = [&](graph::NodeId id, const graph::Value& value) {
    if (const auto* ints = std::get_if<std::vector<std::int32_t>>(&value)) levels[id] = *ints;
  };
  PACT_TRY(const graph::Value output, graph::evaluate(network, image.pixels, keep));
  static_cast<void>(output);
  std::vector<Layer> layers;
  for (std::size_t id = 0; id < network.nodes().size(); ++id) {
    auto layer = layer_at(network, static_cast<graph::NodeId>(id), levels);
    if (layer) layers.push_back(std::move(*layer));
  }
  return layers;
}

}  // namespace pact::rtl
