// SPDX-License-Identifier: Apache-2.0
// The multiply-accumulate unit and the requantizer alone, against integers and against the law of
// pact/numeric/requantize.h, on random inputs and at the ends of their ranges.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "Mac2.h"
#include "Mac4.h"
#include "Mac8.h"
#include "Requantize2.h"
#include "Requantize4.h"
#include "Requantize8.h"
#include "hw/rtl/ports.h"
#include "pact/numeric/requantize.h"

namespace pact::rtl {
namespace {

template <typename ModuleType, int kModuleBits>
struct Case {
  using Module = ModuleType;
  static constexpr int kBits = kModuleBits;
  static constexpr int kSumBits = 2 * kBits + 13;
};

using Macs = testing::Types<Case<Mac2, 2>, Case<Mac4, 4>, Case<Mac8, 8>>;

template <typename T>
class MacTest : public testing::Test {};
TYPED_TEST_SUITE(MacTest, Macs);

TYPED_TEST(MacTest, AddsTheProductOfAnyTwoCodes) {
  const auto mac = std::make_unique<typename TypeParam::Module>();
  std::mt19937 random(2);
  std::int64_t compared = 0;
  for (std::uint32_t weight = 0; weight <= mask(TypeParam::kBits); ++weight) {
    mac->load = 1;
    mac->weight_in = static_cast<std::uint8_t>(weight);
    tick(*mac);
    mac->load = 0;
    ASSERT_EQ(mac->weight_out, weight);
    mac->weight_in = static_cast<std::uint8_t>(random() & mask(TypeParam::kBits));
    for (std::uint32_t activation = 0; activation <= mask(TypeParam::kBits); ++activation) {
      mac->activation_in = static_cast<std::uint8_t>(activation);
      mac->sum_in = static_cast<std::uint32_t>(random() & mask(TypeParam::kSumBits));
      tick(*mac);
      ASSERT_EQ(mac->sum_out, (mac->sum_in + weight * activation) & mask(TypeParam::kSumBits));
      ASSERT_EQ(mac->activation_out, activation);
      ASSERT_EQ(mac->weight_out, weight);
      ++compared;
    }
  }
  std::printf("mac, %d bits: %lld products compared\n", TypeParam::kBits,
              static_cast<long long>(compared));
}

TYPED_TEST(MacTest, HoldsTheSumOf4608LargestProducts) {
  const auto mac = std::make_unique<typename TypeParam::Module>();
  const auto largest = static_cast<std::uint32_t>(mask(TypeParam::kBits));
  mac->load = 1;
  mac->weight_in = static_cast<std::uint8_t>(largest);
  tick(*mac);
  mac->load = 0;
  mac->activation_in = static_cast<std::uint8_t>(largest);
  for (int i = 0; i < 4608; ++i) {
    mac->sum_in = i == 0 ? 0 : mac->sum_out;
    tick(*mac);
  }
  EXPECT_EQ(mac->sum_out, 4608 * largest * largest);
}

using Requantizers =
    testing::Types<Case<Requantize2, 2>, Case<Requantize4, 4>, Case<Requantize8, 8>>;
template <typename T>
class RequantizeTest : public testing::Test {};
TYPED_TEST_SUITE(RequantizeTest, Requantizers);

// One requantization with random coefficients that `derive` has proven for these bounds.
numeric::Requantization random_requantization(std::mt19937& random, std::int64_t value_bound,
                                              std::int64_t residual_bound) {
  std::uniform_real_distribution<double> real(-1, 1);
  const double highest = std::ldexp(1.0, 2 + static_cast<int>(random() % 8));
  const double value_scale = real(random) * highest / static_cast<double>(value_bound);
  const double residual_scale = real(random) * highest / static_cast<double>(residual_bound);
  return value_or_throw(numeric::derive(
      {.multipliers = {{value_scale}, {residual_scale}}, .offsets = {real(random) * highest}},
      {{value_bound}, {residual_bound}}));
}

TYPED_TEST(RequantizeTest, FollowsTheLaw) {
  constexpr int kBits = TypeParam::kBits;
  const auto module = std::make_unique<typename TypeParam::Module>();
  std::mt19937 random(3);
  const std::int64_t value_bound = static_cast<std::int64_t>(mask(TypeParam::kSumBits));
  constexpr std::int64_t kResidualBound = 255;
  std::uniform_int_distribution<std::int64_t> values(-value_bound, value_bound);
  std::int64_t inside = 0;
  constexpr int kRounds = 200000;
  for (int i = 0; i < kRounds; ++i) {
    const auto law = random_requantization(random, value_bound, kResidualBound);
    const auto highest = static_cast<std::int32_t>(mask(i % 2 == 0 ? kBits : 1 + i % 8));
    const std::int64_t value =
        i % 16 == 0 ? (i % 32 == 0 ? value_bound : -value_bound) : values(random);
    const auto residual = static_cast<std::int64_t>(random() % (kResidualBound + 1));
    const std::int64_t sum =
        value * law.multipliers[0] + residual * law.multipliers[1] + law.offsets[0];
    const std::int32_t expected = numeric::requantize_sum(sum, law.shift, 0, highest);

    set_field(module->value, {0, TypeParam::kSumBits + 1}, static_cast<std::uint64_t>(value));
    module->residual = static_cast<std::uint8_t>(residual);
    module->multiplier = static_cast<std::uint32_t>(law.multipliers[0]);
    module->residual_multiplier = static_cast<std::uint32_t>(law.multipliers[1]);
    module->offset =
        static_cast<std::uint64_t>(law.offsets[0] + (std::int64_t{1} << (law.shift - 1)));
    module->shift = static_cast<std::uint8_t>(law.shift);
    module->highest = static_cast<std::uint8_t>(highest);
    tick(*module);
    ASSERT_EQ(static_cast<std::int32_t>(module->code), expected)
        << "value " << value << ", residual " << residual << ", shift " << law.shift;
    inside += expected > 0 && expected < highest ? 1 : 0;
  }
  std::printf("requantize, %d bits: %d codes compared, %lld of them not clamped\n", kBits, kRounds,
              static_cast<long long>(inside));
  EXPECT_GT(inside, kRounds / 16);
}

// Sums a hair below, at and above the middle between two codes, for every shift.
TYPED_TEST(RequantizeTest, RoundsHalvesUpAtEveryShift) {
  const auto module = std::make_unique<typename TypeParam::Module>();
  module->multiplier = 1;
  module->residual_multiplier = 0;
  module->highest = 255;
  for (int shift = 1; shift <= numeric::kMaxShift; ++shift) {
    const std::int64_t half = std::int64_t{1} << (shift - 1);
    for (std::int64_t code = -2; code < 258; ++code) {
      for (const std::int64_t nudge : {-1, 0, 1}) {
        const std::int64_t sum = (code << shift) + half + nudge;
        module->value = 0;
        module->shift = static_cast<std::uint8_t>(shift);
        module->offset = static_cast<std::uint64_t>(sum + half);
        tick(*module);
        ASSERT_EQ(module->code, numeric::requantize_sum(sum, shift, 0, 255)) << shift;
      }
    }
  }
}

}  // namespace
}  // namespace pact::rtl
