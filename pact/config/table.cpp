// SPDX-License-Identifier: Apache-2.0
#include "pact/config/table.h"

#include <sstream>

namespace pact::config {
namespace {

bool is_integer(const toml::node& node, std::int64_t lowest, std::int64_t highest) {
  return node.is_integer() && node.as_integer()->get() >= lowest &&
         node.as_integer()->get() <= highest;
}

}  // namespace

toml::table parse(std::string_view text, std::string_view where) {
  try {
    return toml::parse(text, where);
  } catch (const toml::parse_error& error) {
    throw_error(ErrorCode::InvalidArgument, where, ":", error.source().begin.line, ": ",
                error.description());
  }
}

Table::Table(const toml::table& table, std::string where, std::string path)
    : table_(table), where_(std::move(where)), path_(std::move(path)) {}

std::string Table::text(std::string_view key, std::optional<std::string> fallback) {
  if (fallback && find(key) == nullptr) return *fallback;
  const toml::node& node = required(key, "text in quotes");
  if (!node.is_string()) wrong(key, node, "text in quotes");
  return node.as_string()->get();
}

double Table::number(std::string_view key, const NumberRule& rule, std::optional<double> fallback) {
  if (fallback && find(key) == nullptr) return *fallback;
  const std::string expected =
      pact::text("a number ", rule.unit.empty() ? "" : "of ", rule.unit,
                 rule.unit.empty() ? "" : " ", "from ", rule.lowest, " to ", rule.highest);
  const toml::node& node = required(key, expected);
  const auto value = node.value<double>();
  if (!node.is_number() || !value || !(*value >= rule.lowest && *value <= rule.highest)) {
    wrong(key, node, expected);
  }
  return *value;
}

std::int64_t Table::integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                            std::optional<std::int64_t> fallback) {
  if (fallback && find(key) == nullptr) return *fallback;
  const std::string expected = pact::text("a whole number from ", lowest, " to ", highest);
  const toml::node& node = required(key, expected);
  if (!is_integer(node, lowest, highest)) wrong(key, node, expected);
  return node.as_integer()->get();
}

std::vector<int> Table::integers(std::string_view key, std::int64_t lowest, std::int64_t highest,
                                 Order order) {
  std::vector<int> values;
  const toml::node* node = find(key);
  if (node == nullptr) return values;
  const bool rising = order == Order::Rising;
  const std::string expected = pact::text("a list of ", rising ? "rising " : "",
                                          "whole numbers from ", lowest, " to ", highest);
  if (!node->is_array() || (rising && node->as_array()->empty())) wrong(key, *node, expected);
  for (const toml::node& element : *node->as_array()) {
    const std::int64_t above = rising && !values.empty() ? std::int64_t{values.back()} + 1 : lowest;
    if (!is_integer(element, above, highest)) wrong(key, element, expected);
    values.push_back(static_cast<int>(element.as_integer()->get()));
  }
  return values;
}

std::vector<std::string> Table::texts(std::string_view key) {
  constexpr std::string_view kExpected = "a list of texts in quotes";
  std::vector<std::string> values;
  const toml::node& node = required(key, kExpected);
  if (!node.is_array()) wrong(key, node, kExpected);
  for (const toml::node& element : *node.as_array()) {
    if (!element.is_string()) wrong(key, element, kExpected);
    values.push_back(element.as_string()->get());
  }
  return values;
}

std::optional<std::size_t> Table::index_in(std::string_view key,
                                           const std::vector<std::string_view>& names) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::string expected = "one of ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (node->is_string() && node->as_string()->get() == names[i]) return i;
    expected += pact::text(i == 0 ? "\"" : ", \"", names[i], "\"");
  }
  wrong(key, *node, expected);
}

std::optional<Table> Table::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) wrong(key, *node, "a table");
  return Table(*node->as_table(), where_, path_ + std::string(key) + ".");
}

Table Table::required_table(std::string_view key) {
  required(key, "a table");
  return *table(key);
}

std::vector<Table> Table::tables(std::string_view key) {
  std::vector<Table> result;
  const toml::node* node = find(key);
  if (node == nullptr) return result;
  if (!node->is_array_of_tables()) {
    wrong(key, *node, pact::text("tables, each headed [[", key, "]]"));
  }
  for (const toml::node& element : *node->as_array()) {
    result.emplace_back(*element.as_table(), where_, path_ + std::string(key) + ".");
  }
  return result;
}

const toml::node* Table::find(std::string_view key) {
  asked_.emplace(key);
  return table_.get(key);
}

const toml::node& Table::required(std::string_view key, std::string_view expected) {
  const toml::node* node = find(key);
  if (node == nullptr) fail(key, expected, "nothing");
  return *node;
}

void Table::wrong(std::string_view key, const toml::node& node, std::string_view expected) const {
  std::ostringstream found;
  node.visit([&](const auto& value) { found << value; });
  throw_error(ErrorCode::InvalidArgument, where_, ":", node.source().begin.line, ": ", path_, key,
              ": expected ", expected, ", found ", found.str());
}

void Table::fail(std::string_view key, std::string_view expected, std::string_view found) const {
  throw_error(ErrorCode::InvalidArgument, where_, ":", table_.source().begin.line, ": ", path_, key,
              ": expected ", expected, ", found ", found);
}

void Table::finish() const {
  for (const auto& [key, node] : table_) {
    if (asked_.contains(std::string(key.str()))) continue;
    std::string known;
    for (const std::string& name : asked_) known += (known.empty() ? "" : ", ") + name;
    throw_error(ErrorCode::InvalidArgument, where_, ":", node.source().begin.line,
                ": unknown key '", path_, key.str(), "'; expected one of ", known);
  }
}

}  // namespace pact::config
