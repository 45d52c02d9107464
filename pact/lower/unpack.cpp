// SPDX-License-Identifier: Apache-2.0
// A packed file as the lowered network that it was made of.
#include "pact/lower/lower.h"
#include "pact/numeric/pack.h"

namespace pact::lower {
namespace {

using namespace graph;

Pair to_graph(const format::Pair& p) { return {p.y, p.x}; }
Padding to_graph(const format::Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

Tensor f32(Shape shape, std::span<const float> values) {
  return Tensor::f32(std::move(shape), {values.begin(), values.end()});
}

class Unpacker {
 public:
  explicit Unpacker(const format::Model& model) : model_(model) {}

  Result<Network> run() {
    network_.name = model_.name;
    network_.preprocessing = {{model_.mean.begin(), model_.mean.end()},
                              {model_.std.begin(), model_.std.end()}};
    network_.classes.assign(model_.classes.begin(), model_.classes.end());
    for (const format::Node& node : model_.nodes) {
      node_ = &node;
      PACT_CHECK_OK(std::visit([&](const auto& op) { return of(op); }, node.operation));
    }
    network_.set_output(model_.output);
    PACT_CHECK_OK(network_.verify());
    return std::move(network_);
  }

 private:
  const format::Value& value() const { return node_->value; }
  std::int64_t channels() const { return value().channels; }
  bool reads_flat_value() const { return network_.node(node_->inputs[0]).type.shape.size() == 1; }

  Status add(Operation operation) {
    PACT_TRY(id_, network_.add(std::string(node_->name), std::move(operation), node_->inputs));
    return {};
  }
  void set(const char* role, Tensor tensor) {
    network_.set_parameter(id_, role, std::move(tensor));
  }

  Status of(const format::Input&) {
    return add(Input{channels(), value().height, value().width, ImageElement::Pixels});
  }
  Status of(const format::Lookup& op) {
    const bool levels = op.integer();
    PACT_CHECK_OK(add(levels ? Lookup{PixelTable::Levels, value().grid, value().scale}
                             : Lookup{PixelTable::Floats, {}}));
    if (!levels) {
      set("table", f32({channels(), 256}, op.floats));
      return {};
    }
    std::vector<std::int32_t> table;
    for (const std::uint8_t code : op.codes) table.push_back(value().grid.level(code));
    set("table", Tensor::i32({channels(), 256}, std::move(table)));
    return {};
  }
  Status of(const format::Conv& op) {
    const bool is_pointwise =
        op.kernel.y == 1 && op.kernel.x == 1 && op.groups == 1 && op.padding == format::Padding{};
    if (reads_flat_value() && !is_pointwise) {
      return make_error(ErrorCode::Unsupported, "layer '", node_->name,
                        "': expected one group and one weight for each channel of a value "
                        "without extents");
    }
    if (!op.integer()) return float_layer(op);
    if (reads_flat_value()) {
      PACT_CHECK_OK(add(IntLinear{channels(), op.grid}));
    } else {
      PACT_CHECK_OK(
          add(IntConv2d{channels(), to_graph(op.kernel), to_graph(op.stride), to_graph(op.padding),
                        to_graph(op.dilation), op.groups, op.grid}));
    }
    const Shape shape = network_.parameter_slots(id_)[0].shape;
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(element_count(shape)));
    numeric::unpack(op.packed, op.grid.bits, codes);
    std::vector<std::int32_t> levels;
    for (const std::uint8_t code : codes) levels.push_back(op.grid.level(code));
    set("weight", Tensor::i32(shape, std::move(levels)));
    return {};
  }
  Status float_layer(const format::Conv& op) {
    const Bias bias = op.bias.empty() ? Bias::Absent : Bias::Present;
    if (reads_flat_value()) {
      PACT_CHECK_OK(add(Linear{channels(), bias, {}}));
    } else {
      PACT_CHECK_OK(add(Conv2d{channels(),
                               to_graph(op.kernel),
                               to_graph(op.stride),
                               to_graph(op.padding),
                               to_graph(op.dilation),
                               op.groups,
                               bias,
                               {}}));
    }
    set("weight", f32(network_.parameter_slots(id_)[0].shape, op.weights));
    if (bias == Bias::Present) set("bias", f32({channels()}, op.bias));
    return {};
  }
  Status of(const format::Pool& op) {
    switch (op.kind) {
      case format::PoolKind::Sum:
        return add(SumPool{is_global(op) ? Pair{0, 0} : to_graph(op.kernel), to_graph(op.stride)});
      case format::PoolKind::Max:
        return add(MaxPool{to_graph(op.kernel), to_graph(op.stride), to_graph(op.padding)});
      case format::PoolKind::Average:
        break;
    }
    return add(AvgPool{to_graph(op.kernel), to_graph(op.stride), to_graph(op.padding),
                       static_cast<AverageOver>(op.over)});
  }
  // Lowering says "the whole image" so.
  bool is_global(const format::Pool& op) const {
    const format::Value& in = model_.input_of(*node_);
    return op.kernel.y == in.height && op.kernel.x == in.width && op.stride.y == 1 &&
           op.stride.x == 1;
  }
  Status of(const format::Shortcut& op) {
    const std::int64_t read = model_.input_of(*node_).channels;
    return add(Shortcut{to_graph(op.stride), op.before, channels() - read - op.before});
  }
  Status of(const format::Pad& op) { return add(Pad{to_graph(op.padding), to_graph(op.spread)}); }
  Status of(const format::Resize& op) {
    return add(Resize{{value().height, value().width}, {op.scale_y, op.scale_x}, op.rule});
  }
  Status of(const format::Flatten&) { return add(Flatten{}); }
  Status of(const format::Requantize& op) {
    PACT_CHECK_OK(add(Requantize{op.shift, value().grid, value().scale}));
    const auto size = static_cast<std::size_t>(channels());
    const std::size_t terms = node_->inputs.size();
    std::vector<std::int32_t> multipliers;
    std::vector<std::int64_t> offsets;
    for (std::size_t i = 0; i < terms * size; ++i) {
      multipliers.push_back(op.full_multiplier(i / size, i % size));
    }
    for (std::size_t c = 0; c < size; ++c) offsets.push_back(op.full_offset(c));
    set("multiplier",
        Tensor::i32({static_cast<std::int64_t>(terms), channels()}, std::move(multipliers)));
    set("offset", Tensor::i64({channels()}, std::move(offsets)));
    return {};
  }
  Status of(const format::Quantize& op) {
    PACT_CHECK_OK(add(Quantize{value().grid, value().scale}));
    set("inverse", f32({channels()}, op.inverse));
    return {};
  }
  Status of(const format::Dequantize& op) {
    PACT_CHECK_OK(add(Dequantize{}));
    set("scale", f32({static_cast<std::int64_t>(node_->inputs.size()), channels()}, op.scale));
    set("offset", f32({channels()}, op.offset));
    return {};
  }
  Status of(const format::BatchNorm& op) {
    PACT_CHECK_OK(add(BatchNorm{op.epsilon}));
    set("weight", f32({channels()}, op.weight));
    set("bias", f32({channels()}, op.bias));
    set("running_mean", f32({channels()}, op.mean));
    set("running_var", f32({channels()}, op.variance));
    return {};
  }
  Status of(const format::Relu&) { return add(Relu{}); }
  Status of(const format::Add&) { return add(Add{}); }
  Status of(const format::Pointwise& op) { return add(Pointwise{op.function, op.a, op.b}); }
  Status of(const format::Multiply&) { return add(Multiply{}); }
  Status of(const format::Concat&) { return add(Concat{}); }
  Status of(const format::Slice& op) { return add(Slice{op.first, channels()}); }
  Status of(const format::Rearrange& op) {
    // Of one pixel: flat if an image is read, an image if a flat value is.
    Shape shape{channels(), value().height, value().width};
    if (value().pixels() == 1 && !reads_flat_value()) shape = {channels()};
    return add(Rearrange{
        {op.view.begin(), op.view.end()}, {op.order.begin(), op.order.end()}, std::move(shape)});
  }
  Status of(const format::Softmax&) { return add(Softmax{}); }

  const format::Model& model_;
  const format::Node* node_ = nullptr;
  NodeId id_ = 0;
  Network network_;
};

}  // namespace

Result<Network> unpack(const format::Model& model) { return Unpacker(model).run(); }

}  // namespace pact::lower
