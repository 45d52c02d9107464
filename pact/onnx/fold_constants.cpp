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
  step.attributes.integer("saturate", 1);  // of types of 8-bit floats alone
  if (constant->is_float() && to == DataType::Float) return step.fold(*constant);
  const double limit = std::ldexp(1.0, bits_of(to) - 1);
  if (!constant->is_float() && to_integer) {
    for (const std::int64_t value : constant->ints()) {
      if (to == DataType::Int64 || std::abs(static_cast<double>(value)) < limit) continue;
      return make_error(ErrorCode::Corrupt, "a cast of ", value, " to ", bits_of(to), " bits");
    }
    return step.fold({constant->shape, constant->ints(), to});
  }
  if (constant->is_float() && to_integer) {
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
  PACT_TRY(const Constant* vector, step.constant(0));
  PACT_TRY(const Constant* indices, step.constant(1));
  PACT_TRY(const Ints places, step.ints(1));
  if (step.attributes.integer("axis", 0) != 0 || vector->shape.size() != 1 ||
      indices->shape.size() > 1) {
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

// Vectors and scalars, one after the other.
Status fold_concat(Step& step) {
  step.attributes.integer("axis", 0);
  PACT_TRY(const Constant* first, step.constant(0));
  std::vector<float> floats;
  Ints result;
  for (int i = 0; i < step.node.input_size(); ++i) {
    PACT_TRY(const Constant* constant, step.constant(i));
    if (constant->shape.size() > 1) return unsupported("a concatenation of constants");
    if (first->is_float()) {
      PACT_TRY(const Constant* part, step.floats(i));
      floats.insert(floats.end(), part->floats().begin(), part->floats().end());
    } else {
      PACT_TRY(const Ints values, step.ints(i));
      result.insert(result.end(), values.begin(), values.end());
    }
  }
  if (!first->is_float()) return step.fold(vector_constant(std::move(result)));
  const auto size = static_cast<std::int64_t>(floats.size());
  return step.fold({{size}, std::move(floats)});
}

// What a slice takes of an extent of `size`, in order; the step is 1 or -1.
Ints places_of(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t size) {
  const std::int64_t lowest = step > 0 ? 0 : -1;
  const auto bounded = [&](std::int64_t at) {
    if (at < 0) at = std::max(at, -size - 1) + size;
    return std::clamp<std::int64_t>(at, lowest, size + lowest);
  };
  Ints places;
  for (std::int64_t i = bounded(start); step > 0 ? i < bounded(end) : i > bounded(end); i += step) {
    places.push_back(i);
  }
  return places;
}

// A range of one extent, which may be turned around.
Status fold_slice(Step& step) {
  PACT_TRY(const Ints values, step.ints(0));
  PACT_TRY(const Constant* constant, step.constant(0));
  Ints starts = step.attributes.integers("starts", {});
  Ints ends = step.attributes.integers("ends", {});
  Ints axes = step.attributes.integers("axes", {0});
  Ints steps{1};
  Ints* const inputs[] = {&starts, &ends, &axes, &steps};
  for (int i = 0; i < 4; ++i) {
    if (!step.has_input(i + 1)) continue;
    PACT_TRY(*inputs[i], step.ints(i + 1));
  }
  if (steps != Ints{1} && steps != Ints{-1}) {
    return unsupported("a slice of a constant with steps");
  }
  if (starts.size() != 1 || ends.size() != 1 || axes.size() != 1) {
    return unsupported("a slice of several extents of a constant");
  }
  Shape shape = constant->shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  const std::int64_t axis = axes[0] + (axes[0] < 0 ? rank : 0);
  // Where there are no elements, extents have no bound.
  if (axis < 0 || axis >= rank || (values.empty() && rank != 1)) {
    return unsupported("a slice of extent ", axis, " of a constant");
  }
  std::int64_t& extent = shape[static_cast<std::size_t>(axis)];
  const Ints places = places_of(starts[0], ends[0], steps[0], extent);
  const std::int64_t inner =
      graph::element_count({shape.begin() + axis + 1, shape.end()});  // of one index of the extent
  const std::int64_t outer = graph::element_count({shape.begin(), shape.begin() + axis});
  Ints result;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t place : places) {
      const auto from = values.begin() + (o * extent + place) * inner;
      result.insert(result.end(), from, from + inner);
    }
  }
  extent = static_cast<std::int64_t>(places.size());
  return step.fold({shape, std::move(result), DataType::Int64});
}

