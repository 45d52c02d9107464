// SPDX-License-Identifier: Apache-2.0
#include "cli/show.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pact::cli {
namespace {

TEST(Show, NamesMoveNoCursor) {
  EXPECT_EQ(one_line("a\nb\x1B[2Jc\x7F"), "a?b?[2Jc?");
  EXPECT_EQ(table({{"layer", "us"}, {"a\rb", "1.5"}, {"c", "12.0"}}),
            "layer    us\n-----------\na?b     1.5\nc      12.0\n");
}

TEST(Show, JsonOfNamesThatAreNoText) {
  EXPECT_EQ(json_text({{"name", "a\xFF"}}), "{\"name\":\"a\xEF\xBF\xBD\"}\n");
}

}  // namespace
}  // namespace pact::cli
