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

Status import_add(Step& step) {
  if (step.was_taken()) {
    PACT_TRY(const NodeId layer, step.value(step.is_constant(0) ? 1 : 0));
    return step.alias(layer);
  }
  PACT_TRY(const NodeId a, step.value(0));
  PACT_TRY(const NodeId b, step.value(1));
  PACT_CHECK_OK(step.add(Add{}, {a, b}));
  return {};
}

// A factor for each channel comes second.
Status import_mul(Step& step) {
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
