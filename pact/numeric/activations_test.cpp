// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/activations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace pact::numeric {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Named {
  std::string name;
  ActivationQuantizer quantizer;
};

// Quantizers of every kind and width, over clips of awkward size.
std::vector<Named> all_quantizers() {
  std::vector<Named> all;
  for (const float clip : {1e-3F, 0.1F, 0.7F, 1.0F, 2.999F, 10.0F, 1e4F}) {
    for (int bits = 1; bits <= 8; ++bits) {
      const std::string suffix = text(" ", bits, " bits to ", clip);
      all.push_back({"pact" + suffix, pact_quantizer(bits, clip)});
      for (const float share : {0.0F, 0.1F, 0.5F, 1.0F, 3.0F}) {
        all.push_back({text("two-sided", suffix, " share ", share),
                       two_sided_quantizer(bits, -clip * share, clip)});
      }
    }
    all.push_back({text("stream to ", clip), stream_quantizer(clip)});
  }
  return all;
}

TEST(RoundHalfEven, RoundsTiesToEven) {
  const std::pair<float, float> cases[] = {
      {0.5F, 0},   {1.5F, 2},     {2.5F, 2},     {3.5F, 4},        {-0.5F, 0},      {-1.5F, -2},
      {-2.5F, -2}, {254.5F, 254}, {255.5F, 256}, {0.49999997F, 0}, {0.50000006F, 1}};
  for (const auto& [x, expected] : cases) EXPECT_EQ(round_half_even(x), expected) << x;
}

TEST(RoundHalfEven, AgreesWithTheLibraryOverItsRange) {
  constexpr unsigned kSeed = 3;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const int quarters = static_cast<int>(random() % (1U << 23)) - (1 << 22);
    const float x = static_cast<float>(quarters) * 0.25F;
    ASSERT_EQ(round_half_even(x), std::nearbyint(x)) << x;
  }
  EXPECT_EQ(round_half_even(4194303.5F), 4194304.0F);
  EXPECT_EQ(round_half_even(-4194302.5F), -4194302.0F);
}

TEST(Pact, HasTheLevelsOfThePaperBelowInsideAtAndAboveTheClip) {
  const ActivationQuantizer q = pact_quantizer(2, 3.0F);  // levels 0..3, one apart
  EXPECT_EQ(q.grid, unsigned_grid(2));
  EXPECT_EQ(q.scale, 1.0F);
  const std::pair<float, float> cases[] = {
      {-kInfinity, 0}, {-5.0F, 0}, {-0.1F, 0}, {-0.0F, 0}, {0.0F, 0},     {0.49F, 0},
      {0.5F, 0},       {0.51F, 1}, {1.0F, 1},  {1.5F, 2},  {2.49F, 2},    {2.5F, 2},
      {2.51F, 3},      {3.0F, 3},  {3.01F, 3}, {1e30F, 3}, {kInfinity, 3}};
  for (const auto& [x, level] : cases) {
    EXPECT_EQ(quantize_level(q, x), level) << x;
    EXPECT_EQ(fake_quantize(q, x), level) << x;
  }
}

TEST(Pact, ValuesAreLevelTimesAlphaOverN) {
  for (int bits = 1; bits <= 8; ++bits) {
    const int n = (1 << bits) - 1;
    const float alpha = 1.7F;
    const ActivationQuantizer q = pact_quantizer(bits, alpha);
    EXPECT_FLOAT_EQ(q.scale, alpha / static_cast<float>(n));
    EXPECT_FLOAT_EQ(fake_quantize(q, alpha), alpha);
    EXPECT_EQ(quantize_level(q, alpha), static_cast<float>(n)) << bits;
    EXPECT_EQ(quantize_level(q, std::nextafter(alpha, 2.0F)), static_cast<float>(n)) << bits;
    EXPECT_EQ(fake_quantize(q, -alpha), 0.0F);
    for (int level = 0; level <= n; ++level) {
      const float value = static_cast<float>(level) * alpha / static_cast<float>(n);
      ASSERT_EQ(quantize_level(q, value), static_cast<float>(level)) << bits;
      ASSERT_FLOAT_EQ(fake_quantize(q, value), value) << bits;
    }
  }
}

TEST(Pact, OneBitSplitsAtHalfTheClip) {
  const ActivationQuantizer q = pact_quantizer(1, 2.0F);
  EXPECT_EQ(fake_quantize(q, 0.99F), 0.0F);
  EXPECT_EQ(fake_quantize(q, 1.01F), 2.0F);
}

TEST(TwoSided, MovesTheRangeSoThatZeroIsALevel) {
  const ActivationQuantizer q = two_sided_quantizer(2, -1.0F, 2.0F);  // scale 1, zero point 1
  EXPECT_EQ(q.grid, affine_grid(2, 1));
  EXPECT_EQ(fake_quantize(q, -9.0F), -1.0F);
  EXPECT_EQ(fake_quantize(q, -0.6F), -1.0F);
  EXPECT_EQ(fake_quantize(q, 0.4F), 0.0F);
  EXPECT_EQ(fake_quantize(q, 9.0F), 2.0F);
  // -low / scale = 1.5 rounds to 2: the levels are -2..1 times 2/3.
  const ActivationQuantizer moved = two_sided_quantizer(2, -1.0F, 1.0F);
  EXPECT_EQ(moved.grid, affine_grid(2, 2));
  EXPECT_FLOAT_EQ(fake_quantize(moved, -9.0F), -4.0F / 3.0F);
  EXPECT_FLOAT_EQ(fake_quantize(moved, 9.0F), 2.0F / 3.0F);
}

