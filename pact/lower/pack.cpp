// SPDX-License-Identifier: Apache-2.0
// A lowered network as a packed file: each node becomes the file's node of the same meaning.
#include "pact/numeric/pack.h"

#include <algorithm>
#include <deque>

#include "pact/base/version.h"
#include "pact/format/model.h"
#include "pact/lower/lower.h"
#include "pact/numeric/requantize.h"

namespace pact::lower {
namespace {

using namespace graph;

format::Pair to_format(const Pair& p) {
  return {static_cast<std::int32_t>(p.y), static_cast<std::int32_t>(p.x)};
}
format::Padding to_format(const Padding& p) {
  return {static_cast<std::int32_t>(p.top), static_cast<std::int32_t>(p.left),
          static_cast<std::int32_t>(p.bottom), static_cast<std::int32_t>(p.right)};
}

// What one level of a value is worth; operations that move levels keep it.
float scale_of(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  if (node.type.element != Element::Level) return 1;
  if (const auto* op = node.as<Lookup>()) return op->scale;
  if (const auto* op = node.as<Requantize>()) return op->scale;
  if (const auto* op = node.as<Quantize>()) return op->scale;
  return scale_of(network, node.inputs[0]);
}

format::Value to_format(const Network& network, NodeId id) {
  const ValueType& type = network.node(id).type;
  const auto extent = [&](std::size_t i) {
    return i < type.shape.size() ? static_cast<std::int32_t>(type.shape[i]) : 1;
  };
  return {.element = static_cast<format::Element>(type.element),
          .channels = extent(0),
          .height = extent(1),
          .width = extent(2),
          .grid = type.grid,
          .scale = scale_of(network, id)};
}

// How many of the terms, up to the last that needs it, have a multiplier for each channel. The rest
// are the same in all channels.
std::size_t per_channel_terms(const std::vector<std::int32_t>& multipliers, std::size_t channels) {
  std::size_t terms = multipliers.size() / channels;
  for (; terms > 0; --terms) {
    const auto term = std::span(multipliers).subspan((terms - 1) * channels, channels);
    if (std::any_of(term.begin(), term.end(), [&](auto m) { return m != term[0]; })) break;
  }
  return terms;
}

class Packer {
 public:
  explicit Packer(const Network& network) : network_(network) {}

  Result<std::vector<std::byte>> run(std::string_view recipe) {
    format::Model model{.name = network_.name,
                        .tool = "pact " PACT_VERSION,
                        .recipe = recipe,
                        .mean = network_.preprocessing.mean,
                        .std = network_.preprocessing.std,
                        .classes = {network_.classes.begin(), network_.classes.end()},
                        .nodes = {},
                        .output = network_.output()};
    for (NodeId id = 0; id < static_cast<NodeId>(network_.nodes().size()); ++id) {
      const Node& node = network_.node(id);
      PACT_TRY(format::Operation operation,
               std::visit([&](const auto& op) { return convert(id, op); }, node.operation));
      model.nodes.push_back(
          {node.name, std::move(operation), node.inputs, to_format(network_, id)});
    }
    PACT_CHECK_OK(format::verify(model));
    return format::write(model);
  }

 private:
  using Converted = Result<format::Operation>;

  const std::vector<float>& floats(NodeId id, const char* role) const {
    return network_.parameter(id, role).floats();
  }

