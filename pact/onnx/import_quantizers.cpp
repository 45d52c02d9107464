// SPDX-License-Identifier: Apache-2.0
// Importers of quantizers. On a value of the network they become Quantize and Dequantize; on
// constants they are computed, and the constant remembers its steps.
//
//   QDQ    QuantizeLinear, DequantizeLinear          the integers' type is the grid
//   QCDQ   the same with a Clip of the integers      the Clip is the grid
//   QONNX  Quant, IntQuant, BipolarQuant             the bit width is the grid
#include <algorithm>
#include <cmath>
#include <limits>

#include "pact/numeric/rounding.h"
#include "pact/onnx/importer.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Step = Importer::Step;
using Ints = std::vector<std::int64_t>;

constexpr int kMaxWidth = 32;

struct Range {
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
};

Range range_of(int bits, bool is_signed) {
  if (!is_signed) return {0, (std::int64_t{1} << bits) - 1};
  return {-(std::int64_t{1} << (bits - 1)), (std::int64_t{1} << (bits - 1)) - 1};
}

Result<Range> range_of(DataType type) {
  const int bits = bits_of(type);
  const bool integer = type != DataType::Float && type != DataType::Double &&
                       type != DataType::Float16 && type != DataType::BFloat16;
  if (integer && bits > 0 && bits <= kMaxWidth) return range_of(bits, is_signed(type));
  return unsupported("quantization to element type ", static_cast<int>(type));
}

// What a quantizer multiplies and adds; scale and zero point have one entry, or one for each index
// of an extent.
struct Rule {
  std::vector<float> scales;
  Ints zero_points;
  std::size_t axis = 0;
  Range range;                      // of the integers in the file, the zero point included
  DataType type = DataType::UInt8;  // of these integers
  bool half = false;  // zero points are 1/2 more than they say: the levels are odd halves

  std::size_t entry(std::size_t index) const { return scales.size() == 1 ? 0 : index; }
};

Status check_scales(const std::vector<float>& scales) {
  if (scales.empty()) return make_error(ErrorCode::Corrupt, "expected scales, found none");
  for (const float scale : scales) {
    if (scale > 0 && std::isfinite(scale) && std::isfinite(1 / scale)) continue;
    return make_error(ErrorCode::Corrupt, "expected scales that are positive and finite, found ",
                      scale);
  }
  return {};
}

// Integers that a file computes with are inside their type, so differences stay far from 64 bits.
Status check_inside(const Ints& values, const Range& range) {
  for (const std::int64_t value : values) {
    if (value >= range.lowest && value <= range.highest) continue;
    return make_error(ErrorCode::Corrupt, "expected integers from ", range.lowest, " to ",
                      range.highest, ", found ", value);
  }
  return {};
}

// The rule of QuantizeLinear or DequantizeLinear for a tensor of `shape`, the batch included.
// `type` is that of the integers where no zero point says it.
Result<Rule> linear_rule(Step& step, const Shape& shape, DataType type = DataType::UInt8) {
  Rule rule;
  PACT_TRY(const Constant* scale, step.floats(1));
  rule.scales = scale->floats();
  PACT_CHECK_OK(check_scales(rule.scales));
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::int64_t axis = step.attributes.integer("axis", 1);
  if (axis < 0) axis += rank;
  if (step.attributes.integer("block_size", 0) != 0) return unsupported("a scale for each block");
  step.attributes.integer("saturate", 1);
  step.attributes.integer("precision", 0);
  const bool per_axis = rule.scales.size() != 1 || scale->shape.size() > 1;
  if (per_axis && (axis < 0 || axis >= rank || scale->shape.size() != 1 ||
                   scale->shape[0] != shape[static_cast<std::size_t>(axis)])) {
    return unsupported("scales of shape ", to_string(scale->shape), " along extent ", axis, " of ",
                       to_string(shape));
  }
  rule.axis = per_axis ? static_cast<std::size_t>(axis) : 0;
  const std::int64_t named = step.attributes.integer("output_dtype", 0);
  if (named != 0 && step.node.op_type() == "QuantizeLinear") type = static_cast<DataType>(named);
  rule.zero_points.assign(rule.scales.size(), 0);
  if (step.has_input(2)) {
    PACT_TRY(rule.zero_points, step.ints(2));
    PACT_TRY(const Constant* zero_point, step.constant(2));
    type = zero_point->type;
    if (rule.zero_points.size() != rule.scales.size()) {
      return make_error(ErrorCode::Corrupt, "expected ", rule.scales.size(), " zero points, found ",
                        rule.zero_points.size());
    }
  }
  rule.type = type;
  PACT_TRY(rule.range, range_of(type));
  PACT_CHECK_OK(check_inside(rule.zero_points, rule.range));
  return rule;
}

