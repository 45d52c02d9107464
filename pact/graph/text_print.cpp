// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "pact/graph/network.h"
#include "pact/graph/text_fields.h"

namespace pact::graph {
namespace {

std::string print_float(float value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, result.ptr};
}

std::string value_text(std::int64_t value) { return std::to_string(value); }
std::string value_text(int value) { return std::to_string(value); }
std::string value_text(float value) { return print_float(value); }
std::string value_text(const Pair& pair) { return text(pair.y, "x", pair.x); }
std::string value_text(const Scale& scale) {
  return text(print_float(scale.y), "x", print_float(scale.x));
}
std::string value_text(const Padding& p) {
  return text(p.top, ",", p.left, ",", p.bottom, ",", p.right);
}
std::string value_text(const Shape& shape) { return to_string(shape); }
std::string value_text(const numeric::Grid& grid) { return numeric::name(grid); }
std::string value_text(const numeric::WeightSpec& spec) {
  if (spec.scheme == numeric::WeightScheme::None) return "none";
  std::string result =
      text(enum_name(spec.scheme), "/", spec.bits, "/", enum_name(spec.granularity));
  if (spec.granularity == numeric::Granularity::Group) result += text("/", spec.group_size);
  return result;
}
template <typename Enum>
requires std::is_enum_v<Enum> std::string value_text(Enum value) {
  return std::string(enum_name(value));
}

std::string attributes_text(const Operation& operation) {
  std::string result;
  std::visit(
      [&](const auto& op) {
        fields(op, [&](std::string_view name, const auto& value) {
          result += text(result.empty() ? "" : " ", name, "=", value_text(value));
        });
      },
      operation);
  return result;
}

std::string type_text(const ValueType& type) {
  switch (type.element) {
    case Element::F32:
      return "f32[" + to_string(type.shape) + "]";
    case Element::Pixel:
      return "pixel[" + to_string(type.shape) + "]";
    case Element::Level:
      return numeric::name(type.grid) + "[" + to_string(type.shape) + "]";
    case Element::Accumulator:
      return "i32[" + to_string(type.shape) + "]";
  }
  return "?";
}

std::string floats_text(const std::vector<float>& values) {
  std::string result;
  for (const float value : values) result += text(" ", print_float(value));
  return result;
}

// Class names may hold spaces; quotes and line ends have no place in them.
std::string quoted(const std::string& name) {
  std::string result = "\"";
  for (const char c : name) result += (c == '"' || c == '\n') ? ' ' : c;
  result += '"';
  return result;
}

}  // namespace

std::string print(const Network& network) {
  std::string result = "network " + quoted(network.name) + "\n";
  if (!network.preprocessing.mean.empty()) {
    result += "mean" + floats_text(network.preprocessing.mean) + "\n";
    result += "std" + floats_text(network.preprocessing.std) + "\n";
  }
  for (const std::string& name : network.classes) result += "class " + quoted(name) + "\n";
  for (const Node& node : network.nodes()) {
    std::string inputs;
    for (const NodeId input : node.inputs) {
      inputs += text(inputs.empty() ? "%" : ", %", network.node(input).name);
    }
    result += text("%", node.name, " = ", name(node.operation), "(", inputs, ") {",
                   attributes_text(node.operation), "} : ", type_text(node.type), "\n");
  }
  if (!network.nodes().empty()) {
    result += text("output %", network.node(network.output()).name, "\n");
  }
  return result;
}

}  // namespace pact::graph
