// SPDX-License-Identifier: Apache-2.0
#include "bench/qdq_network.h"

#include <limits>
#include <map>
#include <random>

#include "pact/onnx/builder.h"

namespace pact::bench {
namespace {

using namespace graph;
using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kOpset = 17;
constexpr std::int64_t kSignedZero = 128;  // zero points of bytes
constexpr std::int64_t kUnsignedZero = 0;

// A value as floats, as bytes, or both; bytes are made when somebody first asks for them.
struct Value {
  std::string floats;
  std::string bytes;
  std::int64_t zero = kSignedZero;
};

class QdqWriter {
 public:
  explicit QdqWriter(const Network& network)
      : network_(network), values_(network.nodes().size()), builder_(network.name, kOpset) {
    add_scalar("scale", onnx::pb::TensorProto::FLOAT).add_float_data(0.05F);
    add_scalar("zero.i8", onnx::pb::TensorProto::INT8).add_int32_data(0);
    add_scalar("zero.i32", onnx::pb::TensorProto::INT32).add_int32_data(0);
    add_scalar("zero0", onnx::pb::TensorProto::UINT8).add_int32_data(kUnsignedZero);
    add_scalar("zero128", onnx::pb::TensorProto::UINT8).add_int32_data(kSignedZero);
  }

  Result<std::string> run() {
    for (id_ = 0; id_ < static_cast<NodeId>(network_.nodes().size()); ++id_) {
      PACT_CHECK_OK(std::visit([&](const auto& op) { return write(op); }, node().operation));
    }
    const Value& result = values_[static_cast<std::size_t>(network_.output())];
    builder_.add_output(result.floats, network_.node(network_.output()).type.shape);
    return builder_.finish();
  }

 private:
  const Node& node() const { return network_.node(id_); }
  Value& value() { return values_[static_cast<std::size_t>(id_)]; }
  Value& input(std::size_t i = 0) { return values_[static_cast<std::size_t>(node().inputs[i])]; }

  onnx::pb::TensorProto& add_scalar(const std::string& name, onnx::pb::TensorProto::DataType type) {
    onnx::pb::TensorProto& tensor = *builder_.model().mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    return tensor;
  }
  static std::string zero_name(std::int64_t zero) { return text("zero", zero); }

  const std::string& bytes(Value& of) {
    if (of.bytes.empty()) {
      of.bytes = of.floats + ".bytes";
      builder_.add_node("QuantizeLinear", of.bytes, {of.floats, "scale", zero_name(of.zero)});
    }
    return of.bytes;
  }
  // Each reader has a dequantization of its own: that is the pattern which ONNX Runtime fuses.
  std::string read(std::size_t i = 0) {
    Value& of = input(i);
    const std::string name = text(node().name, ".in", i);
    builder_.add_node("DequantizeLinear", name, {bytes(of), "scale", zero_name(of.zero)});
    return name;
  }
  // Weights or biases, as floats, of random bytes or of zeros: with a scale for each output where
  // ONNX Runtime fuses that, else with one and the zero point that its fusion asks for.
  std::string constant(const std::string& role, const Shape& shape, bool is_weight) {
    using Type = onnx::pb::TensorProto;
    const std::string name = node().name + "." + role;
    const std::string scale = name + ".scale";
    Type& tensor = add_scalar(name + ".bytes", is_weight ? Type::INT8 : Type::INT32);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    std::uniform_int_distribution<int> level(-127, 127);
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      if (is_weight) {
        tensor.mutable_raw_data()->push_back(static_cast<char>(level(random_)));
      } else {
        tensor.add_int32_data(0);
      }
    }
    const bool each = std::holds_alternative<Conv2d>(node().operation);
    const Shape scales = each ? Shape{shape[0]} : Shape{};
    builder_.add_constant(
        scale,
        Tensor::f32(scales, std::vector<float>(static_cast<std::size_t>(element_count(scales)),
                                               is_weight ? 0.01F : 0.01F * 0.05F)));
    std::vector<std::string> inputs{name + ".bytes", scale};
    if (!each) inputs.push_back(is_weight ? "zero.i8" : "zero.i32");
    builder_.add_node("DequantizeLinear", name, inputs).set("axis", std::int64_t{each ? 0 : 1});
    return name;
  }
  onnx::NodeBuilder add_layer(const std::string& operation, const Shape& weight) {
    value().floats = node().name;
    return builder_.add_node(
        operation, node().name,
        {read(), constant("weight", weight, true), constant("bias", {weight[0]}, false)});
  }
  onnx::NodeBuilder add_same_scale(const std::string& operation) {
    value() = {.floats = node().name, .zero = input().zero};
    return builder_.add_node(operation, node().name, {read()});
  }

