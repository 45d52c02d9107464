// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/agreement.h"

#include <gtest/gtest.h>

#include <array>

namespace pact::hardware {
namespace {

TEST(Agreement, IsThatOfAWorkedExample) {
  // Ranks 0 1 2 3 and 0 2 1 3: 1 - 6 * 2 / (4 * 15) = 0.8.
  const Agreement found = agreement(std::array{1.0, 2.0, 3.0, 4.0}, std::array{1.0, 4.0, 2.0, 5.0});
  EXPECT_DOUBLE_EQ(found.rank_correlation, 0.8);
  EXPECT_DOUBLE_EQ(found.mean_error, (0 + 0.5 + 0.5 + 0.2) / 4);
  EXPECT_DOUBLE_EQ(found.total_ratio, 10.0 / 12);
}

TEST(Agreement, RanksAreOfTheOrderAloneAndEqualValuesShareThem) {
  EXPECT_DOUBLE_EQ(
      agreement(std::array{1.0, 2.0, 9.0}, std::array{1.0, 10.0, 11.0}).rank_correlation, 1);
  EXPECT_DOUBLE_EQ(agreement(std::array{3.0, 2.0, 1.0}, std::array{1.0, 2.0, 3.0}).rank_correlation,
                   -1);
  EXPECT_DOUBLE_EQ(agreement(std::array{1.0, 1.0, 2.0}, std::array{5.0, 5.0, 6.0}).rank_correlation,
                   1);
  EXPECT_DOUBLE_EQ(agreement(std::array{1.0, 1.0}, std::array{5.0, 6.0}).rank_correlation, 0);
}

}  // namespace
}  // namespace pact::hardware
