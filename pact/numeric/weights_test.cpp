// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace pact::numeric {
namespace {

using testing::HasSubstr;

constexpr WeightScheme kSchemes[] = {WeightScheme::DoReFa, WeightScheme::Sawb,
                                     WeightScheme::SawbPlus, WeightScheme::MinMax};

WeightSpec spec_of(WeightScheme scheme, int bits, Granularity granularity = Granularity::Tensor,
                   std::int64_t group_size = 0) {
  return {.scheme = scheme, .bits = bits, .granularity = granularity, .group_size = group_size};
}

std::vector<float> normal_weights(std::size_t count, unsigned seed, float sigma = 0.1F) {
  std::mt19937 random(seed);
  std::vector<float> weights(count);
  for (float& w : weights) {  // sum of 12 uniforms: the same numbers with every library
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random()) / 4294967296.0;
    w = static_cast<float>(sum) * sigma;
  }
  return weights;
}

std::vector<float> dequantized(const QuantizedWeights& quantized) {
  std::vector<float> values(quantized.codes.size());
  dequantize_weights(quantized, values);
  return values;
}

float largest(const std::vector<float>& weights) {
  float result = 0;
  for (const float w : weights) result = std::max(result, std::abs(w));
  return result;
}

// Schemes and widths that go together, with every granularity that the scheme allows.
std::vector<WeightSpec> all_specs() {
  std::vector<WeightSpec> specs;
  for (const WeightScheme scheme : kSchemes) {
    for (int bits = scheme == WeightScheme::MinMax ? 2 : 1; bits <= 8; ++bits) {
      specs.push_back(spec_of(scheme, bits));
      if (scheme == WeightScheme::DoReFa) continue;
      specs.push_back(spec_of(scheme, bits, Granularity::Channel));
      specs.push_back(spec_of(scheme, bits, Granularity::Group, 6));
    }
  }
  return specs;
}

std::string describe(const WeightSpec& spec) {
  return text(kWeightSchemeNames[static_cast<int>(spec.scheme)].name, " ", spec.bits, " bits ",
              kGranularityNames[static_cast<int>(spec.granularity)].name);
}

TEST(Weights, EverySchemeAndWidthGivesCodesOnItsGrid) {
  const std::vector<float> weights = normal_weights(4 * 12, 11);
  int checked = 0;
  for (const WeightSpec& spec : all_specs()) {
    SCOPED_TRACE(describe(spec));
    const auto q = quantize_weights(weights, 4, spec);
    ASSERT_TRUE(q) << q.error().message;
    EXPECT_EQ(q->grid, weight_grid(spec));
    ASSERT_EQ(q->codes.size(), weights.size());
    EXPECT_EQ(q->scales.size() * q->group_size, weights.size());
    for (const std::uint8_t code : q->codes) ASSERT_LT(code, q->grid.codes);
    for (const float scale : q->scales) EXPECT_TRUE(scale > 0 && std::isfinite(scale)) << scale;
    ++checked;
  }
  EXPECT_EQ(checked, 8 + 8 * 3 + 8 * 3 + 7 * 3);
}

TEST(Weights, GridsAreOddExceptForMinMax) {
  EXPECT_EQ(weight_grid(spec_of(WeightScheme::DoReFa, 2)), odd_grid(2));
  EXPECT_EQ(weight_grid(spec_of(WeightScheme::Sawb, 4)), odd_grid(4));
  EXPECT_EQ(weight_grid(spec_of(WeightScheme::SawbPlus, 1)), odd_grid(1));
  EXPECT_EQ(weight_grid(spec_of(WeightScheme::MinMax, 8)), symmetric_grid(8));
}

TEST(Weights, GranularityDecidesWhichWeightsShareAScale) {
  const std::vector<float> weights{1, -2, 3, -4, 0.5F, 0.25F, -0.125F, 0};
  const auto scales = [&](Granularity granularity, std::int64_t size) {
    const auto q =
        quantize_weights(weights, 2, spec_of(WeightScheme::MinMax, 2, granularity, size));
    EXPECT_TRUE(q);
    return q ? q->scales : std::vector<float>{};
  };
  using testing::ElementsAre;
  EXPECT_THAT(scales(Granularity::Tensor, 0), ElementsAre(4));
  EXPECT_THAT(scales(Granularity::Channel, 0), ElementsAre(4, 0.5F));
  EXPECT_THAT(scales(Granularity::Group, 4), ElementsAre(4, 0.5F));
  EXPECT_THAT(scales(Granularity::Group, 2), ElementsAre(2, 4, 0.5F, 0.125F));
  EXPECT_THAT(scales(Granularity::Group, 1), testing::SizeIs(8));
}

