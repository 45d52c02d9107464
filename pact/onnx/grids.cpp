// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/grids.h"

#include <algorithm>
#include <cmath>

namespace pact::onnx {
namespace {

using graph::Tensor;
using numeric::Grid;

// Operator sets that brought types of 8, of 4 and 16, and of 2 bits.
constexpr std::int64_t kOpset8 = 13;
constexpr std::int64_t kOpset4 = 21;
constexpr std::int64_t kOpset2 = 25;

DataType narrowest(int bits, bool is_signed, std::int64_t opset) {
  if (bits <= 2 && opset >= kOpset2) return is_signed ? DataType::Int2 : DataType::UInt2;
  if (bits <= 4 && opset >= kOpset4) return is_signed ? DataType::Int4 : DataType::UInt4;
  if (bits <= 8) return is_signed ? DataType::Int8 : DataType::UInt8;
  return is_signed ? DataType::Int16 : DataType::UInt16;
}

std::string add_integer(ModelBuilder& builder, const std::string& name, DataType type,
                        std::int64_t value) {
  builder.add_tensor(encode(name, {}, type, {value}));
  return name;
}

std::string add_scalar(ModelBuilder& builder, const std::string& name, float value) {
  return builder.add_constant(name, Tensor::f32({}, {value}));
}

// {outputs, 1, 1, 1} for weights of four extents: multiplies each filter.
graph::Shape filter_shape(const LayerWeights& weights) {
  graph::Shape shape(weights.shape.size(), 1);
  shape[0] = weights.shape[0];
  return shape;
}

std::vector<float> to_floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// Scales of weights are positive in ONNX: where one is not, the levels take its sign.
void make_scales_positive(LayerWeights& weights) {
  const std::size_t filter = weights.levels.size() / weights.scales.size();
  for (std::size_t o = 0; o < weights.scales.size(); ++o) {
    if (!(weights.scales[o] < 0)) continue;
    weights.scales[o] = -weights.scales[o];
    for (std::size_t i = o * filter; i < (o + 1) * filter; ++i) {
      weights.levels[i] = -weights.levels[i];
    }
  }
}

// QuantizeLinear and DequantizeLinear, with a Clip of the integers where a type holds more than
// the grid.
class Qdq final : public Dialect {
 public:
  explicit Qdq(std::int64_t opset) : opset_(opset) {}
  std::int64_t opset() const override { return opset_; }

  Status quantize(ModelBuilder& builder, const std::string& name, const std::string& input,
                  const Grid& grid, float scale, Types types) const override {
    const bool stream = grid.bits > numeric::kMaxCodeBits;
    if (stream && opset_ < kOpset4) {
      return make_error(ErrorCode::Unsupported, "node '", name,
                        "': streams of 16 bits need operator set ", kOpset4);
    }
    // Where a type holds more than the grid, the codes are clipped; Clip knows types from 8 bits
    // on. Two bits have a type, too, but ONNX Runtime moves it to operations that do not take it.
    const bool exact = (grid.bits == 4 && types == Types::All) || grid.bits == 8;
    DataType type = narrowest(grid.bits, stream, opset_);
    if (!stream && (!exact || bits_of(type) != grid.bits)) type = DataType::UInt8;
    const std::int64_t zero = stream ? 0 : -grid.lowest;
    const std::string step = add_scalar(builder, name + ".scale", scale);
    const std::string zero_point = add_integer(builder, name + ".zero_point", type, zero);
    std::string codes = name + ".codes";
    builder.add_node("QuantizeLinear", codes, {input, step, zero_point});
    if (!stream && bits_of(type) != grid.bits) {
      const std::string lowest = add_integer(builder, name + ".lowest", type, 0);
      const std::string highest = add_integer(builder, name + ".highest", type, grid.codes - 1);
      builder.add_node("Clip", name + ".clipped", {codes, lowest, highest});
      codes = name + ".clipped";
    }
    builder.add_node("DequantizeLinear", name, {codes, step, zero_point});
    return {};
  }

  std::string weights(ModelBuilder& builder, const std::string& name,
                      LayerWeights weights) const override {
    make_scales_positive(weights);
    if (weights.grid.step == 2) return odd_weights(builder, name, weights);
    const std::vector<std::int64_t> levels(weights.levels.begin(), weights.levels.end());
    builder.add_tensor(
        encode(name + ".codes", weights.shape, narrowest(weights.grid.bits, true, opset_), levels));
    return add_dequantize(builder, name, name + ".codes", weights);
  }