  Status write(const Input&) {
    builder_.add_input(node().name, node().type.shape);
    auto& info = *builder_.model().mutable_graph()->mutable_input(0);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::pb::TensorProto::UINT8);
    value().bytes = node().name;
    return {};
  }
  Status write(const Conv2d& op) {
    const Shape weight{op.out_channels, network_.node(node().inputs[0]).type.channels() / op.groups,
                       op.kernel.y, op.kernel.x};
    add_layer("Conv", weight)
        .set("kernel_shape", Ints{op.kernel.y, op.kernel.x})
        .set("strides", Ints{op.stride.y, op.stride.x})
        .set("pads", Ints{op.padding.top, op.padding.left, op.padding.bottom, op.padding.right})
        .set("dilations", Ints{op.dilation.y, op.dilation.x})
        .set("group", op.groups);
    return {};
  }
  Status write(const Linear& op) {
    const std::int64_t inputs = element_count(network_.node(node().inputs[0]).type.shape);
    add_layer("Gemm", {op.out_features, inputs}).set("transB", std::int64_t{1});
    return {};
  }
  Status write(const BatchNorm&) {
    value() = input();
    return {};
  }
  // What saturates at a zero point of zero is an activation.
  Status write(const Relu&) {
    value() = {.floats = input().floats, .zero = kUnsignedZero};
    return {};
  }
  Status write(const Add&) {
    value().floats = node().name;
    const std::string first = read(0);
    builder_.add_node("Add", node().name, {first, read(1)});
    return {};
  }
  Status write(const MaxPool& op) { return write_pool("MaxPool", op); }
  Status write(const AvgPool& op) { return write_pool("AveragePool", op); }
  template <typename Op>
  Status write_pool(const std::string& operation, const Op& op) {
    add_same_scale(operation)
        .set("kernel_shape", Ints{op.kernel.y, op.kernel.x})
        .set("strides", Ints{op.stride.y, op.stride.x})
        .set("pads", Ints{op.padding.top, op.padding.left, op.padding.bottom, op.padding.right});
    return {};
  }
  Status write(const GlobalAvgPool&) {
    add_same_scale("GlobalAveragePool");
    return {};
  }
  Status write(const Flatten&) {
    add_same_scale("Flatten");
    return {};
  }
  // On the bytes themselves.
  Status write(const Shortcut& op) {
    constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();
    const std::string name = node().name;
    const std::string sliced = name + ".pixels";
    builder_.add_node("Slice", sliced,
                      {bytes(input()), builder_.add_integers(name + ".starts", {0, 0}),
                       builder_.add_integers(name + ".ends", {kToTheEnd, kToTheEnd}),
                       builder_.add_integers(name + ".axes", {2, 3}),
                       builder_.add_integers(name + ".steps", {op.stride.y, op.stride.x})});
    builder_.add_node(
        "Pad", name,
        {sliced, builder_.add_integers(name + ".pads", {0, op.before, 0, 0, 0, op.after, 0, 0}),
         zero_name(input().zero)});
    value() = {.floats = {}, .bytes = name, .zero = input().zero};
    return {};
  }
  template <typename Op>
  Status write(const Op&) {
    return make_error(ErrorCode::Unsupported, "node '", node().name, "': an operation that no ",
                      "network of pact bench has");
  }

  const Network& network_;
  std::vector<Value> values_;  // by node
  onnx::ModelBuilder builder_;
  NodeId id_ = 0;
  std::mt19937 random_{1};
};

}  // namespace

Result<std::string> qdq_network(const Network& network) { return QdqWriter(network).run(); }

}  // namespace pact::bench
