// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "pact/base/cpu.h"
#include "pact/numeric/requantize.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kLongest = 70;
constexpr std::int64_t kGuard = 3;  // elements after a buffer that must stay as they are

// Runs check(kernel) for every kernel that a level of this machine has, and asserts that it did.
template <typename Check>
void for_every_requantize_kernel(const Check& check) {
  std::set<std::string> tested;
  std::size_t kernels = 0;
  for (const Isa isa : available_isas()) {
    const RequantizeKernel& kernel = select_requantize(isa);
    ASSERT_TRUE(kernel.isa == isa || kernel.isa == select_requantize(slower(isa)).isa);
    ASSERT_EQ(kernel.isa == Isa::Scalar, isa == Isa::Scalar);
    kernels += kernel.isa == isa ? 1 : 0;
    ASSERT_EQ(std::string(kernel.name), text("requantize_i64_", name(kernel.isa)));
    if (!tested.insert(kernel.name).second) continue;
    SCOPED_TRACE(kernel.name);
    check(kernel);
  }
  ASSERT_EQ(tested.size(), kernels);
}

// One term of a row, of the type that `values` has.
struct TermValues {
  std::variant<std::vector<std::int32_t>, std::vector<std::uint8_t>, std::vector<std::int16_t>>
      values;
  std::vector<std::int32_t> multipliers;

  RequantizeTerm view() const {
    return std::visit(
        [&](const auto& v) {
          return RequantizeTerm{
              static_cast<TermType>(values.index()), v.data(), 0, 0, multipliers.data(), nullptr};
        },
        values);
  }
  std::int64_t product(std::size_t i) const {
    return std::visit([&](const auto& v) { return std::int64_t{v[i]}; }, values) * multipliers[i];
  }
};

// The largest products are 2^60, so that a few of them and their offset stay within 63 bits.
TermValues random_term(TermType type, std::size_t n, std::mt19937_64& random) {
  const auto draw = [&](std::int64_t lowest, std::int64_t highest) {
    return std::uniform_int_distribution<std::int64_t>(lowest, highest)(random);
  };
  TermValues term;
  for (std::size_t i = 0; i < n; ++i) {
    term.multipliers.push_back(
        static_cast<std::int32_t>(i % 7 == 0 ? std::numeric_limits<std::int32_t>::min()
                                             : draw(-std::numeric_limits<std::int32_t>::max(),
                                                    std::numeric_limits<std::int32_t>::max())));
  }
  const auto fill = [&]<typename T>(T, std::int64_t lowest, std::int64_t highest) {
    std::vector<T> values;
    for (std::size_t i = 0; i < n; ++i) {
      values.push_back(static_cast<T>(i % 5 == 0 ? lowest : draw(lowest, highest)));
    }
    term.values = std::move(values);
  };
  if (type == TermType::Accumulators) fill(std::int32_t{}, -(1 << 29), 1 << 29);
  if (type == TermType::Codes) fill(std::uint8_t{}, 0, 255);
  if (type == TermType::Levels) fill(std::int16_t{}, -32768, 32767);
  return term;
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

// A row whose terms and offsets add up to `sums`.
struct Row {
  std::vector<TermValues> terms;
  std::vector<std::int64_t> sums;
  int shift;
  std::int32_t lowest;
  std::int32_t highest;
};

template <typename T>
void expect_requantized(RequantizeFunction run, const Row& row, std::int32_t base) {
  constexpr T kUntouched = 99;
  std::vector<std::int64_t> offsets[2];
  std::vector<RequantizeTerm> views;
  for (const TermValues& term : row.terms) views.push_back(term.view());
  std::vector<T> target(row.sums.size() + kGuard, kUntouched);
  std::vector<T> expected = target;
  for (std::size_t i = 0; i < row.sums.size(); ++i) {
    std::int64_t offset = row.sums[i] + (std::int64_t{1} << (row.shift - 1)) -
                          std::int64_t{base} * (std::int64_t{1} << row.shift);
    for (const TermValues& term : row.terms) offset -= term.product(i);
    offsets[i % 2].push_back(offset);
    expected[i] = static_cast<T>(
        numeric::requantize_sum(row.sums[i], row.shift, row.lowest, row.highest) - base);
  }
  run({.terms = views.data(),
       .term_count = static_cast<int>(views.size()),
       .even_offsets = offsets[0].data(),
       .odd_offsets = offsets[1].data(),
       .shift = row.shift,
       .lowest = row.lowest - base,
       .highest = row.highest - base,
       .target = target.data(),
       .pixel_bytes = 0,
       .channels = static_cast<std::int64_t>(row.sums.size()),
       .pixels = 1});
  EXPECT_EQ(target, expected) << "shift " << row.shift << ", levels " << row.lowest << " to "
                              << row.highest << ", " << row.terms.size() << " terms";
}

// Zero to three terms of types in turn.
std::vector<TermValues> random_terms(std::int64_t n, std::mt19937_64& random) {
  std::vector<TermValues> terms;
  for (std::uint64_t left = random() % 4; left > 0; --left) {
    terms.push_back(
        random_term(static_cast<TermType>(random() % 3), static_cast<std::size_t>(n), random));
  }
  return terms;
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

TEST(RequantizeToCodes, EqualsTheDefinitionForEveryShiftGridAndTail) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(2);
    std::int64_t n = 0;
    for (int shift = 1; shift <= numeric::kMaxShift; ++shift) {
      for (const numeric::Grid& grid : code_grids()) {
        n = n % kLongest + 1;
        expect_requantized<std::uint8_t>(kernel.to_codes,
                                         {random_terms(n, random), possible_sums(shift, n, random),
                                          shift, grid.lowest, grid.highest()},
                                         grid.lowest);
      }
    }
  });
}

