// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace pact::numeric {
namespace {

std::vector<float> normal_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

double error_of(const std::vector<float>& weights, const WeightSpec& spec, ClipRule rule) {
  const auto scales = value_or_throw(calibrated_scales(weights, 4, spec, {rule, 0.99}));
  const auto quantized = value_or_throw(quantize_weights(weights, 4, spec, scales));
  std::vector<float> values(weights.size());
  dequantize_weights(quantized, values);
  double error = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    error += std::pow(static_cast<double>(values[i]) - static_cast<double>(weights[i]), 2);
  }
  return error;
}

TEST(Calibrate, PercentilesOfKnownValues) {
  std::vector<float> values;
  for (int i = 100; i > 0; --i) values.push_back(static_cast<float>(i));
  EXPECT_EQ(percentile_of(values, 1), 100);
  EXPECT_EQ(percentile_of(values, 0.5), 50);
  EXPECT_EQ(percentile_of(values, 1e-9), 1);
  EXPECT_EQ(percentile_of({}, 0.5), 0);
}

TEST(Calibrate, ValuesOnAGridGetItsScale) {
  // Levels of the grid need no clipping: their own scale has no error.
  std::vector<float> values;
  for (int level = -8; level < 8; ++level) values.push_back(static_cast<float>(level) * 0.25F);
  EXPECT_EQ(least_error_scale(values, affine_grid(4, 8), 0.25F), 0.25F);
}

TEST(Calibrate, ClippingFewBitsOfANormalTensorPays) {
  const auto weights = normal_values(4 * 2048, 1);
  for (const int bits : {2, 3, 4}) {
    for (const auto scheme : {WeightScheme::Scaled, WeightScheme::ScaledOdd}) {
      const WeightSpec spec{scheme, bits, Granularity::Channel, 0};
      EXPECT_LT(error_of(weights, spec, ClipRule::LeastError),
                0.9 * error_of(weights, spec, ClipRule::Max));
      EXPECT_LE(error_of(weights, spec, ClipRule::LeastError),
                1.001 * error_of(weights, spec, ClipRule::Percentile));
    }
  }
}

// The best clip of a normal density for 4 uniform levels is 1.494 standard deviations from zero,
// counted to the outer level (J. Max 1960, table 2: step 0.9957).
TEST(Calibrate, FindsTheBestUniformQuantizerOfANormalDensity) {
  const auto weights = normal_values(1 << 16, 2);
  const WeightSpec spec{WeightScheme::ScaledOdd, 2, Granularity::Tensor, 0};
  const auto scales =
      value_or_throw(calibrated_scales(weights, 4, spec, {ClipRule::LeastError, 1}));
  EXPECT_NEAR(scales[0], 0.9957F / 2, 0.02F);
}

TEST(Calibrate, ZerosHaveAPositiveScale) {
  const std::vector<float> weights(8);
  for (const auto rule : {ClipRule::Max, ClipRule::Percentile, ClipRule::LeastError}) {
    const WeightSpec spec{WeightScheme::Scaled, 4, Granularity::Tensor, 0};
    EXPECT_GT(value_or_throw(calibrated_scales(weights, 2, spec, {rule, 1}))[0], 0);
  }
}

TEST(Calibrate, GroupsThatDoNotFitAreAnError) {
  const std::vector<float> weights(12);
  const WeightSpec spec{WeightScheme::Scaled, 4, Granularity::Group, 5};
  EXPECT_FALSE(calibrated_scales(weights, 2, spec, {}));
}

}  // namespace
}  // namespace pact::numeric