Result<std::int64_t> scalar(Step& step, int input) {
  PACT_TRY(const Constant* constant, step.constant(input));
  if (!constant->is_float() && constant->ints().size() == 1) return constant->ints()[0];
  if (constant->is_float() && constant->floats().size() == 1) {
    const float value = constant->floats()[0];
    if (std::abs(value) < 1e9F && value == std::trunc(value))
      return static_cast<std::int64_t>(value);
  }
  return unsupported("expected a whole number as input ", input);
}

// The scales of a quantizer of QONNX, whose shape is broadcast.
Status read_scales(Step& step, const Shape& shape, Rule& rule) {
  PACT_TRY(const Constant* scale, step.floats(1));
  rule.scales = scale->floats();
  PACT_CHECK_OK(check_scales(rule.scales));
  if (rule.scales.size() == 1) return {};
  const std::size_t rank = scale->shape.size();
  for (std::size_t i = 0; rank <= shape.size() && i < rank; ++i) {
    const std::size_t axis = shape.size() - rank + i;
    const bool all = scale->shape[i] == static_cast<std::int64_t>(rule.scales.size());
    if (!all || shape[axis] != scale->shape[i]) continue;
    rule.axis = axis;
    return {};
  }
  return unsupported("scales of shape ", to_string(scale->shape), " for ", to_string(shape));
}

Result<Rule> quant_rule(Step& step, const Shape& shape) {
  Rule rule;
  PACT_CHECK_OK(read_scales(step, shape, rule));
  PACT_TRY(const Constant* zero_point, step.constant(2));
  if (zero_point->is_float() && zero_point->floats().size() == 1) {
    const float value = zero_point->floats()[0];
    rule.half = std::abs(value) < 1e6F && value - std::floor(value) == 0.5F;
    if (rule.half) rule.zero_points.assign(rule.scales.size(), std::llround(value - 0.5F));
  }
  if (!rule.half) {
    PACT_TRY(const std::int64_t whole, scalar(step, 2));
    rule.zero_points.assign(rule.scales.size(), whole);
  }
  PACT_TRY(const std::int64_t bits, scalar(step, 3));
  const bool is_signed = step.attributes.integer("signed", 1) != 0;
  const bool narrow = step.attributes.integer("narrow", 0) != 0;
  std::string rounding = step.attributes.word("rounding_mode", "ROUND");
  for (char& c : rounding) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (rounding != "ROUND" && rounding != "HALF_EVEN") {
    return unsupported("rounding_mode '", rounding, "'");
  }
  if (bits < (is_signed ? 2 : 1) || bits > kMaxWidth) return unsupported("a width of ", bits);
  rule.range = range_of(static_cast<int>(bits), is_signed);
  PACT_CHECK_OK(check_inside(rule.zero_points, range_of(kMaxWidth, true)));
  if (narrow) (is_signed ? rule.range.lowest : rule.range.highest) += is_signed ? 1 : -1;
  return rule;
}

// Which entry of a rule element i of a constant takes.
class Entries {
 public:
  Entries(const Shape& shape, const Rule& rule) : rule_(rule) {
    for (std::size_t i = rule.axis + 1; i < shape.size(); ++i) {
      inner_ *= static_cast<std::size_t>(shape[i]);
    }
  }
  std::size_t of(std::size_t i) const { return rule_.entry(i / inner_ % rule_.scales.size()); }

 private:
  const Rule& rule_;
  std::size_t inner_ = 1;
};

