// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flatbuffers.h>

#include <cstring>

#include "pact/format/model.h"
#include "pact/format/schema_generated.h"

namespace pact::format {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

std::uint16_t u16(std::int32_t value) { return static_cast<std::uint16_t>(value); }
std::uint8_t u8(std::int32_t value) { return static_cast<std::uint8_t>(value); }

schema::Grid to_schema(const numeric::Grid& grid) {
  return {static_cast<std::int16_t>(grid.lowest), u16(grid.codes - 1), u8(grid.bits),
          u8(grid.step)};
}

schema::Pair to_schema(const Pair& pair) { return {u16(pair.y), u16(pair.x)}; }
schema::Padding to_schema(const Padding& p) {
  return {u16(p.top), u16(p.left), u16(p.bottom), u16(p.right)};
}

// What a reader assumes is not stored.
template <typename Struct>
const Struct* unless(bool is_default, const Struct& stored) {
  return is_default ? nullptr : &stored;
}
bool is_default(const Pair& pair) { return pair.y == 1 && pair.x == 1; }
bool is_default(const Padding& p) {
  return p.top == 0 && p.left == 0 && p.bottom == 0 && p.right == 0;
}

class Writer {
 public:
  std::vector<std::byte> write(const Model& model) {
    std::vector<Offset<schema::Node>> nodes;
    for (const Node& node : model.nodes) {
      nodes.push_back(write_node(node, static_cast<std::int32_t>(nodes.size())));
    }
    std::vector<Offset<flatbuffers::String>> classes;
    for (const std::string_view name : model.classes) classes.push_back(string(name));
    const auto root = schema::CreateModel(
        builder_, model.version, string(model.name), string(model.tool), string(model.recipe),
        vector(model.mean), vector(model.std), builder_.CreateVector(classes),
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
  Offset<flatbuffers::Vector<std::remove_const_t<T>>> vector(std::span<T> values) {
    return values.empty() ? 0 : builder_.CreateVector(values.data(), values.size());
  }

  static schema::Value to_schema(const Value& value) {
    return {value.channels,
            value.scale,
            u16(value.height),
            u16(value.width),
            format::to_schema(value.grid),
            static_cast<schema::Element>(value.element)};
  }

  auto write_operation(const Input&) { return schema::CreateInput(builder_); }
  auto write_operation(const Lookup& op) {
    return schema::CreateLookup(builder_, vector(op.codes), vector(op.floats));
  }
  auto write_operation(const Conv& op) {
    const auto kernel = format::to_schema(op.kernel);
    const auto stride = format::to_schema(op.stride);
    const auto padding = format::to_schema(op.padding);
    const auto dilation = format::to_schema(op.dilation);
    const auto grid = format::to_schema(op.grid);
    const auto packed = vector(
        std::span(reinterpret_cast<const std::uint8_t*>(op.packed.data()), op.packed.size()));
    return schema::CreateConv(
        builder_, unless(is_default(op.kernel), kernel), unless(is_default(op.stride), stride),
        unless(is_default(op.padding), padding), unless(is_default(op.dilation), dilation),
        op.groups, unless(!op.integer(), grid), packed, vector(op.weights), vector(op.bias));
  }
  auto write_operation(const Pool& op) {
    const auto kernel = format::to_schema(op.kernel);
    const auto stride = format::to_schema(op.stride);
    const auto padding = format::to_schema(op.padding);
    return schema::CreatePool(
        builder_, static_cast<schema::PoolKind>(op.kind), unless(is_default(op.kernel), kernel),
        unless(is_default(op.stride), stride), unless(is_default(op.padding), padding),
        static_cast<schema::AverageOver>(op.over));
  }
  auto write_operation(const Shortcut& op) {
    const auto stride = format::to_schema(op.stride);
    return schema::CreateShortcut(builder_, unless(is_default(op.stride), stride), op.before);
  }
  auto write_operation(const Flatten&) { return schema::CreateFlatten(builder_); }
  auto write_operation(const Requantize& op) {
    return schema::CreateRequantize(builder_, u8(op.shift), u8(op.offset_shift), u8(op.per_channel),
                                    vector(op.multiplier), vector(op.offset));
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
  auto write_operation(const Pointwise& op) {
    return schema::CreatePointwise(builder_, static_cast<schema::Function>(op.function), op.a,
                                   op.b);
  }
  auto write_operation(const Multiply&) { return schema::CreateMultiply(builder_); }
  auto write_operation(const Concat&) { return schema::CreateConcat(builder_); }
  auto write_operation(const Slice& op) { return schema::CreateSlice(builder_, op.first); }
  auto write_operation(const Rearrange& op) {
    return schema::CreateRearrange(builder_, builder_.CreateVector(op.view),
                                   builder_.CreateVector(op.order));
  }
  auto write_operation(const Softmax&) { return schema::CreateSoftmax(builder_); }
  auto write_operation(const Pad& op) {
    const auto padding = format::to_schema(op.padding);
    const auto spread = format::to_schema(op.spread);
    return schema::CreatePad(builder_, unless(is_default(op.padding), padding),
                             unless(is_default(op.spread), spread));
  }
  auto write_operation(const Resize& op) {
    return schema::CreateResize(builder_, static_cast<schema::Interpolation>(op.rule.interpolation),
                                static_cast<schema::Coordinates>(op.rule.coordinates),
                                static_cast<schema::NearestRounding>(op.rule.rounding), op.scale_y,
                                op.scale_x);
  }

  Offset<schema::Node> write_node(const Node& node, std::int32_t index) {
    const Offset<void> operation =
        std::visit([&](const auto& op) { return write_operation(op).Union(); }, node.operation);
    const auto type = static_cast<schema::Operation>(node.operation.index() + 1);
    const std::vector<std::uint16_t> inputs(node.inputs.begin(), node.inputs.end());
    const auto stored_inputs =
        node.inputs == before(index) ? 0 : builder_.CreateVector(inputs.data(), inputs.size());
    const auto value = to_schema(node.value);
    return schema::CreateNode(builder_, string(node.name), type, operation, stored_inputs, &value);
  }

  FlatBufferBuilder builder_;
};

}  // namespace

std::vector<std::byte> write(const Model& model) { return Writer().write(model); }

}  // namespace pact::format
