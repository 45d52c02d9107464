// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flatbuffers.h>

#include <cstring>

#include "pact/format/model.h"
#include "pact/format/schema_generated.h"

namespace pact::format {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

schema::Grid to_schema(const numeric::Grid& grid) {
  return {grid.bits, grid.step, grid.lowest, grid.codes};
}
schema::Pair to_schema(const Pair& pair) { return {pair.y, pair.x}; }
schema::Padding to_schema(const Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

class Writer {
 public:
  std::vector<std::byte> write(const Model& model) {
    std::vector<Offset<schema::Node>> nodes;
    for (const Node& node : model.nodes) nodes.push_back(write_node(node));
    std::vector<Offset<flatbuffers::String>> classes;
    for (const std::string_view name : model.classes) classes.push_back(string(name));
    const auto root = schema::CreateModel(
        builder_, model.version, string(model.name), string(model.tool), string(model.recipe),
        string(model.source), vector(model.mean), vector(model.std), builder_.CreateVector(classes),
        builder_.CreateVector(nodes), model.output);
    schema::FinishModelBuffer(builder_, root);
    std::vector<std::byte> bytes(builder_.GetSize());
    std::memcpy(bytes.data(), builder_.GetBufferPointer(), bytes.size());
    return bytes;
  }

 private:
  Offset<flatbuffers::String> string(std::string_view text) {
    return builder_.CreateString(text.data(), text.size());
  }

  template <typename T>
  Offset<flatbuffers::Vector<T>> vector(std::span<const T> values) {
    return builder_.CreateVector(values.data(), values.size());
  }

  Offset<schema::Value> write_value(const Value& value) {
    const schema::Grid grid = to_schema(value.grid);
    return schema::CreateValue(builder_, static_cast<schema::Element>(value.element),
                               value.channels, value.height, value.width,
                               value.element == Element::Level ? &grid : nullptr, value.scale);
  }

  auto write_operation(const Input&) { return schema::CreateInput(builder_); }
  auto write_operation(const Lookup& op) {
    return schema::CreateLookup(builder_, vector(op.levels), vector(op.floats));
  }
  auto write_operation(const Conv& op) {
    const auto kernel = to_schema(op.kernel);
    const auto stride = to_schema(op.stride);
    const auto padding = to_schema(op.padding);
    const auto dilation = to_schema(op.dilation);
    const auto grid = to_schema(op.grid);
    const auto packed = builder_.CreateVector(
        reinterpret_cast<const std::uint8_t*>(op.packed.data()), op.packed.size());
    return schema::CreateConv(builder_, &kernel, &stride, &padding, &dilation, op.groups, &grid,
                              packed, vector(op.weights), vector(op.bias));
  }
  auto write_operation(const Pool& op) {
    const auto kernel = to_schema(op.kernel);
    const auto stride = to_schema(op.stride);
    const auto padding = to_schema(op.padding);
    return schema::CreatePool(builder_, static_cast<schema::PoolKind>(op.kind), &kernel, &stride,
                              &padding);
  }
  auto write_operation(const Shortcut& op) {
    const auto stride = to_schema(op.stride);
    return schema::CreateShortcut(builder_, &stride, op.before);
  }
  auto write_operation(const Flatten&) { return schema::CreateFlatten(builder_); }
  auto write_operation(const Requantize& op) {
    return schema::CreateRequantize(builder_, op.shift, vector(op.multiplier), vector(op.offset));
  }
  auto write_operation(const Quantize& op) {
    return schema::CreateQuantize(builder_, vector(op.inverse));
  }
  auto write_operation(const Dequantize& op) {
    return schema::CreateDequantize(builder_, vector(op.scale), vector(op.offset));
  }
  auto write_operation(const BatchNorm& op) {
    return schema::CreateBatchNorm(builder_, vector(op.weight), vector(op.bias), vector(op.mean),
                                   vector(op.variance), op.epsilon);
  }
  auto write_operation(const Relu&) { return schema::CreateRelu(builder_); }
  auto write_operation(const Add&) { return schema::CreateAdd(builder_); }

  Offset<schema::Node> write_node(const Node& node) {
    const Offset<void> operation =
        std::visit([&](const auto& op) { return write_operation(op).Union(); }, node.operation);
    const auto type = static_cast<schema::Operation>(node.operation.index() + 1);
    return schema::CreateNode(builder_, string(node.name), type, operation,
                              builder_.CreateVector(node.inputs), write_value(node.value));
  }

  FlatBufferBuilder builder_;
};

}  // namespace

std::vector<std::byte> write(const Model& model) { return Writer().write(model); }

}  // namespace pact::format
