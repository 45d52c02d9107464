// SPDX-License-Identifier: Apache-2.0
// Operations on constants alone: the ways in which exporters spell shapes.
#include <algorithm>
#include <cmath>
#include <functional>

#include "pact/onnx/importer.h"

namespace pact::onnx {

using graph::Shape;

namespace {

using Step = Importer::Step;
using Ints = std::vector<std::int64_t>;

Constant vector_constant(Ints values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return {{size}, std::move(values), DataType::Int64};
}

Status fold_constant(Step& step) {
  if (const pb::TensorProto* tensor = step.attributes.tensor("value")) {
    PACT_TRY(Constant constant, decode(*tensor, {}));
    return step.fold(std::move(constant));
  }
  if (step.attributes.has("value_int")) {
    return step.fold({{}, Ints{step.attributes.integer("value_int", 0)}, DataType::Int64});
  }
  if (step.attributes.has("value_float")) {
    return step.fold({{}, std::vector<float>{step.attributes.real("value_float", 0)}});
  }
  if (step.attributes.has("value_ints")) {
    return step.fold(vector_constant(step.attributes.integers("value_ints", {})));
  }
  return unsupported("a constant that is neither a tensor nor integers");
}

// The shape of a value: the batch stays open.
Status fold_shape(Step& step) {
  Ints shape;
  if (step.is_constant(0)) {
    PACT_TRY(const Constant* constant, step.constant(0));
    shape = constant->shape;
  } else {
    PACT_TRY(const graph::NodeId id, step.value(0));
    shape = step.shape(id);
    shape.insert(shape.begin(), kBatch);
  }
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto bounded = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t start = bounded(step.attributes.integer("start", 0));
  const std::int64_t end = bounded(step.attributes.integer("end", rank));
  if (start >= end) return step.fold(vector_constant({}));
  return step.fold(vector_constant({shape.begin() + start, shape.begin() + end}));
}

Status fold_identity(Step& step) {
  PACT_TRY(const Constant* constant, step.constant(0));
  return step.fold(*constant);
}

Status fold_cast(Step& step) {
  PACT_TRY(const Constant* constant, step.constant(0));
  const auto to = static_cast<DataType>(step.attributes.integer("to", 0));
  const bool to_integer = to == DataType::Int64 || to == DataType::Int32 || to == DataType::Int8;
  if (constant->is_float() ? to == DataType::Float : to_integer) return step.fold(*constant);
  if (constant->is_float() && to_integer) {
    const double limit = std::ldexp(1.0, bits_of(to) - 1);
    Ints values;
    for (const float value : constant->floats()) {
      if (!(std::abs(static_cast<double>(value)) < limit)) {
        return make_error(ErrorCode::Corrupt, "a cast of ", value, " to ", bits_of(to), " bits");
      }
      values.push_back(static_cast<std::int64_t>(value));
    }
    return step.fold({constant->shape, std::move(values), to});
  }
  return unsupported("a cast of a constant to element type ", static_cast<int>(to));
}

// Elements of a vector, in the order of a vector of indices or as a scalar.
Status fold_gather(Step& step) {
  PACT_TRY(const Ints values, step.ints(0));
  PACT_TRY(const Constant* indices, step.constant(1));
  PACT_TRY(const Ints places, step.ints(1));
  if (step.attributes.integer("axis", 0) != 0 || indices->shape.size() > 1) {
    return unsupported("a gather from other constants than vectors");
  }
  Ints result;
  const auto size = static_cast<std::int64_t>(values.size());
  for (std::int64_t place : places) {
    if (place < 0) place += size;
    if (place < 0 || place >= size) return make_error(ErrorCode::Corrupt, "an index of ", place);
    result.push_back(values[static_cast<std::size_t>(place)]);
  }
  return step.fold({indices->shape, std::move(result), DataType::Int64});
}

// Scalars and vectors of one become each other.
Status fold_squeeze(Step& step) {
  PACT_TRY(const Constant* constant, step.constant(0));
  step.attributes.integers("axes", {});
  if (constant->is_float() || constant->shape.size() > 1) {
    return unsupported("a change of extents of a constant");
  }
  if (step.node.op_type() == "Unsqueeze") {
    if (!constant->shape.empty()) return unsupported("a change of extents of a constant");
    return step.fold(vector_constant(constant->ints()));
  }
  if (constant->ints().size() != 1) return unsupported("a change of extents of a constant");
  return step.fold({{}, constant->ints(), DataType::Int64});
}

Status fold_concat(Step& step) {
  step.attributes.integer("axis", 0);
  Ints result;
  for (int i = 0; i < step.node.input_size(); ++i) {
    PACT_TRY(const Constant* constant, step.constant(i));
    if (constant->shape.size() > 1) return unsupported("a concatenation of constants");
    PACT_TRY(const Ints values, step.ints(i));
    result.insert(result.end(), values.begin(), values.end());
  }
  return step.fold(vector_constant(std::move(result)));
}

// A range of a vector.
Status fold_slice(Step& step) {
  PACT_TRY(const Ints values, step.ints(0));
  Ints starts = step.attributes.integers("starts", {});
  Ints ends = step.attributes.integers("ends", {});
  step.attributes.integers("axes", {});
  if (step.has_input(1)) {
    PACT_TRY(starts, step.ints(1));
    PACT_TRY(ends, step.ints(2));
  }
  if (step.has_input(4)) {
    PACT_TRY(const Ints steps, step.ints(4));
    if (steps != Ints{1}) return unsupported("a slice of a constant with steps");
  }
  if (starts.size() != 1 || ends.size() != 1) return unsupported("a slice of a constant");
  const auto size = static_cast<std::int64_t>(values.size());
  const auto bounded = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const std::int64_t start = bounded(std::max(starts[0], -size));
  const std::int64_t end = std::max(start, bounded(std::max(ends[0], -size - 1)));
  return step.fold(vector_constant({values.begin() + start, values.begin() + end}));
}

// A matrix.
Status fold_transpose(Step& step) {
  PACT_TRY(const Constant* constant, step.floats(0));
  const Ints order = step.attributes.integers("perm", {1, 0});
  if (constant->shape.size() != 2 || order != Ints{1, 0}) {
    return unsupported("a transpose of a constant that is no matrix");
  }
  const auto rows = static_cast<std::size_t>(constant->shape[0]);
  const auto columns = static_cast<std::size_t>(constant->shape[1]);
  Constant result = *constant;
  std::swap(result.shape[0], result.shape[1]);
  if (result.steps) result.steps->axis = 1 - result.steps->axis;
  auto& values = std::get<0>(result.data);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      values[c * rows + r] = constant->floats()[r * columns + c];
    }
  }
  return step.fold(std::move(result));
}