// A matrix.
Status fold_transpose(Step& step) {
  PACT_TRY(const Constant* constant, step.constant(0));
  const Ints order = step.attributes.integers("perm", {1, 0});
  if (constant->shape.size() != 2 || order != Ints{1, 0}) {
    return unsupported("a transpose of a constant that is no matrix");
  }
  const auto rows = static_cast<std::size_t>(constant->shape[0]);
  const auto columns = static_cast<std::size_t>(constant->shape[1]);
  Constant result = *constant;
  std::swap(result.shape[0], result.shape[1]);
  if (result.steps) result.steps->axis = 1 - result.steps->axis;
  std::visit(
      [&](auto& values) {
        const auto before = values;
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t c = 0; c < columns; ++c) {
            values[c * rows + r] = before[r * columns + c];
          }
        }
      },
      result.data);
  return step.fold(std::move(result));
}

Status fold_reshape(Step& step) {
  PACT_TRY(const Constant* constant, step.constant(0));
  PACT_TRY(const Shape target, step.ints(1));
  if (constant->steps) return unsupported("a reshape of quantized weights");
  const bool zero_is_zero = step.attributes.integer("allowzero", 0) != 0;
  Constant result = *constant;
  PACT_TRY(result.shape, fill_extents(target, constant->shape, zero_is_zero));
  return step.fold(std::move(result));
}

// One number again and again.
Status fold_constant_of_shape(Step& step) {
  constexpr std::int64_t kMost = 1 << 16;
  PACT_TRY(const Shape shape, step.ints(0));
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent >= 0 && extent <= kMost) count *= extent;
    if (extent < 0 || extent > kMost || count > kMost) {
      return unsupported("expected a constant of at most ", kMost, " elements, found ",
                         graph::to_string(shape));
    }
  }
  Constant result{{1}, std::vector<float>(1)};
  if (const pb::TensorProto* tensor = step.attributes.tensor("value")) {
    PACT_TRY(result, decode(*tensor, {}));
  }
  if (result.elements() != 1) return unsupported("a value that is no scalar");
  result.shape = shape;
  std::visit([&](auto& values) { values.resize(static_cast<std::size_t>(count), values[0]); },
             result.data);
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
  const bool one_is_scalar = b->floats().size() == 1 || a->floats().size() == 1;
  if (std::min(a->floats().size(), b->floats().size()) == 0 ||
      (!one_is_scalar && a->shape != b->shape)) {
    return unsupported("arithmetic on constants of shapes ", graph::to_string(a->shape), " and ",
                       graph::to_string(b->shape));
  }
  const std::size_t count = std::max(a->floats().size(), b->floats().size());
  std::vector<float> result(count);
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
      {"Constant", fold_constant}, {"Shape", fold_shape},
      {"Identity", fold_identity}, {"Cast", fold_cast},
      {"Gather", fold_gather},     {"Unsqueeze", fold_squeeze},
      {"Squeeze", fold_squeeze},   {"Concat", fold_concat},
      {"Slice", fold_slice},       {"Add", fold_arithmetic},
      {"Sub", fold_arithmetic},    {"Mul", fold_arithmetic},
      {"Div", fold_arithmetic},    {"Transpose", fold_transpose},
      {"Reshape", fold_reshape},   {"ConstantOfShape", fold_constant_of_shape}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pact::onnx