 private:
  // Odd levels 2q - (2^k - 1) have no zero point: 2(q - 2^(k-1)) + 1 is exact in floats. They
  // become integers again, because runtimes quantize float weights anew when they see quantized
  // inputs.
  std::string odd_weights(ModelBuilder& builder, const std::string& name,
                          const LayerWeights& weights) const {
    const Grid& grid = weights.grid;
    std::vector<std::int64_t> codes;
    for (const std::int32_t level : weights.levels) codes.push_back((level - grid.lowest) / 2);
    const DataType type = narrowest(grid.bits, false, opset_);
    builder.add_tensor(encode(name + ".codes", weights.shape, type, codes));
    const std::string two = add_scalar(builder, name + ".two", 2);
    const std::string middle =
        add_integer(builder, name + ".middle", type, std::int64_t{1} << (grid.bits - 1));
    builder.add_node("DequantizeLinear", name + ".even", {name + ".codes", two, middle});
    builder.add_node("Add", name + ".odd", {name + ".even", add_scalar(builder, name + ".one", 1)});
    const DataType levels = grid.bits < 8 ? DataType::Int8 : DataType::Int32;
    builder.add_node("Cast", name + ".levels", {name + ".odd"})
        .set("to", static_cast<std::int64_t>(levels));
    return add_dequantize(builder, name, name + ".levels", weights);
  }

  static std::string add_dequantize(ModelBuilder& builder, const std::string& name,
                                    const std::string& levels, const LayerWeights& weights) {
    const std::string scale = builder.add_constant(
        name + ".scale", Tensor::f32({weights.shape[0]}, to_floats(weights.scales)));
    builder.add_node("DequantizeLinear", name, {levels, scale}).set("axis", std::int64_t{0});
    return name;
  }

  std::int64_t opset_;
};

// QONNX: one Quant node from floats to floats, with a zero point that need not be whole.
class Qonnx final : public Dialect {
 public:
  std::int64_t opset() const override { return kFloatOpset; }

  Status quantize(ModelBuilder& builder, const std::string& name, const std::string& input,
                  const Grid& grid, float scale, Types /*types*/) const override {
    const bool stream = grid.bits > numeric::kMaxCodeBits;
    add_quant(builder, name, {input, add_scalar(builder, name + ".scale", scale)},
              stream ? 0.0F : static_cast<float>(-grid.lowest), grid.bits, stream);
    return {};
  }

  std::string weights(ModelBuilder& builder, const std::string& name,
                      LayerWeights weights) const override {
    make_scales_positive(weights);
    const Grid& grid = weights.grid;
    const std::size_t filter = weights.levels.size() / weights.scales.size();
    std::vector<float> values;
    for (std::size_t i = 0; i < weights.levels.size(); ++i) {
      values.push_back(static_cast<float>(weights.levels[i] * weights.scales[i / filter]));
    }
    const bool odd = grid.step == 2;
    if (odd) {
      for (double& scale : weights.scales) scale *= 2;
    }
    const std::string stored =
        builder.add_constant(name + ".values", Tensor::f32(weights.shape, std::move(values)));
    const std::string scale = builder.add_constant(
        name + ".scale", Tensor::f32(filter_shape(weights), to_floats(weights.scales)));
    const float zero = odd ? static_cast<float>((1 << grid.bits) - 1) / 2 : 0;
    add_quant(builder, name, {stored, scale}, zero, grid.bits, !odd);
    return name;
  }

 private:
  // Signed grids are symmetric ("narrow").
  static void add_quant(ModelBuilder& builder, const std::string& name,
                        std::vector<std::string> inputs, float zero, int bits, bool is_signed) {
    inputs.push_back(add_scalar(builder, name + ".zero_point", zero));
    inputs.push_back(add_scalar(builder, name + ".bits", static_cast<float>(bits)));
    builder.add_node("Quant", name, inputs, kQonnxDomain)
        .set("signed", std::int64_t{is_signed})
        .set("narrow", std::int64_t{is_signed})
        .set("rounding_mode", std::string("ROUND"));
  }
};

// The oldest operator set that has the types which hold the network's grids narrowly.
std::int64_t needed_opset(const graph::Network& network) {
  std::int64_t opset = kOpset8;
  const auto need = [&](int bits) {
    if (bits <= 2) opset = std::max(opset, kOpset2);
    if (bits == 3 || bits == 4 || bits > 8) opset = std::max(opset, kOpset4);
  };
  for (const graph::Node& node : network.nodes()) {
    const bool level = node.type.element == graph::Element::Level;
    if (level && (node.type.grid.bits == 4 || node.type.grid.bits > 8)) need(node.type.grid.bits);
    if (const auto* op = node.as<graph::IntConv2d>()) need(op->weights.bits);
    if (const auto* op = node.as<graph::IntLinear>()) need(op->weights.bits);
  }
  return opset;
}

}  // namespace

Result<std::unique_ptr<Dialect>> make_dialect(const graph::Network& lowered,
                                              const ExportOptions& options) {
  if (options.format == ExportFormat::Qonnx) return std::unique_ptr<Dialect>(new Qonnx);
  std::int64_t opset = needed_opset(lowered);
  if (options.opset != 0) {
    if (options.opset < kOpset8 || options.opset > kOpset2) {
      return make_error(ErrorCode::InvalidArgument, "expected an operator set from ", kOpset8,
                        " to ", kOpset2, ", found ", options.opset);
    }
    opset = std::min(opset, options.opset);
  }
  return std::unique_ptr<Dialect>(new Qdq(opset));
}

}  // namespace pact::onnx
