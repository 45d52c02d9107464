// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace pact::numeric {
namespace {

std::vector<std::int32_t> levels(const Grid& grid) {
  std::vector<std::int32_t> result;
  for (std::int32_t code = 0; code < grid.codes; ++code) result.push_back(grid.level(code));
  return result;
}

// Every grid of every width, with every zero point up to 8 bits and a few at 16.
std::vector<Grid> all_grids() {
  std::vector<Grid> grids;
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8, kStreamBits}) {
    grids.push_back(odd_grid(bits));
    if (bits > 1) grids.push_back(symmetric_grid(bits));
    const std::int32_t stride = bits == kStreamBits ? 9999 : 1;
    for (std::int32_t zero = 0; zero < (1 << bits); zero += stride) {
      grids.push_back(affine_grid(bits, zero));
    }
  }
  return grids;
}

TEST(Grid, LevelsAreTheDocumentedOnes) {
  using testing::ElementsAre;
  EXPECT_THAT(levels(unsigned_grid(1)), ElementsAre(0, 1));
  EXPECT_THAT(levels(unsigned_grid(2)), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(levels(symmetric_grid(2)), ElementsAre(-1, 0, 1));
  EXPECT_THAT(levels(symmetric_grid(3)), ElementsAre(-3, -2, -1, 0, 1, 2, 3));
  EXPECT_THAT(levels(odd_grid(1)), ElementsAre(-1, 1));
  EXPECT_THAT(levels(odd_grid(2)), ElementsAre(-3, -1, 1, 3));
  EXPECT_THAT(levels(affine_grid(2, 1)), ElementsAre(-1, 0, 1, 2));
  EXPECT_THAT(levels(affine_grid(2, 3)), ElementsAre(-3, -2, -1, 0));
}

TEST(Grid, EndsAreTheDocumentedOnesAtEveryWidth) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::int32_t n = (1 << bits) - 1;
    EXPECT_EQ(unsigned_grid(bits).lowest, 0);
    EXPECT_EQ(unsigned_grid(bits).highest(), n);
    EXPECT_EQ(odd_grid(bits).lowest, -n);
    EXPECT_EQ(odd_grid(bits).highest(), n);
    EXPECT_EQ(odd_grid(bits).codes, 1 << bits);
    if (bits == 1) continue;
    EXPECT_EQ(symmetric_grid(bits).highest(), n / 2);
    EXPECT_EQ(symmetric_grid(bits).lowest, -(n / 2));
  }
}

TEST(Grid, CodeInvertsLevelAndEveryLevelIsContained) {
  std::size_t checked = 0;
  for (const Grid& grid : all_grids()) {
    if (grid.bits > kMaxCodeBits) continue;
    EXPECT_LE(grid.codes, 1 << grid.bits);
    for (std::int32_t code = 0; code < grid.codes; ++code) {
      ASSERT_EQ(grid.code(grid.level(code)), code) << name(grid);
      ASSERT_TRUE(grid.contains(grid.level(code))) << name(grid);
      ++checked;
    }
    EXPECT_FALSE(grid.contains(grid.lowest - grid.step));
    EXPECT_FALSE(grid.contains(grid.highest() + grid.step));
  }
  EXPECT_GT(checked, 80'000U);
}

TEST(Grid, AnOddGridHoldsNoEvenLevel) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::int32_t level = -256; level <= 256; level += 2) {
      EXPECT_FALSE(odd_grid(bits).contains(level));
    }
  }
}

TEST(Grid, MagnitudeIsTheLargestAbsoluteLevel) {
  EXPECT_EQ(unsigned_grid(4).magnitude(), 15);
  EXPECT_EQ(symmetric_grid(8).magnitude(), 127);
  EXPECT_EQ(odd_grid(4).magnitude(), 15);
  EXPECT_EQ(affine_grid(4, 3).magnitude(), 12);
  EXPECT_EQ(affine_grid(4, 15).magnitude(), 15);
  EXPECT_EQ(symmetric_grid(kStreamBits).magnitude(), 32767);
}

TEST(Grid, NamesAreTheDocumentedOnes) {
  EXPECT_EQ(name(unsigned_grid(4)), "u4");
  EXPECT_EQ(name(symmetric_grid(8)), "s8");
  EXPECT_EQ(name(odd_grid(4)), "odd4");
  EXPECT_EQ(name(affine_grid(8, 114)), "a8-114");
  EXPECT_EQ(name(affine_grid(8, 0)), "u8");
}

TEST(Grid, NameAndParseRoundTripForEveryGrid) {
  const std::vector<Grid> grids = all_grids();
  ASSERT_GT(grids.size(), 500U);
  for (const Grid& grid : grids) {
    EXPECT_TRUE(check(grid)) << name(grid);
    const Result<Grid> parsed = parse_grid(name(grid));
    ASSERT_TRUE(parsed) << name(grid);
    EXPECT_EQ(*parsed, grid) << name(grid);
  }
}

TEST(Grid, TextThatNamesNoGridIsAnErrorThatShowsIt) {
  for (const char* text :
       {"",     "u",   "u0",    "u9",    "u15",  "u17",   "u-4",  "u4 ",
        " u4",  "u4x", "s1",    "s0",    "s9",   "odd",   "odd0", "odd9",
        "a4",   "a4-", "a4-16", "a4--1", "a1-2", "a99-1", "x4",   "u99999999999999999999",
        "a4-3-"}) {
    const Result<Grid> parsed = parse_grid(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, testing::HasSubstr("found '" + std::string(text) + "'"));
  }
}

TEST(Grid, CheckRefusesGridsOfNoKnownShape) {
  const Grid good = unsigned_grid(4);
  ASSERT_TRUE(check(good));
  std::vector<Grid> bad(8, good);
  bad[0].bits = 0;
  bad[1].bits = 9;
  bad[2].bits = -1;
  bad[3].step = 0;
  bad[4].codes = 15;
  bad[5].lowest = 1;
  bad[6].lowest = -16;
  bad[7] = {.bits = 4, .step = 2, .lowest = 0, .codes = 16};
  for (const Grid& grid : bad) EXPECT_FALSE(check(grid)) << name(grid);
  EXPECT_FALSE(check({.bits = 1, .step = 1, .lowest = 0, .codes = 1}));
  EXPECT_FALSE(check({.bits = 4, .step = 1, .lowest = INT32_MIN, .codes = 16}));
  EXPECT_EQ(check(bad[1]).error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace pact::numeric
