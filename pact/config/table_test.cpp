// SPDX-License-Identifier: Apache-2.0
#include "pact/config/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace pact::config {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

constexpr NumberRule kShare{"", 0, 1};
constexpr NumberRule kBytes{"bytes", 0, std::numeric_limits<double>::infinity()};

std::string error_of(std::string_view text, const std::function<void(Table&)>& read) {
  try {
    const toml::table parsed = parse(text, "f.toml");
    Table table(parsed, "f.toml");
    read(table);
    table.finish();
  } catch (const Exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Table, GivesWhatIsThereAndFallbacksForWhatIsNot) {
  const toml::table parsed = parse(
      "name = 'a'\nsize = 3\nshare = 0.5\nlist = [1, 3]\nwords = ['x']\nkind = 'two'\n"
      "[inner]\nsize = 4\n[[row]]\nsize = 5\n[[row]]\nsize = 6\n",
      "f.toml");
  Table table(parsed, "f.toml");
  EXPECT_EQ(table.text("name"), "a");
  EXPECT_EQ(table.text("other", "b"), "b");
  EXPECT_EQ(table.integer("size", 1, 9), 3);
  EXPECT_EQ(table.integer("length", 1, 9, 7), 7);
  EXPECT_EQ(table.number("share", kShare), 0.5);
  EXPECT_EQ(table.number("rest", kShare, 0.25), 0.25);
  EXPECT_THAT(table.integers("list", 1, 3, Order::Rising), ElementsAre(1, 3));
  EXPECT_TRUE(table.integers("more", 1, 3).empty());
  EXPECT_THAT(table.texts("words"), ElementsAre("x"));
  EXPECT_EQ(table.choice("kind", 1, {{"one", 1}, {"two", 2}}), 2);
  EXPECT_EQ(table.required_table("inner").integer("size", 1, 9), 4);
  EXPECT_FALSE(table.table("outer"));
  ASSERT_EQ(table.tables("row").size(), 2U);
  EXPECT_EQ(table.tables("row")[1].integer("size", 1, 9), 6);
  table.finish();
}

TEST(Table, ErrorsNameFileLineKeyAndWhatIsExpected) {
  struct Case {
    const char* text;
    std::function<void(Table&)> read;
    const char* error;
  };
  const Case cases[] = {
      {"\nsize = 0", [](Table& t) { t.integer("size", 1, 9); },
       "f.toml:2: size: expected a whole number from 1 to 9, found 0"},
      {"size = 2.0", [](Table& t) { t.integer("size", 1, 9, 1); },
       "f.toml:1: size: expected a whole number from 1 to 9, found 2"},
      {"", [](Table& t) { t.integer("size", 1, 9); },
       "f.toml:1: size: expected a whole number from 1 to 9, found nothing"},
      {"x = nan", [](Table& t) { t.number("x", kShare); },
       "f.toml:1: x: expected a number from 0 to 1, found nan"},
      {"x = -1", [](Table& t) { t.number("x", kBytes); },
       "f.toml:1: x: expected a number of bytes from 0 to inf, found -1"},
      {"x = 1", [](Table& t) { t.text("x"); }, "f.toml:1: x: expected text in quotes, found 1"},
      {"x = [3, 1]", [](Table& t) { t.integers("x", 1, 9, Order::Rising); },
       "f.toml:1: x: expected a list of rising whole numbers from 1 to 9, found 1"},
      {"x = [0]", [](Table& t) { t.integers("x", 1, 9); },
       "f.toml:1: x: expected a list of whole numbers from 1 to 9, found 0"},
      {"x = ['a', 1]", [](Table& t) { t.texts("x"); },
       "f.toml:1: x: expected a list of texts in quotes, found 1"},
      {"x = 'c'",
       [](Table& t) {
         t.choice("x", 1, {{"a", 1}, {"b", 2}});
       },
       "f.toml:1: x: expected one of \"a\", \"b\", found 'c'"},
      {"x = 1", [](Table& t) { t.table("x"); }, "f.toml:1: x: expected a table, found 1"},
      {"", [](Table& t) { t.required_table("x"); }, "f.toml:1: x: expected a table, found nothing"},
      {"x = 1", [](Table& t) { t.tables("x"); },
       "f.toml:1: x: expected tables, each headed [[x]], found 1"},
      {"a = 1\n[x]\nb = 2", [](Table& t) { t.integer("a", 0, 1), t.table("x")->finish(); },
       "f.toml:3: unknown key 'x.b'; expected one of "},
      {"a = ", [](Table&) {}, "f.toml:1: "},
  };
  for (const Case& each : cases) {
    EXPECT_THAT(error_of(each.text, each.read), StartsWith(each.error)) << each.text;
  }
}

}  // namespace
}  // namespace pact::config
