// SPDX-License-Identifier: Apache-2.0
#include "pact/lower/lower.h"

#include <algorithm>

#include "pact/lower/bounds.h"
#include "pact/lower/rewriter.h"
#include "pact/numeric/activations.h"

namespace pact::lower {
namespace {

using namespace graph;

// (pixel / 255 - mean) / std, as data/ computes it for training.
float normalized(const Preprocessing& p, std::size_t channel, int pixel) {
  return (static_cast<float>(pixel) / 255.0F - p.mean[channel]) / p.std[channel];
}

// The levels of Quantize `id` as a table of the pixels, for each channel of the image; `name` is
// the table's.
Result<NodeId> add_level_table(Rewriter& rewriter, NodeId id, const std::string& name) {
  const Network& source = rewriter.source();
  const Node& node = source.node(id);
  std::vector<float> inverse = source.parameter(id, "inverse").floats();
  inverse.resize(static_cast<std::size_t>(source.node(0).type.channels()));
  const float scale = node.as<Quantize>()->scale;
  numeric::ActivationQuantizer quantizer =
      numeric::make_activation_quantizer(node.as<Quantize>()->grid, 1);
  std::vector<std::int32_t> table;
  for (std::size_t c = 0; c < inverse.size(); ++c) {
    quantizer.inverse = inverse[c];
    for (int pixel = 0; pixel < 256; ++pixel) {
      const float x = normalized(source.preprocessing, c, pixel);
      table.push_back(static_cast<std::int32_t>(numeric::quantize_level(quantizer, x)));
    }
  }
  PACT_TRY(const NodeId made, rewriter.add(name, Lookup{PixelTable::Levels, quantizer.grid, scale},
                                           {rewriter.mapped(0)}));
  const auto channels = static_cast<std::int64_t>(inverse.size());
  rewriter.result().set_parameter(made, "table", Tensor::i32({channels, 256}, table));
  return made;
}

// Whether Quantize `id` does the same to all elements of a flattened image, so that it can as well
// come before the flattening.
bool reads_flat_image(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  if (node.as<Quantize>() == nullptr) return false;
  const Node& flat = network.node(node.inputs[0]);
  const auto& inverse = network.parameter(id, "inverse").floats();
  return flat.as<Flatten>() != nullptr && flat.inputs[0] == 0 &&
         std::count(inverse.begin(), inverse.end(), inverse[0]) ==
             static_cast<std::ptrdiff_t>(inverse.size());
}

// For layers that read the image in full precision.
Result<NodeId> add_float_table(Rewriter& rewriter, NodeId image) {
  const Node& node = rewriter.source().node(image);
  std::vector<float> table;
  for (std::size_t c = 0; c < static_cast<std::size_t>(node.type.channels()); ++c) {
    for (int pixel = 0; pixel < 256; ++pixel) {
      table.push_back(normalized(rewriter.source().preprocessing, c, pixel));
    }
  }
  PACT_TRY(const NodeId made,
           rewriter.add(node.name + ".normalized", Lookup{PixelTable::Floats, {}},
                        {rewriter.mapped(image)}));
  rewriter.result().set_parameter(made, "table",
                                  Tensor::f32({node.type.channels(), 256}, std::move(table)));
  return made;
}

}  // namespace

const std::array<Pass, 6>& passes() {
  static const std::array<Pass, 6> table{{{"split", split},
                                          {"expose-levels", expose_levels},
                                          {"fold", fold},
                                          {"requantize", requantize},
                                          {"read-pixels", read_pixels},
                                          {"remove-unused", remove_unused}}};
  return table;
}

Result<Network> read_pixels(const Network& network) {
  const auto channels = static_cast<std::size_t>(network.node(0).type.channels());
  const auto* input = network.node(0).as<Input>();
  if (input == nullptr || network.preprocessing.mean.size() != channels ||
      network.preprocessing.std.size() != channels) {
    return make_error(ErrorCode::InvalidArgument, "network '", network.name,
                      "': expected a mean and a std for each of ", channels,
                      " channels of the image");
  }
  Rewriter rewriter(network);
  Input pixels = *input;
  pixels.element = ImageElement::Pixels;
  PACT_TRY(const NodeId image, rewriter.add(network.node(0).name, pixels, {}));
  rewriter.map(0, image);
  NodeId floats = -1;
  for (NodeId id = 1; id < rewriter.size(); ++id) {
    const Node& node = network.node(id);
    const bool reads_image = std::count(node.inputs.begin(), node.inputs.end(), 0) > 0;
    if (reads_image && node.as<Quantize>() != nullptr) {
      PACT_TRY(const NodeId levels, add_level_table(rewriter, id, node.name));
      rewriter.map(id, levels);
      continue;
    }
    if (reads_flat_image(network, id)) {
      PACT_TRY(const NodeId levels, add_level_table(rewriter, id, node.name + ".pixels"));
      PACT_TRY(const NodeId flat, rewriter.add(node.name, Flatten{}, {levels}));
      rewriter.map(id, flat);
      continue;
    }
    if (reads_image && floats < 0) {
      PACT_TRY(floats, add_float_table(rewriter, 0));
    }
    if (reads_image) rewriter.map(0, floats);
    PACT_CHECK_OK(rewriter.copy(id));
    rewriter.map(0, image);
  }
  return rewriter.finish();
}

Result<Network> remove_unused(const Network& network) {
  std::vector<bool> used(network.nodes().size());
  used[static_cast<std::size_t>(network.output())] = true;
  used[0] = true;  // a network keeps its image even where nothing looks at it
  for (std::size_t id = used.size(); id-- > 0;) {
    if (!used[id]) continue;
    for (const NodeId input : network.nodes()[id].inputs)
      used[static_cast<std::size_t>(input)] = true;
  }
  Rewriter rewriter(network);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (used[static_cast<std::size_t>(id)]) PACT_CHECK_OK(rewriter.copy(id));
  }
  return rewriter.finish();
}

Result<Network> lower(const Network& quantized) {
  PACT_CHECK_OK(quantized.verify());
  Network network = quantized;
  for (const Pass& pass : passes()) {
    Result<Network> next = pass.run(network);
    if (!next) {
      return make_error(next.error().code, "lowering, pass ", pass.name, ": ",
                        next.error().message);
    }
    network = std::move(*next);
  }
  PACT_CHECK_OK(bounds(network));
  return network;
}

std::string layers_text(const Network& lowered) {
  int integer = 0;
  int all = 0;
  for (const Node& node : lowered.nodes()) {
    const bool on_levels = node.as<IntConv2d>() != nullptr || node.as<IntLinear>() != nullptr;
    integer += on_levels ? 1 : 0;
    all += on_levels || node.as<Conv2d>() != nullptr || node.as<Linear>() != nullptr ? 1 : 0;
  }
  return text(integer, " of ", all, " layers in integers");
}

}  // namespace pact::lower
