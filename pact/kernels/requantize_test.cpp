// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "pact/base/cpu.h"
#include "pact/numeric/requantize.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kLongest = 70;
constexpr std::int64_t kGuard = 3;  // elements after a buffer that must stay as they are

// Runs check(kernel) for the kernel of every level of this machine, and asserts that it did.
template <typename Check>
void for_every_requantize_kernel(const Check& check) {
  std::size_t tested = 0;
  for (const Isa isa : available_isas()) {
    const RequantizeKernel& kernel = select_requantize(isa);
    ASSERT_EQ(kernel.isa, isa);
    ASSERT_EQ(std::string(kernel.name), text("requantize_i64_", name(isa)));
    SCOPED_TRACE(kernel.name);
    check(kernel);
    ++tested;
  }
  ASSERT_EQ(tested, available_isas().size());
  ASSERT_GT(tested, 0U);
}

template <typename T>
std::vector<T> random_values(std::size_t n, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> any(std::numeric_limits<T>::lowest(),
                                                  std::numeric_limits<T>::max());
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(any(random));
  // The ends of the range, where narrower products would overflow.
  if (n > 1) values[n - 1] = std::numeric_limits<T>::lowest();
  if (n > 2) values[n - 2] = std::numeric_limits<T>::max();
  return values;
}

template <typename T>
void expect_term_added(AddTerm<T> add, std::size_t n, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> start(-(std::int64_t{1} << 61),
                                                    std::int64_t{1} << 61);
  const std::vector<T> values = random_values<T>(n, random);
  const auto multipliers = random_values<std::int32_t>(n, random);
  std::vector<std::int64_t> sums(n + kGuard);
  for (std::int64_t& sum : sums) sum = start(random);
  std::vector<std::int64_t> expected = sums;
  for (std::size_t i = 0; i < n; ++i) expected[i] += std::int64_t{values[i]} * multipliers[i];
  add(sums.data(), values.data(), multipliers.data(), static_cast<std::int64_t>(n));
  EXPECT_EQ(sums, expected) << n << " values";
}

TEST(AddTerm, AddsProductsOfEveryTypeExactlyForEveryTail) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(1);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      expect_term_added<std::int32_t>(kernel.add_accumulators, n, random);
      expect_term_added<std::uint8_t>(kernel.add_codes, n, random);
      expect_term_added<std::int16_t>(kernel.add_levels, n, random);
    }
  });
}

// Sums that lowering may prove possible: up to min(2^62, 2^(30 + shift)), ties and ends among them.
std::vector<std::int64_t> possible_sums(int shift, std::int64_t n, std::mt19937_64& random) {
  const std::int64_t limit = std::int64_t{1} << std::min(62, 30 + shift);
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  const std::int64_t unit = half * 2;
  const std::vector<std::int64_t> special{limit,
                                          -limit,
                                          limit - 1,
                                          1 - limit,
                                          0,
                                          1,
                                          -1,
                                          half,
                                          -half,
                                          half - 1,
                                          -half - 1,
                                          half + 1,
                                          1 - half,
                                          3 * half,
                                          -3 * half,
                                          255 * unit + half,
                                          255 * unit + half - 1,
                                          -128 * unit - half,
                                          32767 * unit,
                                          -32767 * unit - half - 1};
  std::uniform_int_distribution<std::int64_t> any(-limit, limit);
  std::uniform_int_distribution<std::int64_t> near(-300 * unit, 300 * unit);
  std::vector<std::int64_t> sums;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto pick = static_cast<std::size_t>(random() % (2 * special.size()));
    const std::int64_t drawn = random() % 2 == 0 ? any(random) : near(random);
    sums.push_back(std::clamp(pick < special.size() ? special[pick] : drawn, -limit, limit));
  }
  return sums;
}

template <typename T>
void expect_rounded(Round<T> round, Rounding rounding, std::int32_t base,
                    const std::vector<std::int64_t>& sums) {
  constexpr T kUntouched = 99;
  std::vector<T> target(sums.size() + kGuard, kUntouched);
  std::vector<T> expected = target;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    expected[i] = static_cast<T>(
        numeric::requantize_sum(sums[i], rounding.shift, rounding.lowest, rounding.highest) - base);
  }
  round(sums.data(), rounding, target.data(), static_cast<std::int64_t>(sums.size()));
  EXPECT_EQ(target, expected) << "shift " << rounding.shift << ", levels " << rounding.lowest
                              << " to " << rounding.highest << ", sums "
                              << testing::PrintToString(sums);
}

std::vector<numeric::Grid> code_grids() {
  std::vector<numeric::Grid> grids;
  for (int bits = 1; bits <= numeric::kMaxCodeBits; ++bits) {
    grids.push_back(numeric::unsigned_grid(bits));
    grids.push_back(numeric::affine_grid(bits, (1 << bits) / 3));
    grids.push_back(numeric::affine_grid(bits, (1 << bits) - 1));
    if (bits > 1) grids.push_back(numeric::symmetric_grid(bits));
  }
  return grids;
}

TEST(RoundCodes, EqualsTheDefinitionForEveryShiftGridAndTail) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(2);
    std::int64_t n = 0;
    for (int shift = 1; shift <= numeric::kMaxShift; ++shift) {
      for (const numeric::Grid& grid : code_grids()) {
        n = n % kLongest + 1;
        expect_rounded<std::uint8_t>(kernel.round_codes, {shift, grid.lowest, grid.highest()},
                                     grid.lowest, possible_sums(shift, n, random));
      }
    }
  });
}

TEST(RoundLevels, EqualsTheDefinitionForEveryShiftAndTail) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(3);
    const numeric::Grid grid = numeric::symmetric_grid(numeric::kStreamBits);
    for (int shift = 1; shift <= numeric::kMaxShift; ++shift) {
      for (std::int64_t n = 1; n <= kLongest; ++n) {
        expect_rounded<std::int16_t>(kernel.round_levels, {shift, grid.lowest, grid.highest()}, 0,
                                     possible_sums(shift, n, random));
      }
    }
  });
}

TEST(Rounding, TakesTiesUpwardsForNegativeSumsToo) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    const std::vector<std::int64_t> sums{-6, -5, -3, -2, -1, 1, 2, 3, 6};
    std::vector<std::int16_t> levels(sums.size());
    kernel.round_levels(sums.data(), {2, -100, 100}, levels.data(), 9);
    EXPECT_EQ(levels, (std::vector<std::int16_t>{-1, -1, -1, 0, 0, 0, 1, 1, 2}));
    std::vector<std::uint8_t> codes(sums.size());
    kernel.round_codes(sums.data(), {2, -1, 1}, codes.data(), 9);
    EXPECT_EQ(codes, (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1, 2, 2, 2}));
  });
}

}  // namespace
}  // namespace pact::kernels
