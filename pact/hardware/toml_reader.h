// SPDX-License-Identifier: Apache-2.0
// A table of a TOML file that knows which of its keys were asked for, so that the others can be
// refused. The first error is kept and what follows reads as fallbacks, so callers check once, at
// the end.
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "pact/base/result.h"

namespace pact::hardware {

/// What a number counts and where it may lie; both ends may be infinite, NaN never passes.
struct NumberRule {
  std::string_view unit;  // "bytes"
  double lowest = 0;
  double highest = 0;
};

class TomlReader {
 public:
  /// `error` outlives the reader and is shared by the readers of inner tables.
  TomlReader(const toml::table& table, std::string where, std::string path,
             std::optional<Error>& error)
      : table_(table), where_(std::move(where)), path_(std::move(path)), error_(error) {}

  bool has(std::string_view key) const { return table_.contains(key); }

  /// Keys without a fallback are required.
  std::string text(std::string_view key) {
    const toml::node* node = required(key, "text in quotes");
    if (node == nullptr) return {};
    if (!node->is_string()) return wrong(key, *node, "text in quotes"), std::string();
    return node->as_string()->get();
  }
  double number(std::string_view key, const NumberRule& rule,
                std::optional<double> fallback = std::nullopt) {
    if (fallback && find(key) == nullptr) return *fallback;
    const std::string expected =
        pact::text("a number of ", rule.unit, " from ", rule.lowest, " to ", rule.highest);
    const toml::node* node = required(key, expected);
    if (node == nullptr) return rule.lowest;
    const auto value = node->value<double>();
    if (!node->is_number() || !value || !(*value >= rule.lowest && *value <= rule.highest)) {
      wrong(key, *node, expected);
      return rule.lowest;
    }
    return *value;
  }
  std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                       std::optional<std::int64_t> fallback = std::nullopt) {
    if (fallback && find(key) == nullptr) return *fallback;
    const std::string expected = pact::text("a whole number from ", lowest, " to ", highest);
    const toml::node* node = required(key, expected);
    if (node == nullptr) return lowest;
    if (!is_integer(*node, lowest, highest)) return wrong(key, *node, expected), lowest;
    return node->as_integer()->get();
  }
  /// Rising whole numbers; absent: none.
  std::vector<int> rising_integers(std::string_view key, std::int64_t lowest,
                                   std::int64_t highest) {
    std::vector<int> values;
    const toml::node* node = find(key);
    if (node == nullptr) return values;
    const auto refuse = [&] {
      wrong(key, *node,
            pact::text("a list of rising whole numbers from ", lowest, " to ", highest));
      return std::vector<int>{};
    };
    if (!node->is_array() || node->as_array()->empty()) return refuse();
    for (const toml::node& element : *node->as_array()) {
      const std::int64_t above = values.empty() ? lowest : values.back() + 1;
      if (!is_integer(element, above, highest)) return refuse();
      values.push_back(static_cast<int>(element.as_integer()->get()));
    }
    return values;
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> values;
    const std::string_view expected = "a list of texts in quotes";
    const toml::node* node = required(key, expected);
    if (node == nullptr) return values;
    if (!node->is_array()) return wrong(key, *node, expected), values;
    for (const toml::node& element : *node->as_array()) {
      if (!element.is_string()) return wrong(key, element, expected), values;
      values.push_back(element.as_string()->get());
    }
    return values;
  }
  template <typename Choice>
  Choice choice(std::string_view key, Choice fallback,
                std::span<const std::pair<std::string_view, Choice>> known) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    std::string names;
    for (const auto& [name, value] : known) {
      if (node->is_string() && node->as_string()->get() == name) return value;
      names += pact::text(names.empty() ? "\"" : ", \"", name, "\"");
    }
    wrong(key, *node, "one of " + names);
    return fallback;
  }
  /// Absent and not required: nothing.
  std::optional<TomlReader> table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_table()) return wrong(key, *node, "a table"), std::nullopt;
    return TomlReader(*node->as_table(), where_, path_ + std::string(key) + ".", error_);
  }
  std::optional<TomlReader> required_table(std::string_view key) {
    return required(key, "a table") == nullptr ? std::nullopt : table(key);
  }
  std::vector<TomlReader> tables(std::string_view key) {
    std::vector<TomlReader> result;
    const toml::node* node = find(key);
    if (node == nullptr) return result;
    if (!node->is_array_of_tables()) {
      wrong(key, *node, "tables, each headed [[" + std::string(key) + "]]");
      return result;
    }
    for (const toml::node& element : *node->as_array()) {
      result.emplace_back(*element.as_table(), where_, path_ + std::string(key) + ".", error_);
    }
    return result;
  }

  /// An error about the table as a whole, or about a key of it.
  void fail(std::string_view key, std::string_view expected, std::string_view found) {
    report(table_.source().begin.line, key, expected, found);
  }
  /// Refuses keys that nobody asked for.
  void finish() {
    for (const auto& [key, node] : table_) {
      if (asked_.contains(std::string(key.str()))) continue;
      std::string known;
      for (const std::string& name : asked_) known += (known.empty() ? "" : ", ") + name;
      report(node.source().begin.line, key.str(), "one of the keys " + known, "an unknown key");
    }
  }

 private:
  static bool is_integer(const toml::node& node, std::int64_t lowest, std::int64_t highest) {
    return node.is_integer() && node.as_integer()->get() >= lowest &&
           node.as_integer()->get() <= highest;
  }
  const toml::node* find(std::string_view key) {
    asked_.emplace(key);
    return table_.get(key);
  }
  const toml::node* required(std::string_view key, std::string_view expected) {
    const toml::node* node = find(key);
    if (node == nullptr) fail(key, expected, "nothing");
    return node;
  }
  void wrong(std::string_view key, const toml::node& node, std::string_view expected) {
    std::ostringstream found;
    node.visit([&](const auto& value) { found << value; });
    report(node.source().begin.line, key, expected, found.str());
  }
  void report(toml::source_index line, std::string_view key, std::string_view expected,
              std::string_view found) {
    if (error_) return;
    error_ = make_error(ErrorCode::InvalidArgument, where_, ":", line, ": ", path_, key,
                        ": expected ", expected, ", found ", found);
  }

  const toml::table& table_;
  std::string where_;
  std::string path_;
  std::optional<Error>& error_;
  std::set<std::string> asked_;
};

}  // namespace pact::hardware