// The integer that a quantizer makes of x, without its zero point.
std::int64_t level_of(float x, const Rule& rule, std::size_t entry) {
  const std::int64_t zero_point = rule.zero_points[entry];
  const double scaled = static_cast<double>(numeric::round_half_even(x / rule.scales[entry]));
  const double lowest = static_cast<double>(rule.range.lowest - zero_point);
  const double highest = static_cast<double>(rule.range.highest - zero_point);
  return static_cast<std::int64_t>(
      std::clamp(std::isnan(scaled) ? lowest : scaled, lowest, highest));
}

// A float constant that lies on the steps of a rule.
Constant stepped(const Shape& shape, const Ints& levels, const Rule& rule) {
  Steps steps{rule.scales, rule.axis, 0, 0, true};
  if (!levels.empty()) {
    const auto [lowest, highest] = std::minmax_element(levels.begin(), levels.end());
    steps.lowest = *lowest;
    steps.highest = *highest;
  }
  const Entries entries(shape, rule);
  std::vector<float> values(levels.size());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    values[i] = static_cast<float>(levels[i]) * rule.scales[entries.of(i)];
    steps.all_odd = steps.all_odd && levels[i] % 2 != 0;
  }
  return {shape, std::move(values), DataType::Float, std::move(steps)};
}

Status fold_quantize(Step& step) {
  PACT_TRY(const Constant* constant, step.floats(0));
  PACT_TRY(const Rule rule, linear_rule(step, constant->shape));
  const Entries entries(constant->shape, rule);
  Ints codes;
  for (std::size_t i = 0; i < constant->floats().size(); ++i) {
    const std::size_t entry = entries.of(i);
    codes.push_back(level_of(constant->floats()[i], rule, entry) + rule.zero_points[entry]);
  }
  return step.fold({constant->shape, std::move(codes), rule.type});
}

Status fold_dequantize(Step& step) {
  PACT_TRY(Ints levels, step.ints(0));
  PACT_TRY(const Constant* constant, step.constant(0));
  PACT_TRY(const Rule rule, linear_rule(step, constant->shape, constant->type));
  PACT_CHECK_OK(check_inside(levels, rule.range));
  const Entries entries(constant->shape, rule);
  for (std::size_t i = 0; i < levels.size(); ++i) levels[i] -= rule.zero_points[entries.of(i)];
  return step.fold(stepped(constant->shape, levels, rule));
}

// QONNX adds the zero point before it rounds.
Status fold_quant(Step& step) {
  PACT_TRY(const Constant* constant, step.floats(0));
  PACT_TRY(Rule rule, quant_rule(step, constant->shape));
  const Entries entries(constant->shape, rule);
  const double half = rule.half ? 0.5 : 0;
  Ints levels;
  for (std::size_t i = 0; i < constant->floats().size(); ++i) {
    const std::size_t entry = entries.of(i);
    const double zero_point = static_cast<double>(rule.zero_points[entry]) + half;
    const double scaled =
        static_cast<double>(constant->floats()[i]) / static_cast<double>(rule.scales[entry]) +
        zero_point;
    const double code = std::nearbyint(std::clamp(std::isnan(scaled) ? zero_point : scaled,
                                                  static_cast<double>(rule.range.lowest),
                                                  static_cast<double>(rule.range.highest)));
    levels.push_back(std::llround((code - zero_point) * (rule.half ? 2 : 1)));
  }
  for (float& scale : rule.scales) scale *= rule.half ? 0.5F : 1.0F;
  return step.fold(stepped(constant->shape, levels, rule));
}

Status fold_bipolar(Step& step) {
  PACT_TRY(const Constant* constant, step.floats(0));
  Rule rule;
  PACT_CHECK_OK(read_scales(step, constant->shape, rule));
  Ints levels;
  for (const float value : constant->floats()) levels.push_back(value >= 0 ? 1 : -1);
  return step.fold(stepped(constant->shape, levels, rule));
}

