// SPDX-License-Identifier: Apache-2.0
// Importers of operations on each element or channel.
#include <limits>

#include "pact/onnx/importer.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Step = Importer::Step;

Status import_relu(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_CHECK_OK(step.add(Relu{}, {input}));
  return {};
}

// A constant as a number for each channel of a value; one that differs inside a channel is an
// Error.
Result<std::vector<float>> channels_of(Step& step, int input, const Shape& shape) {
  PACT_TRY(const Constant* constant, step.floats(input));
  const auto channels = static_cast<std::size_t>(shape[0]);
  if (constant->floats().size() == 1) return std::vector(channels, constant->floats()[0]);
  const std::size_t rank = constant->shape.size();
  const bool one_per_channel = rank >= shape.size() && rank <= shape.size() + 1 &&
                               constant->shape[rank - shape.size()] == shape[0] &&
                               constant->floats().size() == channels;
  if (one_per_channel) return constant->floats();
  return unsupported("a constant of shape ", to_string(constant->shape), " with a value of shape ",
                     to_string(shape), ": expected one element for each channel");
}

// Arithmetic with a constant is a batch norm whose statistics stay.
Status import_affine(Step& step) {
  const bool first = step.is_constant(0);
  const std::string& operation = step.node.op_type();
  if (first && operation == "Div") return unsupported("a division by a value");
  PACT_TRY(const NodeId input, step.value(first ? 1 : 0));
  PACT_TRY(std::vector<float> constant, channels_of(step, first ? 0 : 1, step.shape(input)));
  std::vector<float> factor(constant.size(), 1);
  std::vector<float> offset(constant.size(), 0);
  for (std::size_t c = 0; c < constant.size(); ++c) {
    if (operation == "Mul") factor[c] = constant[c];
    if (operation == "Div") factor[c] = 1 / constant[c];
    if (operation == "Add" || operation == "Sub") offset[c] = constant[c];
    if (operation == "Sub") (first ? factor : offset)[c] *= -1;
  }
  PACT_TRY(const NodeId id, step.add(BatchNorm{0, Statistics::Fixed}, {input}));
  const Shape shape{step.shape(id)[0]};
  step.set_parameter(id, "weight", Tensor::f32(shape, std::move(factor)));
  step.set_parameter(id, "bias", Tensor::f32(shape, std::move(offset)));
  step.set_parameter(id, "running_mean", Tensor::f32(shape, std::vector<float>(constant.size())));
  step.set_parameter(id, "running_var", Tensor::f32(shape, std::vector<float>(constant.size(), 1)));
  return {};
}

bool has_constant(const Step& step) {
  return step.node.input_size() == 2 && (step.is_constant(0) || step.is_constant(1));
}

Status import_subtraction_or_division(Step& step) {
  if (has_constant(step)) return import_affine(step);
  return unsupported("expected a constant as one of its inputs");
}

Status import_add(Step& step) {
  if (step.was_taken()) {
    PACT_TRY(const NodeId layer, step.value(step.is_constant(0) ? 1 : 0));
    return step.alias(layer);
  }
  if (has_constant(step)) return import_affine(step);
  PACT_TRY(const NodeId a, step.value(0));
  PACT_TRY(const NodeId b, step.value(1));
  PACT_CHECK_OK(step.add(Add{}, {a, b}));
  return {};
}

// A factor for each channel comes second.
Status import_mul(Step& step) {
  if (has_constant(step)) return import_affine(step);
  PACT_TRY(const NodeId a, step.value(0));
  PACT_TRY(const NodeId b, step.value(1));
  const bool swapped = element_count(step.shape(a)) < element_count(step.shape(b));
  PACT_CHECK_OK(step.add(Multiply{}, swapped ? std::vector{b, a} : std::vector{a, b}));
  return {};
}

Status import_identity(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  return step.alias(input);
}

// Changes nothing when a network is used.
Status import_dropout(Step& step) {
  step.attributes.integer("seed", 0);
  step.attributes.real("ratio", 0);
  if (step.node.output_size() > 1 && !step.node.output(1).empty()) {
    return unsupported("a dropout that returns its mask");
  }
  return import_identity(step);
}

// A bound of Clip: an input since operator set 11, an attribute before.
Result<float> bound(Step& step, int input, const std::string& name, float otherwise) {
  if (!step.has_input(input)) return step.attributes.real(name, otherwise);
  PACT_TRY(const Constant* constant, step.floats(input));
  if (constant->floats().size() != 1) return unsupported("bounds that are no scalars");
  return constant->floats()[0];
}

Status import_pointwise(Step& step) {
  using numeric::Function;
  if (step.codes(0) != nullptr) return narrow_codes(step);
  PACT_TRY(const NodeId input, step.value(0));
  const std::string& operation = step.node.op_type();
  Pointwise op;
  if (operation == "Clip") {
    constexpr float kLargest = std::numeric_limits<float>::max();
    PACT_TRY(op.a, bound(step, 1, "min", -kLargest));
    PACT_TRY(op.b, bound(step, 2, "max", kLargest));
    op.a = std::max(op.a, -kLargest);
    op.b = std::min(op.b, kLargest);
  } else if (operation == "LeakyRelu") {
    op = {Function::LeakyRelu, step.attributes.real("alpha", 0.01F), 0};
  } else if (operation == "HardSigmoid") {
    op = {Function::HardSigmoid, step.attributes.real("alpha", 0.2F),
          step.attributes.real("beta", 0.5F)};
  } else {
    op.function = operation == "HardSwish" ? Function::HardSwish : Function::Sigmoid;
  }
  PACT_CHECK_OK(step.add(op, {input}));
  return {};
}

Status import_softmax(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  const std::int64_t axis = step.attributes.integer("axis", step.opset() < 13 ? 1 : -1);
  const bool flat = step.shape(input).size() == 1;
  if (!step.is_channel_axis(axis, input) || (step.opset() < 13 && !flat)) {
    return unsupported("a softmax along extent ", axis);
  }
  PACT_CHECK_OK(step.add(Softmax{}, {input}));
  return {};
}

}  // namespace

OperationImporter find_value_importer(std::string_view operation) {
  static const std::map<std::string_view, OperationImporter> table{
      {"Relu", import_relu},
      {"Add", import_add},
      {"Mul", import_mul},
      {"Sub", import_subtraction_or_division},
      {"Div", import_subtraction_or_division},
      {"Clip", import_pointwise},
      {"LeakyRelu", import_pointwise},
      {"HardSigmoid", import_pointwise},
      {"HardSwish", import_pointwise},
      {"Sigmoid", import_pointwise},
      {"Softmax", import_softmax},
      {"Identity", import_identity},
      {"Dropout", import_dropout}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pact::onnx