TEST(Weights, AGroupSizeThatDoesNotDivideIsAnError) {
  const std::vector<float> weights(8, 1.0F);
  for (const std::int64_t size : {3, 5, 8}) {
    const auto q =
        quantize_weights(weights, 2, spec_of(WeightScheme::MinMax, 4, Granularity::Group, size));
    ASSERT_FALSE(q) << size;
    EXPECT_EQ(q.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(q.error().message, HasSubstr("divides 4 inputs"));
    EXPECT_THAT(q.error().message, HasSubstr(text("found ", size)));
  }
}

TEST(Weights, SpecsWhoseFieldsDoNotGoTogetherAreErrors) {
  EXPECT_TRUE(check(WeightSpec{}));
  for (const WeightSpec& spec : all_specs()) EXPECT_TRUE(check(spec)) << describe(spec);
  for (const WeightScheme scheme : kSchemes) {
    EXPECT_FALSE(check(spec_of(scheme, 0)));
    EXPECT_FALSE(check(spec_of(scheme, 9)));
    EXPECT_FALSE(check(spec_of(scheme, -1)));
  }
  EXPECT_FALSE(check(spec_of(WeightScheme::MinMax, 1)));
  EXPECT_FALSE(check(spec_of(WeightScheme::DoReFa, 4, Granularity::Channel)));
  EXPECT_FALSE(check(spec_of(WeightScheme::DoReFa, 4, Granularity::Group, 2)));
  EXPECT_FALSE(check(spec_of(WeightScheme::Sawb, 4, Granularity::Group, 0)));
  EXPECT_FALSE(check(spec_of(WeightScheme::Sawb, 4, Granularity::Group, -2)));
  EXPECT_FALSE(check(spec_of(WeightScheme::Sawb, 4, Granularity::Channel, 2)));
  EXPECT_THAT(check(spec_of(WeightScheme::MinMax, 1)).error().message,
              HasSubstr("expected 2 to 8"));
  EXPECT_FALSE(quantize_weights(std::vector<float>{1}, 1, spec_of(WeightScheme::Sawb, 9)));
}

TEST(Weights, NumbersThatAreNotFiniteAreRefused) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const WeightSpec& spec : all_specs()) {
      std::vector<float> weights = normal_weights(12, 12);
      weights[7] = bad;
      const auto q = quantize_weights(weights, 2, spec);
      ASSERT_FALSE(q) << describe(spec);
      EXPECT_EQ(q.error().code, ErrorCode::Corrupt);
      EXPECT_THAT(q.error().message, HasSubstr("finite"));
    }
  }
}

TEST(Weights, ExtremeWeightsGiveFiniteValuesAndCodesOnTheGrid) {
  const float huge = 1e30F;
  const float tiny = std::numeric_limits<float>::denorm_min();
  for (const std::vector<float>& weights :
       {std::vector<float>(12, 0.0F), std::vector<float>(12, tiny), std::vector<float>(12, -1e-20F),
        std::vector<float>{huge, -huge, 0, 1, tiny, -tiny, huge, huge, huge, huge, 1, -1}}) {
    for (const WeightSpec& spec : all_specs()) {
      SCOPED_TRACE(describe(spec));
      const auto q = quantize_weights(weights, 2, spec);
      ASSERT_TRUE(q) << q.error().message;
      for (const std::uint8_t code : q->codes) ASSERT_LT(code, q->grid.codes);
      for (const float value : dequantized(*q)) ASSERT_TRUE(std::isfinite(value)) << weights[0];
    }
  }
}

TEST(Weights, AllZeroWeightsStayZeroWithMinMax) {
  const auto q = quantize_weights(std::vector<float>(6), 2, spec_of(WeightScheme::MinMax, 4));
  ASSERT_TRUE(q);
  EXPECT_EQ(dequantized(*q), std::vector<float>(6));
}