Status fold_clip(Step& step) {
  PACT_TRY(const Constant* constant, step.constant(0));
  Constant result = *constant;
  result.steps.reset();
  for (const int input : {1, 2}) {
    if (!step.has_input(input)) continue;
    const auto bounded = [&](auto& values, auto bound) {
      for (auto& value : values)
        value = input == 1 ? std::max(value, bound) : std::min(value, bound);
    };
    if (result.is_float()) {
      PACT_TRY(const Constant* bound, step.floats(input));
      if (bound->floats().size() != 1) return unsupported("bounds that are no scalars");
      bounded(std::get<0>(result.data), bound->floats()[0]);
    } else {
      PACT_TRY(const std::int64_t bound, scalar(step, input));
      bounded(std::get<1>(result.data), bound);
    }
  }
  return step.fold(std::move(result));
}

// ---- on values of the network

// The grid of levels lowest .. highest.
Result<numeric::Grid> grid_of(std::int64_t lowest, std::int64_t highest) {
  const auto width = [](std::int64_t codes) {
    int bits = 0;
    while (bits <= numeric::kStreamBits && (std::int64_t{1} << bits) < codes) ++bits;
    return bits;
  };
  const int bits = width(highest - lowest + 1);
  const bool codes_of_one_byte = bits >= 1 && bits <= numeric::kMaxCodeBits;
  if ((codes_of_one_byte || bits == numeric::kStreamBits) && lowest <= 0 && highest >= 0) {
    const numeric::Grid symmetric = numeric::symmetric_grid(std::max(bits, 2));
    if (symmetric.lowest == lowest && symmetric.highest() == highest) return symmetric;
    // 16-bit integers have one level more than streams: what would saturate there ends above it.
    if (bits == numeric::kStreamBits && symmetric.lowest - 1 == lowest &&
        symmetric.highest() == highest) {
      return symmetric;
    }
    const auto zero_point = static_cast<std::int32_t>(-lowest);
    if (codes_of_one_byte && highest - lowest + 1 == std::int64_t{1} << bits) {
      return numeric::affine_grid(bits, zero_point);
    }
  }
  return unsupported("integers from ", lowest, " to ", highest, " around their zero point: ",
                     "expected 2^k of them for k from 1 to 8, or -(2^(k-1) - 1) to 2^(k-1) - 1 for "
                     "k from 2 to 8 or 16, or 16-bit integers");
}

// Levels of `codes`, and the floats that they stand for.
Status add_quantizer(Step& step, Codes& codes) {
  PACT_TRY(const numeric::Grid grid,
           grid_of(codes.lowest - codes.zero_point, codes.highest - codes.zero_point));
  const std::int64_t channels = step.shape(codes.source)[0];
  std::vector<float> scales = codes.scales;
  if (scales.size() == 1) scales.assign(static_cast<std::size_t>(channels), codes.scales[0]);
  std::vector<float> inverses;
  for (const float scale : scales) inverses.push_back(1 / scale);
  const std::string& name = step.name();
  PACT_TRY(const NodeId levels,
           step.add(Quantize{grid, scales[0]}, {codes.source}, name + ".levels"));
  step.set_parameter(levels, "inverse", Tensor::f32({channels}, std::move(inverses)));
  PACT_TRY(const NodeId value, step.add(Dequantize{}, {levels}, name));
  step.set_parameter(value, "scale", Tensor::f32({1, channels}, std::move(scales)));
  step.set_parameter(
      value, "offset",
      Tensor::f32({channels}, std::vector<float>(static_cast<std::size_t>(channels))));
  codes.value = value;
  return {};
}

Shape with_batch(Shape shape) {
  shape.insert(shape.begin(), kBatch);
  return shape;
}

Result<Codes> codes_of(NodeId source, const Rule& rule) {
  if (rule.half) return unsupported("a zero point between two integers; expected constants");
  if (rule.scales.size() != 1 && rule.axis != 1) {
    return unsupported("a scale for each index of extent ", rule.axis);
  }
  const std::int64_t zero_point = rule.zero_points[0];
  if (std::any_of(rule.zero_points.begin(), rule.zero_points.end(),
                  [&](std::int64_t z) { return z != zero_point; })) {
    return unsupported("zero points that differ between channels");
  }
  return Codes{source, rule.scales, zero_point, rule.range.lowest, rule.range.highest};
}

Status import_quantize(Step& step) {
  PACT_TRY(const NodeId source, step.value(0));
  PACT_TRY(const Rule rule, linear_rule(step, with_batch(step.shape(source))));
  PACT_TRY(Codes codes, codes_of(source, rule));
  step.set_codes(std::move(codes));
  return {};
}

