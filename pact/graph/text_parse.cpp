// SPDX-License-Identifier: Apache-2.0
// Reads the text form: one statement a line. The type after the colon is for people; it is
// inferred anew, not read.
#include <charconv>
#include <map>

#include "pact/graph/network.h"
#include "pact/graph/text_fields.h"

namespace pact::graph {
namespace {

template <typename... Parts>
Error syntax_error(const Parts&... parts) {
  return make_error(ErrorCode::InvalidArgument, parts...);
}

template <typename Number>
Status parse_value(std::string_view text, Number& value) requires std::is_arithmetic_v<Number> {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return {};
  return syntax_error("expected a number, found '", text, "'");
}

// Splits at each `separator`; always at least one part.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// Pair and Scale.
template <typename Two>
Status parse_two(std::string_view text, Two& values) {
  const auto parts = split(text, 'x');
  if (parts.size() != 2) return syntax_error("expected two numbers as 1x1, found '", text, "'");
  PACT_CHECK_OK(parse_value(parts[0], values.y));
  return parse_value(parts[1], values.x);
}
Status parse_value(std::string_view text, Pair& pair) { return parse_two(text, pair); }
Status parse_value(std::string_view text, Scale& scale) { return parse_two(text, scale); }

// "2x3x4" as to_string(Shape) prints it.
Status parse_value(std::string_view text, Shape& shape) {
  shape.clear();
  for (const std::string_view part : split(text, 'x')) {
    PACT_CHECK_OK(parse_value(part, shape.emplace_back()));
  }
  return {};
}

Status parse_value(std::string_view text, Padding& padding) {
  const auto parts = split(text, ',');
  if (parts.size() != 4)
    return syntax_error("expected four numbers as 0,0,0,0, found '", text, "'");
  std::int64_t* const sides[] = {&padding.top, &padding.left, &padding.bottom, &padding.right};
  for (std::size_t i = 0; i < 4; ++i) PACT_CHECK_OK(parse_value(parts[i], *sides[i]));
  return {};
}

Status parse_value(std::string_view text, numeric::Grid& grid) {
  PACT_TRY(grid, numeric::parse_grid(std::string(text)));
  return {};
}

template <typename Enum>
Status parse_value(std::string_view text, Enum& value) requires std::is_enum_v<Enum> {
  PACT_TRY(value, parse_enum<Enum>("attribute", text));
  return {};
}

Status parse_value(std::string_view text, numeric::WeightSpec& spec) {
  const auto parts = split(text, '/');
  PACT_CHECK_OK(parse_value(parts[0], spec.scheme));
  if (spec.scheme == numeric::WeightScheme::None && parts.size() == 1) return {};
  if (parts.size() < 3 || parts.size() > 4) {
    return syntax_error("expected weights as scheme/bits/granularity, found '", text, "'");
  }
  PACT_CHECK_OK(parse_value(parts[1], spec.bits));
  PACT_CHECK_OK(parse_value(parts[2], spec.granularity));
  if (parts.size() == 4) PACT_CHECK_OK(parse_value(parts[3], spec.group_size));
  return {};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "name=value name=value" -> map.
Result<std::map<std::string_view, std::string_view>> parse_pairs(std::string_view text) {
  std::map<std::string_view, std::string_view> pairs;
  for (const std::string_view part : split(trim(text), ' ')) {
    if (part.empty()) continue;
    const std::size_t at = part.find('=');
    if (at == std::string_view::npos)
      return syntax_error("expected name=value, found '", part, "'");
    if (!pairs.emplace(part.substr(0, at), part.substr(at + 1)).second) {
      return syntax_error("attribute '", part.substr(0, at), "' is given twice");
    }
  }
  return pairs;
}

template <std::size_t... I>
Operation make_operation(std::size_t index, std::index_sequence<I...>) {
  Operation operation;
  ((I == index ? (operation.emplace<I>(), 0) : 0), ...);
  return operation;
}

Result<Operation> parse_operation(std::string_view name, std::string_view attributes) {
  std::size_t index = 0;
  while (index < kOperationNames.size() && kOperationNames[index] != name) ++index;
  if (index == kOperationNames.size()) return syntax_error("unknown operation '", name, "'");
  Operation operation =
      make_operation(index, std::make_index_sequence<std::variant_size_v<Operation>>{});
  PACT_TRY(auto pairs, parse_pairs(attributes));
  Status status;
  std::visit(
      [&](auto& op) {
        fields(op, [&](std::string_view field, auto& value) {
          const auto found = pairs.find(field);
          if (!status || found == pairs.end()) return;
          if (Status one = parse_value(found->second, value); !one) {
            status = syntax_error(field, ": ", one.error().message);
          }
          pairs.erase(found);
        });
      },
      operation);
  PACT_CHECK_OK(status);
  if (!pairs.empty())
    return syntax_error("unknown attribute '", pairs.begin()->first, "' of ", name);
  return operation;
}

Result<NodeId> parse_reference(const Network& network, std::string_view text) {
  text = trim(text);
  if (text.empty() || text.front() != '%')
    return syntax_error("expected %name, found '", text, "'");
  const auto id = network.find(std::string(text.substr(1)));
  if (!id) return syntax_error("no node '", text.substr(1), "' before this line");
  return *id;
}

// "%name = operation(%a, %b) {attributes} : type"
Status parse_node(Network& network, std::string_view line) {
  const std::size_t equals = line.find(" = ");
  const std::size_t open = line.find('(', equals == std::string_view::npos ? 0 : equals);
  const std::size_t close = line.find(')', open == std::string_view::npos ? 0 : open);
  if (equals == std::string_view::npos || open == std::string_view::npos ||
      close == std::string_view::npos) {
    return syntax_error("expected %name = operation(inputs) {attributes}, found '", line, "'");
  }
  const std::string_view inputs = trim(line.substr(open + 1, close - open - 1));
  std::vector<NodeId> ids;
  if (!inputs.empty()) {
    for (const std::string_view part : split(inputs, ',')) {
      PACT_TRY(const NodeId id, parse_reference(network, part));
      ids.push_back(id);
    }
  }
  const std::size_t first = line.find('{', close);
  const std::size_t last = line.find('}', close);
  std::string_view attributes;
  if ((first == std::string_view::npos) != (last == std::string_view::npos) || last < first) {
    return syntax_error("expected attributes in { }, found '", line, "'");
  }
  if (first != std::string_view::npos && last != std::string_view::npos && first < last) {
    attributes = line.substr(first + 1, last - first - 1);
  }
  PACT_TRY(Operation operation,
           parse_operation(trim(line.substr(equals + 3, open - equals - 3)), attributes));
  PACT_CHECK_OK(network.add(std::string(line.substr(1, equals - 1)), std::move(operation), ids));
  return {};
}

Result<std::string> parse_quoted(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
    return syntax_error("expected a name in quotes, found '", text, "'");
  }
  return std::string(text.substr(1, text.size() - 2));
}

Status parse_floats(std::string_view text, std::vector<float>& values) {
  for (const std::string_view part : split(trim(text), ' ')) {
    PACT_CHECK_OK(parse_value(part, values.emplace_back()));
  }
  return {};
}

Status parse_line(Network& network, std::string_view line) {
  const auto after = [&](std::string_view keyword) { return line.substr(keyword.size()); };
  if (line.starts_with('%')) return parse_node(network, line);
  if (line.starts_with("network ")) {
    PACT_TRY(network.name, parse_quoted(after("network ")));
    return {};
  }
  if (line.starts_with("class ")) {
    PACT_TRY(std::string name, parse_quoted(after("class ")));
    network.classes.push_back(std::move(name));
    return {};
  }
  if (line.starts_with("mean ")) return parse_floats(after("mean "), network.preprocessing.mean);
  if (line.starts_with("std ")) return parse_floats(after("std "), network.preprocessing.std);
  if (line.starts_with("output ")) {
    PACT_TRY(const NodeId id, parse_reference(network, after("output ")));
    network.set_output(id);
    return {};
  }
  return syntax_error("expected network, mean, std, class, output or %name, found '", line, "'");
}

}  // namespace

Result<Network> parse(const std::string& text) {
  Network network;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    if (Status status = parse_line(network, trim(line)); !status) {
      return make_error(status.error().code, "line ", number, ": ", status.error().message);
    }
  }
  return network;
}

}  // namespace pact::graph
