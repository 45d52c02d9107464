// SPDX-License-Identifier: Apache-2.0
// A table of a TOML file that knows which of its keys were asked for, so that the others can be
// refused. What is wrong throws Exception: "file:line: table.key: expected .., found ..".
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pact/base/result.h"

namespace pact::config {

/// What a number counts, if anything, and where it may lie; both ends may be infinite, NaN never
/// passes.
struct NumberRule {
  std::string_view unit;  // "bytes"
  double lowest = 0;
  double highest = 0;
};

enum class Order { Any, Rising };

/// `where` names the text in errors. Throws Exception if it is not TOML.
toml::table parse(std::string_view text, std::string_view where);

class Table {
 public:
  /// `table` outlives it; `path` is empty, or ends with a dot.
  Table(const toml::table& table, std::string where, std::string path = "");
  Table(toml::table&&, std::string, std::string = "") = delete;

  bool has(std::string_view key) const { return table_.contains(key); }

  /// Keys without a fallback are required.
  std::string text(std::string_view key, std::optional<std::string> fallback = std::nullopt);
  double number(std::string_view key, const NumberRule& rule,
                std::optional<double> fallback = std::nullopt);
  std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                       std::optional<std::int64_t> fallback = std::nullopt);
  /// Absent: none. Rising ones are one at least.
  std::vector<int> integers(std::string_view key, std::int64_t lowest, std::int64_t highest,
                            Order order = Order::Any);
  std::vector<std::string> texts(std::string_view key);
  template <typename Choice>
  Choice choice(std::string_view key, Choice fallback,
                std::span<const std::pair<std::string_view, Choice>> known) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : known) names.push_back(name);
    const std::optional<std::size_t> found = index_in(key, names);
    return found ? known[*found].second : fallback;
  }
  template <typename Choice>
  Choice choice(std::string_view key, Choice fallback,
                std::initializer_list<std::pair<std::string_view, Choice>> known) {
    return choice(key, fallback, std::span(known.begin(), known.size()));
  }

  /// Absent: nothing.
  std::optional<Table> table(std::string_view key);
  Table required_table(std::string_view key);
  /// Those headed [[key]].
  std::vector<Table> tables(std::string_view key);

  /// The value of a key, or null; the key counts as asked for.
  const toml::node* find(std::string_view key);
  [[noreturn]] void wrong(std::string_view key, const toml::node& node,
                          std::string_view expected) const;
  /// An error about the table as a whole, or about a key of it.
  [[noreturn]] void fail(std::string_view key, std::string_view expected,
                         std::string_view found) const;

  /// Refuses keys that nobody asked for.
  void finish() const;

 private:
  const toml::node& required(std::string_view key, std::string_view expected);
  std::optional<std::size_t> index_in(std::string_view key,
                                      const std::vector<std::string_view>& names);

  const toml::table& table_;
  std::string where_;
  std::string path_;
  std::set<std::string> asked_;
};

}  // namespace pact::config
