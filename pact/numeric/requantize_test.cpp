// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/requantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace pact::numeric {
namespace {

using Bounds = std::vector<std::vector<std::int64_t>>;

constexpr double kInfiniteDouble = std::numeric_limits<double>::infinity();
constexpr double kNanDouble = std::numeric_limits<double>::quiet_NaN();

TEST(RoundShift, RoundsHalvesUpForBothSigns) {
  EXPECT_EQ(round_shift(0, 1), 0);
  EXPECT_EQ(round_shift(1, 1), 1);    // 0.5
  EXPECT_EQ(round_shift(-1, 1), 0);   // -0.5
  EXPECT_EQ(round_shift(3, 1), 2);    // 1.5
  EXPECT_EQ(round_shift(-3, 1), -1);  // -1.5
  EXPECT_EQ(round_shift(5, 2), 1);    // 1.25
  EXPECT_EQ(round_shift(6, 2), 2);    // 1.5
  EXPECT_EQ(round_shift(7, 2), 2);    // 1.75
  EXPECT_EQ(round_shift(-5, 2), -1);  // -1.25
  EXPECT_EQ(round_shift(-6, 2), -1);  // -1.5
  EXPECT_EQ(round_shift(-7, 2), -2);  // -1.75
}

TEST(RoundShift, IsTheFloorOfXPlusAHalf) {
  for (int shift = 1; shift <= 10; ++shift) {
    for (std::int64_t x = -3000; x <= 3000; ++x) {
      const double expected = std::floor(std::ldexp(static_cast<double>(x), -shift) + 0.5);
      ASSERT_EQ(round_shift(x, shift), static_cast<std::int64_t>(expected)) << x << " >> " << shift;
    }
  }
}

TEST(RoundShift, HoldsAtTheLargestSums) {
  const std::int64_t limit = std::int64_t{1} << 62;
  EXPECT_EQ(round_shift(limit, 32), std::int64_t{1} << 30);
  EXPECT_EQ(round_shift(-limit, 32), -(std::int64_t{1} << 30));
}

TEST(RequantizeSum, ClampsToTheGrid) {
  EXPECT_EQ(requantize_sum(7 * 4, 2, 0, 15), 7);
  EXPECT_EQ(requantize_sum(15 * 4 + 1, 2, 0, 15), 15);
  EXPECT_EQ(requantize_sum(16 * 4, 2, 0, 15), 15);
  EXPECT_EQ(requantize_sum(-1, 1, 0, 15), 0);
  EXPECT_EQ(requantize_sum(-400, 2, 0, 15), 0);
  EXPECT_EQ(requantize_sum(-400, 2, -7, 7), -7);
  EXPECT_EQ(requantize_sum(-10, 2, -7, 7), -2);  // -2.5
  EXPECT_EQ(requantize_sum(std::int64_t{1} << 62, 1, -7, 7), 7);
  EXPECT_EQ(requantize_sum(-(std::int64_t{1} << 62), 1, -7, 7), -7);
}

TEST(Derive, TakesTheLargestShiftAtWhichEveryMultiplierFits) {
  struct Case {
    double multiplier;
    int shift;
    std::int32_t expected;
  };
  const Case cases[] = {{0.0, 32, 0},
                        {0.25, 32, 1 << 30},
                        {0.5, 31, 1 << 30},
                        {-0.5, 31, -(1 << 30)},
                        {1.0, 30, 1 << 30},
                        {3.0, 29, 3 << 29},
                        {std::ldexp(1.0, 29), 1, 1 << 30}};
  for (const Case& c : cases) {
    const auto result = derive({.multipliers = {{c.multiplier}}, .offsets = {0}}, {{1}});
    ASSERT_TRUE(result) << c.multiplier << ": " << result.error().message;
    EXPECT_EQ(result->shift, c.shift) << c.multiplier;
    EXPECT_EQ(result->multipliers, std::vector<std::int32_t>{c.expected}) << c.multiplier;
  }
}

TEST(Derive, LaysMultipliersOutByTermThenChannel) {
  const auto result = derive(
      {.multipliers = {{0.25, 0.125}, {-0.25, 0.0625}}, .offsets = {1.0, -0.5}}, {{8, 8}, {8, 8}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->shift, 32);
  EXPECT_EQ(result->channels(), 2U);
  EXPECT_EQ(result->terms(), 2U);
  EXPECT_EQ(result->multipliers,
            (std::vector<std::int32_t>{1 << 30, 1 << 29, -(1 << 30), 1 << 28}));
  EXPECT_EQ(result->offsets,
            (std::vector<std::int64_t>{std::int64_t{1} << 32, -(std::int64_t{1} << 31)}));
}

// Coefficients are multiples of 2^(exponent - 40) with numerators below 2^40, inputs are below
// 2^15: the exact result is an integer of less than 60 bits times that unit.
TEST(Derive, IsWithinHalfAUnitOfEachCoefficientOfExactArithmetic) {
  constexpr unsigned kSeed = 7;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  const auto below = [&](std::int64_t limit) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * limit - 1)) - limit +
           1;
  };
  int at_the_largest_shift = 0;
  for (int round = 0; round < 2000; ++round) {
    const int exponent = static_cast<int>(random() % 14) - 2;
    const double unit = std::ldexp(1.0, exponent - 40);
    const std::size_t terms = 1 + random() % 3;
    RealAffine real{.multipliers = {}, .offsets = {}};
    std::vector<std::int64_t> numerators;
    const Bounds bounds(terms, {1 << 15});
    for (std::size_t t = 0; t < terms; ++t) {
      numerators.push_back(below(std::int64_t{1} << 40));
      real.multipliers.push_back({static_cast<double>(numerators[t]) * unit});
    }
    const std::int64_t offset = below(std::int64_t{1} << 50);
    real.offsets = {static_cast<double>(offset) * unit};
    const auto fixed = derive(real, bounds);
    ASSERT_TRUE(fixed) << fixed.error().message;
    at_the_largest_shift += fixed->shift == kMaxShift ? 1 : 0;
    for (int sample = 0; sample < 10; ++sample) {
      std::int64_t exact = offset;
      std::int64_t sum = fixed->offsets[0];
      for (std::size_t t = 0; t < terms; ++t) {
        const std::int64_t v = below((1 << 15) + 1);
        exact += v * numerators[t];
        sum += v * fixed->multipliers[t];
      }
      const long double difference = std::ldexp(static_cast<long double>(sum), -fixed->shift) -
                                     std::ldexp(static_cast<long double>(exact), exponent - 40);
      const auto reach = static_cast<long double>(terms * (1 << 15) + 1);
      const auto of_offset = std::ldexp(static_cast<long double>(std::abs(real.offsets[0])), -31);
      ASSERT_LE(std::abs(difference), std::ldexp(reach, -fixed->shift - 1) + of_offset)
          << "round " << round;
    }
  }
  EXPECT_GT(at_the_largest_shift, 100);
  EXPECT_LT(at_the_largest_shift, 1900);
}