TEST(TwoSided, IsUnsignedWhenTheRangeStartsAtZero) {
  EXPECT_EQ(two_sided_quantizer(4, 0.0F, 3.0F).grid, unsigned_grid(4));
  EXPECT_EQ(two_sided_quantizer(4, 0.0F, 0.0F).grid, unsigned_grid(4));
}

TEST(Stream, IsSymmetricAndReachesItsRange) {
  const ActivationQuantizer q = stream_quantizer(8.0F);
  EXPECT_EQ(q.grid, symmetric_grid(16));
  EXPECT_EQ(quantize_level(q, 8.0F), 32767.0F);
  EXPECT_EQ(quantize_level(q, -8.0F), -32767.0F);
  EXPECT_EQ(quantize_level(q, 100.0F), 32767.0F);
  EXPECT_EQ(quantize_level(q, -100.0F), -32767.0F);
  EXPECT_NEAR(fake_quantize(q, 1.234F), 1.234F, q.scale / 2 * 1.001F);
}

TEST(Activations, ZeroIsAlwaysALevel) {
  int checked = 0;
  for (const auto& [name, q] : all_quantizers()) {
    EXPECT_EQ(fake_quantize(q, 0.0F), 0.0F) << name;
    EXPECT_TRUE(q.grid.contains(0)) << name;
    EXPECT_TRUE(check(q.grid)) << name;
    ++checked;
  }
  EXPECT_EQ(checked, 7 * (8 * 6 + 1));
}

TEST(Activations, EveryResultIsALevelOfTheGridForAnyInput) {
  constexpr unsigned kSeed = 4;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (const auto& [name, q] : all_quantizers()) {
    std::vector<float> inputs{kInfinity,
                              -kInfinity,
                              kNan,
                              std::numeric_limits<float>::max(),
                              std::numeric_limits<float>::lowest(),
                              std::numeric_limits<float>::denorm_min()};
    for (int i = 0; i < 50; ++i) {
      const float unit = static_cast<float>(random() % 20001) / 10000.0F - 1.0F;
      inputs.push_back(unit * 1.5F * q.scale * static_cast<float>(q.grid.codes));
    }
    for (const float x : inputs) {
      const float level = quantize_level(q, x);
      ASSERT_EQ(level, std::nearbyint(level)) << name << " of " << x;
      ASSERT_TRUE(q.grid.contains(static_cast<std::int32_t>(level))) << name << " of " << x;
    }
  }
}

TEST(Activations, NotANumberGivesTheLowestLevel) {
  EXPECT_EQ(quantize_level(pact_quantizer(4, 1.0F), kNan), 0.0F);
  EXPECT_EQ(quantize_level(two_sided_quantizer(2, -1.0F, 2.0F), kNan), -1.0F);
}

TEST(Activations, AreMonotone) {
  for (const auto& [name, q] : all_quantizers()) {
    const float low = static_cast<float>(q.grid.lowest) * q.scale * 1.2F - 0.1F;
    const float high = static_cast<float>(q.grid.highest()) * q.scale * 1.2F + 0.1F;
    float last = fake_quantize(q, low);
    const float first = last;
    for (int i = 1; i <= 3000; ++i) {
      const float value = fake_quantize(q, low + (high - low) * static_cast<float>(i) / 3000.0F);
      ASSERT_GE(value, last) << name << " step " << i;
      last = value;
    }
    ASSERT_GT(last, first) << name;
  }
}

TEST(Activations, AreIdempotentOnEveryLevel) {
  std::size_t checked = 0;
  for (const auto& [name, q] : all_quantizers()) {
    const std::int32_t stride = q.grid.bits > kMaxCodeBits ? 97 : 1;
    for (std::int32_t code = 0; code < q.grid.codes; code += stride) {
      const auto level = static_cast<float>(q.grid.level(code));
      const float value = level * q.scale;
      ASSERT_EQ(quantize_level(q, value), level) << name;
      ASSERT_EQ(fake_quantize(q, value), value) << name;
      ++checked;
    }
  }
  EXPECT_GT(checked, 20'000U);
}

TEST(Activations, AreIdempotentOnRandomInputs) {
  constexpr unsigned kSeed = 5;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (const auto& [name, q] : all_quantizers()) {
    for (int i = 0; i < 100; ++i) {
      const float unit = static_cast<float>(random() % 200001) / 100000.0F - 1.0F;
      const float once = fake_quantize(q, unit * q.scale * static_cast<float>(q.grid.codes));
      ASSERT_EQ(fake_quantize(q, once), once) << name;
    }
  }
}

TEST(Activations, InsideTheClipTheErrorIsAtMostHalfAStep) {
  for (const auto& [name, q] : all_quantizers()) {
    const float low = static_cast<float>(q.grid.lowest) * q.scale;
    const float high = static_cast<float>(q.grid.highest()) * q.scale;
    for (int i = 0; i <= 500; ++i) {
      const float x = low + (high - low) * static_cast<float>(i) / 500.0F;
      ASSERT_LE(std::abs(fake_quantize(q, x) - x), 0.5F * q.scale + 1e-6F * (high - low)) << name;
    }
  }
}

}  // namespace
}  // namespace pact::numeric