Status import_dequantize(Step& step) {
  Codes* codes = step.codes(0);
  if (codes == nullptr) return unsupported("expected the integers of QuantizeLinear as its input");
  PACT_TRY(const Rule rule, linear_rule(step, with_batch(step.shape(codes->source))));
  PACT_TRY(const Codes read, codes_of(codes->source, rule));
  if (read.scales != codes->scales || read.zero_point != codes->zero_point) {
    return unsupported("another scale or zero point than its QuantizeLinear has");
  }
  return codes->value ? step.alias(*codes->value) : add_quantizer(step, *codes);
}

Status import_quant(Step& step) {
  PACT_TRY(const NodeId source, step.value(0));
  PACT_TRY(const Rule rule, quant_rule(step, with_batch(step.shape(source))));
  PACT_TRY(Codes codes, codes_of(source, rule));
  return add_quantizer(step, codes);
}

Status import_bipolar(Step&) {
  return unsupported("values of one bit without a zero; expected constants");
}

}  // namespace

bool is_qonnx(const pb::NodeProto& node) {
  const std::string& domain = node.domain();
  const std::string& operation = node.op_type();
  return (domain == kQonnxDomain || domain == "finn.custom_op.general" ||
          domain == "onnx.brevitas") &&
         (operation == "Quant" || operation == "IntQuant" || operation == "BipolarQuant");
}

Status narrow_codes(Step& step) {
  Codes codes = *step.codes(0);
  if (step.has_input(1)) {
    PACT_TRY(const std::int64_t lowest, scalar(step, 1));
    codes.lowest = std::clamp(lowest, codes.lowest, codes.highest);
  }
  if (step.has_input(2)) {
    PACT_TRY(const std::int64_t highest, scalar(step, 2));
    codes.highest = std::clamp(highest, codes.lowest, codes.highest);
  }
  codes.value.reset();
  step.set_codes(std::move(codes));
  return {};
}

Result<numeric::WeightSpec> weights_of(const Constant& values, std::size_t outputs) {
  numeric::WeightSpec spec;
  if (!values.steps) return spec;
  const Steps& steps = *values.steps;
  const std::int64_t largest = std::max(-steps.lowest, steps.highest);
  int plain = 1;
  while (plain < kMaxWidth && (steps.lowest < -(std::int64_t{1} << (plain - 1)) ||
                               steps.highest >= std::int64_t{1} << (plain - 1))) {
    ++plain;
  }
  int odd = 1;
  while (odd < kMaxWidth && largest >= std::int64_t{1} << odd) ++odd;
  const bool is_odd = steps.all_odd && odd < plain;
  spec = {.scheme = is_odd ? numeric::WeightScheme::ScaledOdd : numeric::WeightScheme::Scaled,
          .bits = is_odd ? odd : plain,
          .granularity = steps.scales.size() == 1 ? numeric::Granularity::Tensor
                                                  : numeric::Granularity::Channel,
          .group_size = 0};
  if (spec.bits > numeric::kMaxCodeBits) {
    return unsupported("weights from ", steps.lowest, " to ", steps.highest,
                       " around their zero point: expected -128 to 127");
  }
  if (spec.granularity == numeric::Granularity::Channel && steps.axis != outputs) {
    return unsupported("weights with a scale for each index of extent ", steps.axis,
                       ": expected one for each output");
  }
  return spec;
}

OperationImporter find_quantizer_importer(std::string_view operation) {
  static const std::map<std::string_view, OperationImporter> table{
      {"QuantizeLinear", import_quantize},
      {"DequantizeLinear", import_dequantize},
      {"Quant", import_quant},
      {"IntQuant", import_quant},
      {"BipolarQuant", import_bipolar}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

OperationImporter find_quantizer_folder(std::string_view operation) {
  static const std::map<std::string_view, OperationImporter> table{
      {"QuantizeLinear", fold_quantize},
      {"DequantizeLinear", fold_dequantize},
      {"Quant", fold_quant},
      {"IntQuant", fold_quant},
      {"BipolarQuant", fold_bipolar},
      {"Clip", fold_clip}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pact::onnx