TEST(Derive, LargeOffsetsKeepTheBitsThatAFileHolds) {
  const auto fixed = derive({.multipliers = {{0.1, 0.1}}, .offsets = {1000.0 / 3, -0.7}}, {{9, 9}});
  ASSERT_TRUE(fixed) << fixed.error().message;
  for (std::size_t c = 0; c < 2; ++c) {
    const double offset = std::ldexp(static_cast<double>(fixed->offsets[c]), -fixed->shift);
    EXPECT_NEAR(offset, c == 0 ? 1000.0 / 3 : -0.7, std::ldexp(1000.0 / 3, -31));
  }
  const auto held = shorten(fixed->offsets);
  ASSERT_TRUE(held) << held.error().message;
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_EQ(std::int64_t{held->values[c]} << held->shift, fixed->offsets[c]);
  }
}

TEST(Shorten, IsExactOrRefuses) {
  EXPECT_EQ(shorten({})->shift, 0);
  EXPECT_EQ(shorten(std::vector<std::int64_t>{0, 0})->shift, 0);
  const auto wide =
      shorten(std::vector<std::int64_t>{std::int64_t{-1} << 62, std::int64_t{3} << 40});
  EXPECT_EQ(wide->shift, kMaxOffsetShift);
  EXPECT_EQ(wide->values,
            (std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min(), 3 << 9}));
  EXPECT_FALSE(shorten(std::vector<std::int64_t>{std::int64_t{1} << 62}));
  EXPECT_FALSE(shorten(std::vector<std::int64_t>{std::int64_t{1} << 40, 1}));
}

