// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "pact/onnx/export.h"
#include "pact/onnx/exporter.h"
#include "pact/onnx/metadata.h"
#include "pact/onnx/resize_words.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();

Ints ints(const Pair& pair) { return {pair.y, pair.x}; }
Ints ints(const Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

// What a file may say of a resized extent for a reader to find both its size and its scale.
struct SizedBy {
  bool scale = false;       // the scale makes the size
  bool everywhere = false;  // in double precision, too, in which checkers of files compute it
  bool size = false;        // the size makes the scale

  SizedBy operator&(const SizedBy& other) const {
    return {scale && other.scale, everywhere && other.everywhere, size && other.size};
  }
};

SizedBy sized_by(std::int64_t in, float scale, std::int64_t out) {
  const double product = static_cast<double>(in) * static_cast<double>(scale);
  return {numeric::scaled_extent(in, scale) == out,
          product >= static_cast<double>(out) && product < static_cast<double>(out + 1),
          numeric::scale_between(in, out) == scale};
}

}  // namespace

// One overload of `of` per operation; each adds the nodes that make the value.
struct Exporter::Operations {
  Exporter& exporter;
  ModelBuilder& builder_ = exporter.builder_;

  const Node& node() const { return exporter.node(); }
  std::string name(const std::string& role) const { return exporter.part(role); }
  std::vector<std::string> inputs() const { return exporter.inputs(); }
  std::string parameter(const std::string& role) {
    return builder_.add_constant(name(role), exporter.network_.parameter(exporter.id_, role));
  }
  NodeBuilder add(const std::string& operation) {
    return builder_.add_node(operation, node().name, inputs());
  }

  Status check_float(const numeric::WeightSpec& weights) const {
    if (weights.scheme == numeric::WeightScheme::None) return {};
    return make_error(ErrorCode::Unsupported, "node '", node().name,
                      "': a float file cannot hold quantized weights; use qdq or qonnx");
  }
  NodeBuilder add_layer(const std::string& operation, Bias bias) {
    std::vector<std::string> names = inputs();
    names.push_back(parameter("weight"));
    if (bias == Bias::Present) names.push_back(parameter("bias"));
    return builder_.add_node(operation, node().name, names);
  }