TEST(RequantizeToLevels, EqualsTheDefinitionForEveryShiftAndTail) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(3);
    const numeric::Grid grid = numeric::symmetric_grid(numeric::kStreamBits);
    for (int shift = 1; shift <= numeric::kMaxShift; ++shift) {
      for (std::int64_t n = 1; n <= kLongest; ++n) {
        expect_requantized<std::int16_t>(kernel.to_levels,
                                         {random_terms(n, random), possible_sums(shift, n, random),
                                          shift, grid.lowest, grid.highest()},
                                         0);
      }
    }
  });
}

TEST(Requantize, ReadsAndWritesEveryPixelInItsPlace) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(4);
    for (std::int64_t channels = 1; channels <= 40; ++channels) {
      // Rows of 5 pixels: accumulators [pixel][channels + 3], two pixels between rows; levels
      // [pixel][2 channels]; codes [pixel][channels + 1], a pixel between rows.
      constexpr std::size_t kRows = 3;
      constexpr std::size_t kPixels = 5;
      constexpr int kShift = 12;
      const auto n = static_cast<std::size_t>(channels);
      std::vector<std::int32_t> sums(kRows * (kPixels + 2) * (n + 3));
      std::vector<std::int16_t> stream(kRows * kPixels * 2 * n);
      std::vector<std::int32_t> multipliers(2 * n);
      std::vector<std::int64_t> offsets[2];
      for (auto& value : sums) value = static_cast<std::int32_t>(random() % 2000) - 1000;
      for (auto& value : stream) value = static_cast<std::int16_t>(random() % 2000 - 1000);
      for (auto& value : multipliers) value = static_cast<std::int32_t>(random() % 200) - 100;
      for (std::size_t i = 0; i < n; ++i) {
        offsets[i % 2].push_back(static_cast<std::int64_t>(random() % (1 << 19)) - 1000);
      }
      const RequantizeTerm terms[] = {{TermType::Accumulators, sums.data(), 4 * (channels + 3),
                                       7 * 4 * (channels + 3), multipliers.data(), nullptr},
                                      {TermType::Levels, stream.data(), 4 * channels,
                                       5 * 4 * channels, multipliers.data() + n, nullptr}};
      std::vector<std::uint8_t> target(kRows * (kPixels + 1) * (n + 1), std::uint8_t{99});
      std::vector<std::uint8_t> expected = target;
      for (std::size_t p = 0; p < kRows * kPixels; ++p) {
        const std::size_t row = p / kPixels;
        for (std::size_t i = 0; i < n; ++i) {
          const std::int64_t sum = offsets[i % 2][i / 2] +
                                   sums[(p + 2 * row) * (n + 3) + i] * multipliers[i] +
                                   stream[p * 2 * n + i] * multipliers[n + i];
          expected[(p + row) * (n + 1) + i] =
              static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> kShift, 0, 63));
        }
      }
      kernel.to_codes({.terms = terms,
                       .term_count = 2,
                       .even_offsets = offsets[0].data(),
                       .odd_offsets = offsets[1].data(),
                       .shift = kShift,
                       .lowest = 0,
                       .highest = 63,
                       .target = target.data(),
                       .pixel_bytes = channels + 1,
                       .channels = channels,
                       .pixels = kPixels,
                       .rows = kRows,
                       .row_bytes = 6 * (channels + 1)});
      ASSERT_EQ(target, expected) << channels << " channels";
    }
  });
}

TEST(Requantize, TakesTiesUpwardsForNegativeSumsToo) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    const std::vector<std::int64_t> sums{-6, -5, -3, -2, -1, 1, 2, 3, 6};
    std::vector<std::int64_t> offsets[2];
    for (std::size_t i = 0; i < sums.size(); ++i) offsets[i % 2].push_back(sums[i] + 2);
    std::vector<std::int16_t> levels(sums.size());
    RequantizeBlock block{.terms = nullptr,
                          .term_count = 0,
                          .even_offsets = offsets[0].data(),
                          .odd_offsets = offsets[1].data(),
                          .shift = 2,
                          .lowest = -100,
                          .highest = 100,
                          .target = levels.data(),
                          .pixel_bytes = 0,
                          .channels = 9,
                          .pixels = 1};
    kernel.to_levels(block);
    EXPECT_EQ(levels, (std::vector<std::int16_t>{-1, -1, -1, 0, 0, 0, 1, 1, 2}));
    std::vector<std::uint8_t> codes(sums.size());
    for (auto& of_parity : offsets) {
      for (std::int64_t& offset : of_parity) offset += 1 << block.shift;  // levels -1 to 1
    }
    block.lowest = 0;
    block.highest = 2;
    block.target = codes.data();
    kernel.to_codes(block);
    EXPECT_EQ(codes, (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1, 2, 2, 2}));
  });
}

}  // namespace
}  // namespace pact::kernels