TEST(Derive, RefusesCoefficientsThatAreNotFinite) {
  for (const double bad : {kInfiniteDouble, -kInfiniteDouble, kNanDouble}) {
    const auto scale = derive({.multipliers = {{0.5, bad}}, .offsets = {0, 0}}, {{1, 1}});
    ASSERT_FALSE(scale) << bad;
    EXPECT_EQ(scale.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(scale.error().message, testing::HasSubstr("not finite"));
    const auto offset = derive({.multipliers = {{0.5}}, .offsets = {bad}}, {{1}});
    ASSERT_FALSE(offset) << bad;
    EXPECT_THAT(offset.error().message, testing::HasSubstr("offset"));
  }
}

TEST(Derive, RefusesCoefficientsThatAreTooLarge) {
  EXPECT_FALSE(derive({.multipliers = {{std::ldexp(1.0, 30)}}, .offsets = {0}}, {{1}}));
  EXPECT_FALSE(derive({.multipliers = {{-std::ldexp(1.0, 31)}}, .offsets = {0}}, {{1}}));
  EXPECT_FALSE(derive({.multipliers = {{0.5}}, .offsets = {std::ldexp(1.0, 30)}}, {{1}}));
  EXPECT_FALSE(derive({.multipliers = {{0.5}}, .offsets = {-std::ldexp(1.0, 30)}}, {{1}}));
  EXPECT_TRUE(derive({.multipliers = {{0.5}}, .offsets = {1000.0}}, {{1}}));
}

TEST(Derive, RefusesSumsThatCouldOverflowAndNamesTheChannel) {
  const RealAffine real{.multipliers = {{0.25, 0.25}}, .offsets = {0, 0}};
  const std::int64_t most = std::int64_t{1} << 32;  // 2^32 * 2^30 = 2^62
  EXPECT_TRUE(derive(real, {{most, most}}));
  const auto refused = derive(real, {{1, most + 8}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("channel 1"));
}

TEST(Derive, RefusesLevelsThatCouldLeave32Bits) {
  // 2^29 * 3 exceeds 2^30 after the shift though the 64-bit sum is far from its limit.
  EXPECT_FALSE(derive({.multipliers = {{std::ldexp(1.0, 29)}}, .offsets = {0}}, {{3}}));
  EXPECT_TRUE(derive({.multipliers = {{std::ldexp(1.0, 29)}}, .offsets = {0}}, {{2}}));
}

TEST(ProveNoOverflow, CountsEveryTermAndTheOffset) {
  const Requantization two_terms{
      .shift = 32, .multipliers = {1 << 30, -(1 << 30)}, .offsets = {std::int64_t{1} << 61}};
  const std::int64_t quarter = std::int64_t{1} << 30;  // 2^60 in each product
  EXPECT_TRUE(prove_no_overflow(two_terms, {{quarter}, {quarter}}));
  EXPECT_FALSE(prove_no_overflow(two_terms, {{quarter}, {2 * quarter}}));
  Requantization more = two_terms;
  more.offsets = {-(std::int64_t{3} << 60)};
  EXPECT_FALSE(prove_no_overflow(more, {{quarter}, {quarter}}));
}

TEST(ProveNoOverflow, AcceptsNoChannels) {
  const Requantization none{};
  EXPECT_EQ(none.terms(), 0U);
  EXPECT_TRUE(prove_no_overflow(none, {}));
}

}  // namespace
}  // namespace pact::numeric