float combine(const std::string& operation, float a, float b) {
  if (operation == "Add") return a + b;
  if (operation == "Sub") return a - b;
  return operation == "Mul" ? a * b : a / b;
}

// Floats of one shape, or one of them a scalar.
Status fold_float_arithmetic(Step& step) {
  PACT_TRY(const Constant* a, step.floats(0));
  PACT_TRY(const Constant* b, step.floats(1));
  if (b->floats().size() != 1 && a->floats().size() != 1 && a->shape != b->shape) {
    return unsupported("arithmetic on constants of shapes ", graph::to_string(a->shape), " and ",
                       graph::to_string(b->shape));
  }
  const std::size_t count = std::max(a->floats().size(), b->floats().size());
  std::vector<float> result(std::min(a->floats().size(), b->floats().size()) == 0 ? 0 : count);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = combine(step.node.op_type(), a->floats()[a->floats().size() == 1 ? 0 : i],
                        b->floats()[b->floats().size() == 1 ? 0 : i]);
  }
  return step.fold(
      {a->floats().size() >= b->floats().size() ? a->shape : b->shape, std::move(result)});
}

// Arithmetic on extents; the open batch has no number.
Status fold_arithmetic(Step& step) {
  PACT_TRY(const Constant* first, step.constant(0));
  if (first->is_float()) return fold_float_arithmetic(step);
  PACT_TRY(const Ints a, step.ints(0));
  PACT_TRY(const Ints b, step.ints(1));
  PACT_TRY(const Constant* left, step.constant(0));
  PACT_TRY(const Constant* right, step.constant(1));
  const std::string& operation = step.node.op_type();
  if (a.empty() || b.empty() || (a.size() != b.size() && std::min(a.size(), b.size()) != 1)) {
    return unsupported("arithmetic on constants of these shapes");
  }
  Ints result;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    constexpr std::int64_t kLimit = std::int64_t{1} << 31;
    const std::int64_t x = a[a.size() == 1 ? 0 : i];
    const std::int64_t y = b[b.size() == 1 ? 0 : i];
    if (std::min(x, y) < -kLimit || std::max(x, y) > kLimit) {
      return unsupported("arithmetic on the size of the batch");
    }
    if (operation == "Div" && y == 0) return make_error(ErrorCode::Corrupt, "a division by zero");
    if (operation == "Add") result.push_back(x + y);
    if (operation == "Sub") result.push_back(x - y);
    if (operation == "Mul") result.push_back(x * y);
    if (operation == "Div") result.push_back(x / y);
  }
  return step.fold(
      {a.size() >= b.size() ? left->shape : right->shape, std::move(result), DataType::Int64});
}

}  // namespace

OperationImporter find_folder(std::string_view operation) {
  static const std::map<std::string_view, OperationImporter> table{
      {"Constant", fold_constant}, {"Shape", fold_shape},        {"Identity", fold_identity},
      {"Cast", fold_cast},         {"Gather", fold_gather},      {"Unsqueeze", fold_squeeze},
      {"Squeeze", fold_squeeze},   {"Concat", fold_concat},      {"Slice", fold_slice},
      {"Add", fold_arithmetic},    {"Sub", fold_arithmetic},     {"Mul", fold_arithmetic},
      {"Div", fold_arithmetic},    {"Transpose", fold_transpose}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pact::onnx