  Converted convert(NodeId, const Input&) { return format::Operation(format::Input{}); }
  Converted convert(NodeId id, const Lookup& op) {
    const Tensor& table = network_.parameter(id, "table");
    if (op.table == PixelTable::Levels) {
      return format::Operation(format::Lookup{codes(table, op.grid), {}});
    }
    return format::Operation(format::Lookup{{}, table.floats()});
  }
  template <typename Conv>
  format::Conv window_of(const Conv& op) const {
    return {.kernel = to_format(op.kernel),
            .stride = to_format(op.stride),
            .padding = to_format(op.padding),
            .dilation = to_format(op.dilation),
            .groups = static_cast<std::int32_t>(op.groups)};
  }
  Converted convert(NodeId id, const IntConv2d& op) {
    return packed(id, op.weights, window_of(op));
  }
  Converted convert(NodeId id, const IntLinear& op) { return packed(id, op.weights, {}); }
  Converted convert(NodeId id, const Conv2d& op) {
    return full_precision(id, window_of(op), op.bias);
  }
  Converted convert(NodeId id, const Linear& op) { return full_precision(id, {}, op.bias); }
  Converted convert(NodeId id, const BatchNorm& op) {
    return format::Operation(format::BatchNorm{floats(id, "weight"), floats(id, "bias"),
                                               floats(id, "running_mean"),
                                               floats(id, "running_var"), op.epsilon});
  }
  Converted convert(NodeId, const Relu&) { return format::Operation(format::Relu{}); }
  Converted convert(NodeId, const Add&) { return format::Operation(format::Add{}); }
  Converted convert(NodeId, const MaxPool& op) {
    return format::Operation(format::Pool{format::PoolKind::Max, to_format(op.kernel),
                                          to_format(op.stride), to_format(op.padding)});
  }
  Converted convert(NodeId, const AvgPool& op) {
    return format::Operation(format::Pool{format::PoolKind::Average, to_format(op.kernel),
                                          to_format(op.stride), to_format(op.padding),
                                          static_cast<format::AverageOver>(op.over)});
  }
  Converted convert(NodeId, const Pointwise& op) {
    return format::Operation(format::Pointwise{op.function, op.a, op.b});
  }
  Converted convert(NodeId, const Multiply&) { return format::Operation(format::Multiply{}); }
  Converted convert(NodeId, const Concat&) { return format::Operation(format::Concat{}); }
  Converted convert(NodeId, const Slice& op) {
    return format::Operation(format::Slice{static_cast<std::int32_t>(op.first)});
  }
  Converted convert(NodeId, const Rearrange& op) {
    return format::Operation(
        format::Rearrange{{op.view.begin(), op.view.end()}, {op.order.begin(), op.order.end()}});
  }
  Converted convert(NodeId, const Softmax&) { return format::Operation(format::Softmax{}); }
  Converted convert(NodeId id, const GlobalAvgPool&) {
    return format::Operation(format::Pool{format::PoolKind::Average, whole_image(id), {1, 1}, {}});
  }
  Converted convert(NodeId id, const SumPool& op) {
    const bool global = op.kernel == Pair{0, 0};
    return format::Operation(format::Pool{format::PoolKind::Sum,
                                          global ? whole_image(id) : to_format(op.kernel),
                                          global ? format::Pair{} : to_format(op.stride),
                                          {}});
  }
  Converted convert(NodeId, const Flatten&) { return format::Operation(format::Flatten{}); }
  Converted convert(NodeId, const Shortcut& op) {
    return format::Operation(
        format::Shortcut{to_format(op.stride), static_cast<std::int32_t>(op.before)});
  }
  Converted convert(NodeId, const Pad& op) {
    return format::Operation(format::Pad{to_format(op.padding), to_format(op.spread)});
  }
  Converted convert(NodeId, const Resize& op) {
    return format::Operation(format::Resize{op.rule, op.scale.y, op.scale.x});
  }
  Converted convert(NodeId id, const Requantize& op) {
    auto offsets = numeric::shorten(network_.parameter(id, "offset").longs());
    if (!offsets) {
      return make_error(offsets.error().code, "node '", network_.node(id).name,
                        "': ", offsets.error().message);
    }
    const auto& multipliers = network_.parameter(id, "multiplier").ints();
    const std::size_t channels = offsets->values.size();
    const std::size_t first = per_channel_terms(multipliers, channels);
    std::vector<std::int32_t>& stored = integers_.emplace_back(
        multipliers.begin(), multipliers.begin() + static_cast<std::ptrdiff_t>(first * channels));
    for (std::size_t i = first * channels; i < multipliers.size(); i += channels) {
      stored.push_back(multipliers[i]);
    }
    return format::Operation(
        format::Requantize{op.shift, offsets->shift, static_cast<std::int32_t>(first), stored,
                           integers_.emplace_back(std::move(offsets->values))});
  }
  Converted convert(NodeId id, const Quantize&) {
    return format::Operation(format::Quantize{floats(id, "inverse")});
  }
  Converted convert(NodeId id, const Dequantize&) {
    return format::Operation(format::Dequantize{floats(id, "scale"), floats(id, "offset")});
  }
  Converted convert(NodeId id, const FakeQuantize&) {
    return make_error(ErrorCode::InvalidArgument, "node '", network_.node(id).name,
                      "': expected a lowered network, found a fake quantizer");
  }

  format::Pair whole_image(NodeId id) const {
    const Shape& shape = network_.node(network_.node(id).inputs[0]).type.shape;
    return {static_cast<std::int32_t>(shape[1]), static_cast<std::int32_t>(shape[2])};
  }

  const std::vector<std::uint8_t>& codes(const Tensor& levels, const numeric::Grid& grid) {
    std::vector<std::uint8_t>& result = codes_.emplace_back();
    for (const std::int32_t level : levels.ints()) {
      result.push_back(static_cast<std::uint8_t>(grid.code(level)));
    }
    return result;
  }

  Converted packed(NodeId id, const numeric::Grid& grid, format::Conv conv) {
    conv.grid = grid;
    conv.packed = packed_.emplace_back(
        numeric::pack(codes(network_.parameter(id, "weight"), grid), grid.bits));
    return format::Operation(conv);
  }

  Converted full_precision(NodeId id, format::Conv conv, Bias bias) {
    conv.weights = floats(id, "weight");
    if (bias == Bias::Present) conv.bias = floats(id, "bias");
    return format::Operation(conv);
  }

  const Network& network_;
  // What the model's views look into.
  std::deque<std::vector<std::byte>> packed_;
  std::deque<std::vector<std::uint8_t>> codes_;
  std::deque<std::vector<std::int32_t>> integers_;
};

}  // namespace

Result<std::vector<std::byte>> pack(const Network& lowered, std::string_view recipe) {
  return Packer(lowered).run(recipe);
}

}  // namespace pact::lower