TEST(DoReFa, RangeIsExactlyMinusOneToOneFromTwoBitsOn) {
  const std::vector<float> weights = normal_weights(500, 13);
  const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
  for (int bits = 2; bits <= 8; ++bits) {
    std::vector<float> both = weights;
    both.push_back(-std::max(-*low, *high));  // both ends of the range occur
    both.push_back(std::max(-*low, *high));
    const auto q = quantize_weights(both, 1, spec_of(WeightScheme::DoReFa, bits));
    ASSERT_TRUE(q);
    const std::vector<float> values = dequantized(*q);
    EXPECT_EQ(*std::min_element(values.begin(), values.end()), -1.0F) << bits;
    EXPECT_EQ(*std::max_element(values.begin(), values.end()), 1.0F) << bits;
  }
}

TEST(DoReFa, FollowsItsFormulaOnALargeTensor) {
  const std::vector<float> weights = normal_weights(1000, 14, 1.0F);
  double top = 0;
  for (const float w : weights) top = std::max(top, std::abs(std::tanh(static_cast<double>(w))));
  for (int bits = 2; bits <= 8; ++bits) {
    const int n = (1 << bits) - 1;
    const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::DoReFa, bits));
    ASSERT_TRUE(q);
    const auto values = dequantized(*q);
    int compared = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double scaled = (std::tanh(static_cast<double>(weights[i])) / (2 * top) + 0.5) * n;
      if (std::abs(scaled - std::floor(scaled) - 0.5) < 1e-4) continue;  // a tie up to float error
      const double expected = 2 * std::nearbyint(scaled) / n - 1;
      ASSERT_NEAR(values[i], expected, 1e-6) << bits << " bits of " << weights[i];
      ++compared;
    }
    EXPECT_GT(compared, 900);
  }
}

TEST(DoReFa, OneBitIsTheSignTimesTheMeanMagnitude) {
  const std::vector<float> weights{-2, -0.5F, 0.25F, 1.25F};
  const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::DoReFa, 1));
  ASSERT_TRUE(q);
  EXPECT_EQ(dequantized(*q), (std::vector<float>{-1, -1, 1, 1}));
  const auto half =
      quantize_weights(std::vector<float>{-0.25F, 0.75F}, 1, spec_of(WeightScheme::DoReFa, 1));
  ASSERT_TRUE(half);
  EXPECT_EQ(dequantized(*half), (std::vector<float>{-0.5F, 0.5F}));
}

TEST(DoReFa, TwoBitsHaveNoZeroLevel) {
  const std::vector<float> weights{-2, -0.1F, 0.1F, 2};
  const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::DoReFa, 2));
  ASSERT_TRUE(q);
  const auto values = dequantized(*q);
  const float expected[] = {-1, -1.0F / 3, 1.0F / 3, 1};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(values[i], expected[i]);
}

TEST(Sawb, CoefficientsOfFourLevelsAgreeWithThePublishedOnesWithinOnePercent) {
  const SawbCoefficients c = sawb_coefficients(2);
  EXPECT_NEAR(c.c1, 3.12, 0.01 * 3.12);
  EXPECT_NEAR(c.c2, -2.064, 0.01 * 2.064);
}

TEST(Sawb, CoefficientsOfOtherWidthsAgreeWithTheRegressionOfTheSpecification) {
  struct Row {
    int bits;
    double c1, c2;
  };
  for (const Row& row : {Row{3, 7.350, -6.718}, Row{4, 12.034, -12.088}, Row{5, 17.162, -18.083}}) {
    EXPECT_NEAR(sawb_coefficients(row.bits).c1, row.c1, 0.01 * row.c1) << row.bits;
    EXPECT_NEAR(sawb_coefficients(row.bits).c2, row.c2, 0.01 * -row.c2) << row.bits;
  }
  EXPECT_EQ(sawb_coefficients(1).c1, 0);
  EXPECT_EQ(sawb_coefficients(1).c2, 1);
}

TEST(Sawb, AlphaIsTheFormula) {
  const std::vector<float> weights{1, -1, 0.5F, 0};  // E[w^2] = 2.25 / 4, E|w| = 2.5 / 4
  for (int bits = 1; bits <= 5; ++bits) {
    const SawbCoefficients c = sawb_coefficients(bits);
    const double expected = c.c1 * 0.75 + c.c2 * 0.625;
    ASSERT_GT(expected, 0) << bits;
    EXPECT_NEAR(sawb_alpha(weights, bits), expected, 1e-5) << bits;
  }
}