  Status of(const Input&) {
    builder_.add_input(node().name, node().type.shape);
    return {};
  }
  Status of(const Conv2d& op) {
    PACT_CHECK_OK(check_float(op.weights));
    add_layer("Conv", op.bias)
        .set("kernel_shape", ints(op.kernel))
        .set("strides", ints(op.stride))
        .set("pads", ints(op.padding))
        .set("dilations", ints(op.dilation))
        .set("group", op.groups);
    return {};
  }
  Status of(const Linear& op) {
    PACT_CHECK_OK(check_float(op.weights));
    add_layer("Gemm", op.bias).set("transB", std::int64_t{1});
    return {};
  }
  Status of(const BatchNorm& op) {
    std::vector<std::string> names = inputs();
    for (const char* role : {"weight", "bias", "running_mean", "running_var"}) {
      names.push_back(parameter(role));
    }
    builder_.add_node("BatchNormalization", node().name, names).set("epsilon", op.epsilon);
    return {};
  }
  Status of(const Relu&) { return plain("Relu"); }
  Status of(const Add&) { return plain("Add"); }
  Status of(const Multiply&) { return plain("Mul"); }
  Status of(const GlobalAvgPool&) { return plain("GlobalAveragePool"); }
  Status plain(const std::string& operation) {
    add(operation);
    return {};
  }
  Status of(const MaxPool& op) {
    add("MaxPool")
        .set("kernel_shape", ints(op.kernel))
        .set("strides", ints(op.stride))
        .set("pads", ints(op.padding));
    return {};
  }
  Status of(const AvgPool& op) {
    add("AveragePool")
        .set("kernel_shape", ints(op.kernel))
        .set("strides", ints(op.stride))
        .set("pads", ints(op.padding))
        .set("count_include_pad", std::int64_t{op.over == AverageOver::Window ? 1 : 0});
    return {};
  }
  Status of(const Flatten&) {
    add("Flatten").set("axis", std::int64_t{1});
    return {};
  }
  Status of(const Concat&) {
    add("Concat").set("axis", std::int64_t{1});
    return {};
  }
  Status of(const Softmax&) {
    add("Softmax").set("axis", std::int64_t{1});
    return {};
  }
  Status of(const Slice& op) {
    builder_.add_node("Slice", node().name,
                      {inputs()[0], builder_.add_integers(name("start"), {op.first}),
                       builder_.add_integers(name("end"), {op.first + op.count}),
                       builder_.add_integers(name("axis"), {1})});
    return {};
  }
  Status of(const Shortcut& op) {
    add_shortcut(builder_, node().name, op, inputs()[0]);
    return {};
  }
  // Spreading is a transposed convolution with a weight of one for each channel.
  Status of(const Pad& op) {
    const bool pads = op.padding != Padding{} || op.spread == Pair{1, 1};
    std::string value = inputs()[0];
    if (op.spread != Pair{1, 1}) {
      const std::string spread = pads ? name("spread") : node().name;
      const std::int64_t channels = node().type.channels();
      const std::vector<float> ones(static_cast<std::size_t>(channels), 1.0F);
      builder_
          .add_node(
              "ConvTranspose", spread,
              {value, builder_.add_constant(name("ones"), Tensor::f32({channels, 1, 1, 1}, ones))})
          .set("kernel_shape", Ints{1, 1})
          .set("strides", ints(op.spread))
          .set("group", channels);
      value = spread;
    }
    if (!pads) return {};
    const Padding& p = op.padding;
    const Ints padding{0, 0, p.top, p.left, 0, 0, p.bottom, p.right};
    builder_.add_node("Pad", node().name, {value, builder_.add_integers(name("pads"), padding)});
    return {};
  }
  Status of(const Resize& op) {
    const Shape& in = exporter.network_.node(node().inputs[0]).type.shape;
    const SizedBy sized =
        sized_by(in[1], op.scale.y, op.size.y) & sized_by(in[2], op.scale.x, op.size.x);
    std::vector<std::string> names{inputs()[0], ""};
    if (sized.scale && (sized.everywhere || !sized.size)) {
      names.push_back(
          builder_.add_constant(name("scales"), Tensor::f32({4}, {1, 1, op.scale.y, op.scale.x})));
    } else if (sized.size) {
      names.emplace_back();
      names.push_back(add_sizes(op));
    } else {
      return make_error(ErrorCode::Unsupported, "node '", node().name,
                        "': expected scales that go with the sizes, found ", op.scale.y, " and ",
                        op.scale.x);
    }
    builder_.add_node("Resize", node().name, names)
        .set("mode", word_of(kModes, op.rule.interpolation))
        .set("coordinate_transformation_mode", word_of(kCoordinateModes, op.rule.coordinates))
        .set("nearest_mode", word_of(kNearestModes, op.rule.rounding));
    return {};
  }
  // The batch, which is open, and the channels are those of the input.
  std::string add_sizes(const Resize& op) {
    builder_.add_node("Shape", name("shape"), {inputs()[0]});
    builder_.add_node("Slice", name("kept"),
                      {name("shape"), builder_.add_integers(name("start"), {0}),
                       builder_.add_integers(name("end"), {2})});
    builder_
        .add_node("Concat", name("sizes"),
                  {name("kept"), builder_.add_integers(name("size"), ints(op.size))})
        .set("axis", std::int64_t{0});
    return name("sizes");
  }
  Status of(const Rearrange& op) {
    const auto reshape = [&](const std::string& made, const std::string& from, Shape shape) {
      shape.insert(shape.begin(), 0);
      builder_.add_node("Reshape", made, {from, builder_.add_integers(made + ".shape", shape)});
    };
    Ints order{0};
    for (const std::int64_t extent : op.order) order.push_back(extent + 1);
    reshape(name("view"), inputs()[0], op.view);
    builder_.add_node("Transpose", name("permuted"), {name("view")}).set("perm", order);
    reshape(node().name, name("permuted"), op.shape);
    return {};
  }
  Status of(const Pointwise& op) {
    switch (op.function) {
      case numeric::Function::Clip:
        builder_.add_node("Clip", node().name,
                          {inputs()[0], builder_.add_constant(name("min"), Tensor::f32({}, {op.a})),
                           builder_.add_constant(name("max"), Tensor::f32({}, {op.b}))});
        return {};
      case numeric::Function::LeakyRelu:
        add("LeakyRelu").set("alpha", op.a);
        return {};
      case numeric::Function::HardSigmoid:
        add("HardSigmoid").set("alpha", op.a).set("beta", op.b);
        return {};
      case numeric::Function::HardSwish:
        return plain("HardSwish");
      case numeric::Function::Sigmoid:
        break;
    }
    return plain("Sigmoid");
  }
  template <typename Other>
  Status of(const Other&) {
    return make_error(ErrorCode::Unsupported, "node '", node().name, "' (",
                      graph::name(node().operation),
                      "): a float file cannot hold it; use qdq or qonnx");
  }
};

std::vector<std::string> Exporter::inputs() const {
  std::vector<std::string> names;
  for (const NodeId input : node().inputs) names.push_back(network_.node(input).name);
  return names;
}

Status Exporter::add_float_node() {
  return std::visit([&](const auto& op) { return Operations{*this}.of(op); }, node().operation);
}

Result<std::string> Exporter::run() {
  for (id_ = 0; id_ < static_cast<NodeId>(network_.nodes().size()); ++id_) {
    PACT_CHECK_OK(add_node());
  }
  const Node& output = network_.node(network_.output());
  builder_.add_output(output.name, output.type.shape);
  write_metadata(network_, builder_.model());
  return builder_.finish();
}

void add_shortcut(ModelBuilder& builder, const std::string& name, const Shortcut& shortcut,
                  const std::string& input) {
  const bool pads = shortcut.before != 0 || shortcut.after != 0;
  const std::string sliced = pads ? name + ".pixels" : name;
  builder.add_node("Slice", sliced,
                   {input, builder.add_integers(name + ".starts", {0, 0}),
                    builder.add_integers(name + ".ends", {kToTheEnd, kToTheEnd}),
                    builder.add_integers(name + ".axes", {2, 3}),
                    builder.add_integers(name + ".steps", ints(shortcut.stride))});
  if (!pads) return;
  const Ints padding{0, shortcut.before, 0, 0, 0, shortcut.after, 0, 0};
  builder.add_node("Pad", name, {sliced, builder.add_integers(name + ".pads", padding)});
}

Result<std::string> export_float(const Network& network) {
  PACT_CHECK_OK(network.verify());
  return Exporter(network, kFloatOpset).run();
}

}  // namespace pact::onnx
