// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/grids.h"

#include <algorithm>
#include <cmath>
#include <span>

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
    DataType type = narrowest(grid.bits, stream, opset_);
    const bool taken = grid.bits == 8 || (grid.bits == 4 && types == Types::All);
    const bool exact = taken && bits_of(type) == grid.bits && grid.codes == 1 << grid.bits;
    if (!stream && !exact) type = DataType::UInt8;
    const std::int64_t zero = stream ? 0 : -grid.lowest;
    const std::string step = add_scalar(builder, name + ".scale", scale);
    const std::string zero_point = add_integer(builder, name + ".zero_point", type, zero);
    std::string codes = name + ".codes";
    builder.add_node("QuantizeLinear", codes, {input, step, zero_point});
    if (!stream && !exact) {
      const std::string lowest = add_integer(builder, name + ".lowest", type, 0);
      const std::string highest = add_integer(builder, name + ".highest", type, grid.codes - 1);
      builder.add_node("Clip", name + ".clipped", {codes, lowest, highest});
      codes = name + ".clipped";
    }
    builder.add_node("DequantizeLinear", name, {codes, step, zero_point});
    return {};
  }

  std::string weights(ModelBuilder& builder, const std::string& name,
                      const LayerWeights& weights) const override {
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
    add_quant(builder, name, {input, add_scalar(builder, name + ".scale", scale)}, grid);
    return {};
  }

  std::string weights(ModelBuilder& builder, const std::string& name,
                      const LayerWeights& weights) const override {
    const Grid& grid = weights.grid;
    const std::size_t filter = weights.levels.size() / weights.scales.size();
    std::vector<float> values;
    for (std::size_t i = 0; i < weights.levels.size(); ++i) {
      values.push_back(static_cast<float>(weights.levels[i] * weights.scales[i / filter]));
    }
    std::vector<float> scales = to_floats(weights.scales);
    for (float& scale : scales) scale *= static_cast<float>(grid.step);
    const std::string stored =
        builder.add_constant(name + ".values", Tensor::f32(weights.shape, std::move(values)));
    const std::string scale = builder.add_constant(
        name + ".scale", Tensor::f32(filter_shape(weights), std::move(scales)));
    add_quant(builder, name, {stored, scale}, grid);
    return name;
  }

 private:
  // Symmetric grids are signed and "narrow": the lowest integer of their bits is left out. Others
  // that do not begin there are unsigned integers q of levels step * (q - zero).
  static void add_quant(ModelBuilder& builder, const std::string& name,
                        std::vector<std::string> inputs, const Grid& grid) {
    const bool narrow = grid.bits > 1 && grid == numeric::symmetric_grid(grid.bits);
    const bool is_signed =
        narrow || (grid.bits > 1 && grid.step == 1 && grid.lowest == -(1 << (grid.bits - 1)));
    const float zero =
        is_signed ? 0 : static_cast<float>(-grid.lowest) / static_cast<float>(grid.step);
    inputs.push_back(add_scalar(builder, name + ".zero_point", zero));
    inputs.push_back(add_scalar(builder, name + ".bits", static_cast<float>(grid.bits)));
    builder.add_node("Quant", name, inputs, kQonnxDomain)
        .set("signed", std::int64_t{is_signed})
        .set("narrow", std::int64_t{narrow})
        .set("rounding_mode", std::string("ROUND"));
  }
};

// The oldest operator set that has the network's operations.
std::int64_t least_opset(const graph::Network& network) {
  constexpr std::int64_t kOpsetHardSwish = 14;
  const auto& nodes = network.nodes();
  const bool has_hard_swish = std::any_of(nodes.begin(), nodes.end(), [](const graph::Node& node) {
    const auto* op = node.as<graph::Pointwise>();
    return op != nullptr && op->function == numeric::Function::HardSwish;
  });
  return has_hard_swish ? kOpsetHardSwish : kOpset8;
}

// The oldest operator set that has the types which hold the network's grids narrowly.
std::int64_t needed_opset(const graph::Network& network) {
  std::int64_t opset = least_opset(network);
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

std::vector<double> make_scales_positive(LayerWeights& weights) {
  const std::size_t filter = weights.levels.size() / weights.scales.size();
  std::vector<double> factors(weights.scales.size(), 1);
  for (std::size_t o = 0; o < factors.size(); ++o) {
    double& scale = weights.scales[o];
    if (static_cast<float>(scale) == 0) {
      factors[o] = 0;
      scale = 1;
    }
    if (scale > 0) continue;
    scale = -scale;
    const std::span levels(weights.levels.data() + o * filter, filter);
    const bool turns = std::all_of(levels.begin(), levels.end(), [&](std::int32_t level) {
      return weights.grid.contains(-level);
    });
    if (!turns) factors[o] = -1;
    for (std::int32_t& level : levels) level = turns ? -level : level;
  }
  return factors;
}

Result<std::unique_ptr<Dialect>> make_dialect(const graph::Network& lowered,
                                              const ExportOptions& options) {
  if (options.format == ExportFormat::Qonnx) return std::unique_ptr<Dialect>(new Qonnx);
  std::int64_t opset = needed_opset(lowered);
  if (options.opset != 0) {
    const std::int64_t least = least_opset(lowered);
    if (options.opset < least || options.opset > kOpset2) {
      return make_error(ErrorCode::InvalidArgument, "expected an operator set from ", least, " to ",
                        kOpset2, ", found ", options.opset);
    }
    opset = std::min(opset, options.opset);
  }
  return std::unique_ptr<Dialect>(new Qdq(opset));
}

}  // namespace pact::onnx