TEST(Sawb, AlphaIsNearTheBestClipOfAGaussian) {
  const std::vector<float> weights = normal_weights(20'000, 15, 1.0F);
  for (const int bits : {2, 3, 4}) {
    const auto error = [&](double alpha) {
      const int n = (1 << bits) - 1;
      double sum = 0;
      for (const float w : weights) {
        const double unit = std::clamp(w / alpha, -1.0, 1.0) / 2 + 0.5;
        const double value = alpha * (2 * std::nearbyint(unit * n) / n - 1);
        sum += (value - w) * (value - w);
      }
      return sum;
    };
    double best = std::numeric_limits<double>::max();
    for (double alpha = 0.5; alpha < 5; alpha += 0.05) best = std::min(best, error(alpha));
    EXPECT_LT(error(sawb_alpha(weights, bits)), best * 1.03) << bits;
  }
}

TEST(Sawb, AlphaThatIsNotPositiveFallsBackToTheLargestWeight) {
  std::vector<float> weights(64, 0.25F);  // magnitudes alike: c1 rms + c2 mean < 0 at 8 bits
  for (std::size_t i = 0; i < weights.size(); i += 2) weights[i] = -0.25F;
  weights[5] = 0.3F;
  const SawbCoefficients c = sawb_coefficients(8);
  ASSERT_LT(c.c1 * 0.2509 + c.c2 * 0.2507, 0);
  EXPECT_EQ(sawb_alpha(weights, 8), 0.3F);
  const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::Sawb, 8));
  ASSERT_TRUE(q);
  EXPECT_EQ(q->codes[5], 255);
  EXPECT_NEAR(dequantized(*q)[5], 0.3F, 1e-6F);
}

TEST(Sawb, AlphaOfAHeavyTailIsPositiveAndFiniteAtEightBits) {
  std::vector<float> weights = normal_weights(4096, 16, 0.01F);
  weights[9] = 5.0F;
  const float alpha = sawb_alpha(weights, 8);
  EXPECT_GT(alpha, 0);
  const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::Sawb, 8));
  ASSERT_TRUE(q);
  for (const float value : dequantized(*q)) EXPECT_LE(std::abs(value), alpha * 1.0001F);
}

TEST(Sawb, OneBitIsTheMeanMagnitudeWithTheSign) {
  const std::vector<float> weights{0.5F, -1.5F, 3, -3};
  const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::Sawb, 1));
  ASSERT_TRUE(q);
  EXPECT_EQ(dequantized(*q), (std::vector<float>{2, -2, 2, -2}));
}

TEST(Sawb, FollowsItsFormula) {
  const std::vector<float> weights = normal_weights(400, 17);
  for (int bits = 1; bits <= 8; ++bits) {
    const int n = (1 << bits) - 1;
    const double alpha = sawb_alpha(weights, bits);
    const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::Sawb, bits));
    ASSERT_TRUE(q);
    const auto values = dequantized(*q);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double unit = std::clamp(weights[i] / alpha, -1.0, 1.0) / 2 + 0.5;
      if (std::abs(unit * n - std::floor(unit * n) - 0.5) < 1e-4) continue;
      ASSERT_NEAR(values[i], alpha * (2 * std::nearbyint(unit * n) / n - 1), 1e-6 * alpha) << bits;
    }
  }
}

TEST(Sawb, PlusHasTheCodesOfPlain) {
  const std::vector<float> weights = normal_weights(64, 18);
  const auto plain =
      quantize_weights(weights, 4, spec_of(WeightScheme::Sawb, 3, Granularity::Channel));
  const auto plus =
      quantize_weights(weights, 4, spec_of(WeightScheme::SawbPlus, 3, Granularity::Channel));
  ASSERT_TRUE(plain && plus);
  EXPECT_EQ(plain->codes, plus->codes);
  EXPECT_EQ(plain->scales, plus->scales);
}

TEST(MinMax, KeepsTheLargestWeightAndRoundsTheRest) {
  const std::vector<float> weights{0.7F, -0.34F, 0.05F, -0.06F, 0};
  const auto q = quantize_weights(weights, 1, spec_of(WeightScheme::MinMax, 4));  // steps of 0.1
  ASSERT_TRUE(q);
  std::vector<int> levels;
  for (const std::uint8_t code : q->codes) levels.push_back(q->grid.level(code));
  EXPECT_EQ(levels[0], 7);
  EXPECT_EQ(levels[1], -3);
  EXPECT_EQ(levels[3], -1);
  EXPECT_EQ(levels[4], 0);
  EXPECT_FLOAT_EQ(dequantized(*q)[0], 0.7F);
}

TEST(MinMax, ErrorIsAtMostHalfAStep) {
  const std::vector<float> weights = normal_weights(300, 19);
  for (int bits = 2; bits <= 8; ++bits) {
    const auto q = quantize_weights(weights, 3, spec_of(WeightScheme::MinMax, bits));
    ASSERT_TRUE(q);
    const float step = largest(weights) / static_cast<float>((1 << (bits - 1)) - 1);
    EXPECT_FLOAT_EQ(q->scales[0], step);
    const auto values = dequantized(*q);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      ASSERT_LE(std::abs(values[i] - weights[i]), step * 0.50001F);
    }
  }
}

TEST(MinMax, QuantizingTheDequantizedWeightsGivesTheSameCodes) {
  int checked = 0;
  for (unsigned seed = 100; seed < 150; ++seed) {
    const std::vector<float> weights =
        normal_weights(4 * 12, seed, 0.01F * static_cast<float>(seed));
    for (const WeightSpec& spec : all_specs()) {
      if (spec.scheme != WeightScheme::MinMax) continue;
      const auto once = quantize_weights(weights, 4, spec);
      ASSERT_TRUE(once);
      const auto twice = quantize_weights(dequantized(*once), 4, spec);
      ASSERT_TRUE(twice);
      ASSERT_EQ(twice->codes, once->codes) << describe(spec) << " seed " << seed;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 50 * 7 * 3);
}

TEST(Scaled, EveryLevelOfEveryWidthComesBackAndTheRestIsClipped) {
  for (const WeightScheme scheme : {WeightScheme::Scaled, WeightScheme::ScaledOdd}) {
    for (int bits = 1; bits <= 8; ++bits) {
      const WeightSpec spec = spec_of(scheme, bits, Granularity::Channel);
      const Grid grid = weight_grid(spec);
      const std::vector<float> scales{0.37F, 1.3e-3F};
      std::vector<float> weights;
      for (const float scale : scales) {
        for (int code = 0; code < grid.codes; ++code) {
          weights.push_back(static_cast<float>(grid.level(code)) * scale);
        }
        weights.push_back(static_cast<float>(grid.highest() + 5) * scale);
        weights.push_back(static_cast<float>(grid.lowest - 5) * scale);
      }
      const auto quantized = value_or_throw(quantize_weights(weights, 2, spec, scales));
      EXPECT_EQ(quantized.scales, scales);
      const auto row = static_cast<std::size_t>(grid.codes) + 2;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        std::size_t expected = i % row;
        if (expected == row - 2) expected = row - 3;
        if (expected == row - 1) expected = 0;
        EXPECT_EQ(quantized.codes[i], expected) << bits << " bits, weight " << i;
      }
    }
  }
}

TEST(Scaled, ScalesThatAreNotPositiveAndFiniteAreErrors) {
  const std::vector<float> weights{1, 2};
  for (const float scale : {0.0F, -1.0F, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(), 1e-45F}) {
    const std::vector<float> scales{scale};
    EXPECT_FALSE(quantize_weights(weights, 1, spec_of(WeightScheme::Scaled, 4), scales)) << scale;
  }
}

TEST(Weights, NegatingTheWeightsMirrorsTheCodes) {
  std::vector<float> weights = normal_weights(48, 20);
  std::vector<float> negated = weights;
  for (float& w : negated) w = -w;
  for (const WeightSpec& spec : all_specs()) {
    const auto a = quantize_weights(weights, 4, spec);
    const auto b = quantize_weights(negated, 4, spec);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->scales, b->scales);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      ASSERT_EQ(a->grid.level(a->codes[i]), -b->grid.level(b->codes[i])) << describe(spec);
    }
  }
}

}  // namespace
}  // namespace pact::numeric
