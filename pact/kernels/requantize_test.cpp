// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <optional>
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
    if (isa != Isa::NeonDot) {  // which has kernels for dot products alone
      ASSERT_EQ(kernel.isa == Isa::Scalar, isa == Isa::Scalar);
    }
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
          return RequantizeTerm{static_cast<TermType>(values.index()), v.data(), 0,
                                multipliers.data(), nullptr};
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
      // Accumulators [pixel][channels + 3], levels [pixel][2 channels], codes [pixel][channels +
      // 1].
      constexpr std::int64_t kPixels = 5;
      constexpr int kShift = 12;
      const auto n = static_cast<std::size_t>(channels);
      std::vector<std::int32_t> sums(kPixels * (n + 3));
      std::vector<std::int16_t> stream(kPixels * 2 * n);
      std::vector<std::int32_t> multipliers(2 * n);
      std::vector<std::int64_t> offsets[2];
      for (auto& value : sums) value = static_cast<std::int32_t>(random() % 2000) - 1000;
      for (auto& value : stream) value = static_cast<std::int16_t>(random() % 2000 - 1000);
      for (auto& value : multipliers) value = static_cast<std::int32_t>(random() % 200) - 100;
      for (std::size_t i = 0; i < n; ++i) {
        offsets[i % 2].push_back(static_cast<std::int64_t>(random() % (1 << 19)) - 1000);
      }
      const RequantizeTerm terms[] = {
          {TermType::Accumulators, sums.data(), 4 * (channels + 3), multipliers.data(), nullptr},
          {TermType::Levels, stream.data(), 4 * channels, multipliers.data() + n, nullptr}};
      std::vector<std::uint8_t> target(kPixels * (n + 1), std::uint8_t{99});
      std::vector<std::uint8_t> expected = target;
      for (std::size_t p = 0; p < kPixels; ++p) {
        for (std::size_t i = 0; i < n; ++i) {
          const std::int64_t sum = offsets[i % 2][i / 2] + sums[p * (n + 3) + i] * multipliers[i] +
                                   stream[p * 2 * n + i] * multipliers[n + i];
          expected[p * (n + 1) + i] =
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
                       .pixels = kPixels});
      ASSERT_EQ(target, expected) << channels << " channels";
    }
  });
}

// Requantizations as networks have them: a sum of products spans the levels several times.
class FloatForm {
 public:
  FloatForm(std::int64_t channels, std::int64_t pixels, std::optional<TermType> second,
            int code_bits, std::mt19937_64& random)
      : channels_(channels), pixels_(pixels), highest_((1 << code_bits) - 1), random_(random) {
    const double level = std::ldexp(1.0, kShift);
    for (std::int64_t c = 0; c < channels; ++c) {
      multipliers_[0].push_back(static_cast<std::int32_t>(level * real(-0.02, 0.02)));
      multipliers_[1].push_back(
          static_cast<std::int32_t>(level * real(-1.5, 1.5) * highest_ / kLargest[1]));
      offsets_[c % 2].push_back(static_cast<std::int64_t>(level * real(-1, 2) * highest_));
    }
    for (std::int64_t i = 0; i < channels * pixels; ++i) {
      codes_.push_back(static_cast<std::uint8_t>(random() % 16));
      second_sums_.push_back(codes_.back());
      levels_.push_back(codes_.back());
    }
    types_.push_back(TermType::Accumulators);
    if (second) types_.push_back(*second);
    for (std::int64_t i = 0; i < channels * pixels; ++i) sums_.push_back(sum_near_a_level(i));
    bits_ = float_fraction_bits(described());
    for (std::int64_t c = 0; c < channels; ++c) {
      for (int t = 0; t < 2; ++t) {
        float_multipliers_[t].push_back(
            float_multiplier(multipliers_[t][static_cast<std::size_t>(c)], kShift, bits_));
      }
      float_offsets_.push_back(float_offset(offset(c), kShift, bits_));
    }
  }

  int bits() const { return bits_; }

  std::vector<std::uint8_t> expected() const {
    std::vector<std::uint8_t> codes;
    for (std::int64_t i = 0; i < channels_ * pixels_; ++i) {
      const std::int64_t sum =
          rest(i) + std::int64_t{sums_[static_cast<std::size_t>(i)]} * multipliers_[0][channel(i)];
      codes.push_back(
          static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> kShift, 0, highest_)));
    }
    return codes;
  }

  // In place: the codes of the second term become the result.
  std::vector<std::uint8_t> run(const RequantizeKernel& kernel) {
    std::vector<RequantizeTerm> terms;
    for (std::size_t t = 0; t < types_.size(); ++t) {
      terms.push_back({.type = types_[t],
                       .values = values(t),
                       .pixel_bytes = channels_ * kElementBytes[static_cast<int>(types_[t])],
                       .multipliers = multipliers_[t].data(),
                       .float_multipliers = float_multipliers_[t].data()});
    }
    std::vector<std::uint8_t> codes = codes_;
    std::swap(codes, codes_);
    if (types_.back() == TermType::Codes) terms.back().values = codes.data();
    kernel.to_codes({.terms = terms.data(),
                     .term_count = static_cast<int>(terms.size()),
                     .even_offsets = offsets_[0].data(),
                     .odd_offsets = offsets_[1].data(),
                     .shift = kShift,
                     .lowest = 0,
                     .highest = highest_,
                     .target = codes.data(),
                     .pixel_bytes = channels_,
                     .channels = channels_,
                     .pixels = pixels_,
                     .fraction_bits = bits_,
                     .float_offsets = float_offsets_.data()});
    return codes;
  }

  // Sums that are half a level from the next one, and integers that would make zeros of them.
  void leave_floats_alone() {
    for (std::int64_t i = 0; i < channels_ * pixels_; ++i) sums_[static_cast<std::size_t>(i)] = 0;
    for (std::int64_t c = 0; c < channels_; ++c) {
      float_offsets_[static_cast<std::size_t>(c)] = std::ldexp(2.5F, bits_);
      offsets_[c % 2][static_cast<std::size_t>(c / 2)] = 0;
    }
  }

 private:
  static constexpr int kShift = 26;
  static constexpr std::int64_t kLargest[] = {1 << 16, 15};
  static constexpr std::int64_t kElementBytes[] = {4, 1, 2};

  double real(double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(random_);
  }
  std::size_t channel(std::int64_t i) const { return static_cast<std::size_t>(i % channels_); }
  std::int64_t offset(std::int64_t c) const {
    return offsets_[c % 2][static_cast<std::size_t>(c / 2)];
  }
  // All but the first product.
  std::int64_t rest(std::int64_t i) const {
    std::int64_t sum = offset(i % channels_);
    if (types_.size() > 1) {
      sum += std::int64_t{second_sums_[static_cast<std::size_t>(i)]} * multipliers_[1][channel(i)];
    }
    return sum;
  }
  std::int32_t sum_near_a_level(std::int64_t i) {
    const std::int32_t multiplier = multipliers_[0][channel(i)];
    if (multiplier == 0) return 0;
    const auto level =
        static_cast<std::int64_t>(random_() % static_cast<unsigned>(highest_ + 3)) - 1;
    const std::int64_t exact = (level * (std::int64_t{1} << kShift) - rest(i)) / multiplier;
    const auto near = static_cast<std::int64_t>(random_() % 4) - 2;
    return static_cast<std::int32_t>(std::clamp(exact + near, -kLargest[0], kLargest[0]));
  }
  RequantizeTerms described() {
    for (std::size_t t = 0; t < types_.size(); ++t) {
      described_[t] = {types_[t], multipliers_[t].data(), kLargest[t]};
    }
    return {.terms = described_,
            .term_count = static_cast<int>(types_.size()),
            .even_offsets = offsets_[0].data(),
            .odd_offsets = offsets_[1].data(),
            .shift = kShift,
            .highest = highest_,
            .channels = channels_};
  }
  const void* values(std::size_t t) const {
    if (t == 0) return sums_.data();
    if (types_[t] == TermType::Accumulators) return second_sums_.data();
    if (types_[t] == TermType::Levels) return levels_.data();
    return codes_.data();
  }

  std::int64_t channels_;
  std::int64_t pixels_;
  std::int32_t highest_;
  std::mt19937_64& random_;
  std::vector<TermType> types_;
  std::vector<std::int32_t> multipliers_[2];
  std::vector<std::int64_t> offsets_[2];
  std::vector<float> float_multipliers_[2];
  std::vector<float> float_offsets_;
  std::vector<std::int32_t> sums_;
  std::vector<std::int32_t> second_sums_;
  std::vector<std::uint8_t> codes_;
  std::vector<std::int16_t> levels_;
  RequantizeTerms::Term described_[2] = {};
  int bits_ = 0;
};

constexpr std::optional<TermType> kSecondTerms[] = {std::nullopt, TermType::Accumulators,
                                                    TermType::Codes, TermType::Levels};

TEST(RequantizeInFloats, EqualsTheDefinitionNextToEveryLevelHoweverFloatsAreRounded) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(5);
    for (const int rounding : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      for (int code_bits = 1; code_bits <= 6; ++code_bits) {
        for (const auto second : kSecondTerms) {
          for (std::int64_t channels = 1; channels <= 40; ++channels) {
            const std::int64_t pixels = 1 + channels % 11;
            FloatForm form(channels, pixels, second, code_bits, random);
            ASSERT_GT(form.bits(), 0);
            std::fesetround(rounding);
            const auto codes = form.run(kernel);
            std::fesetround(FE_TONEAREST);
            ASSERT_EQ(codes, form.expected())
                << channels << " channels, " << code_bits << " bits, rounding " << rounding;
          }
        }
      }
    }
  });
}

TEST(RequantizeInFloats, NeedsNoIntegersWhereFloatsAreSure) {
  for_every_requantize_kernel([](const RequantizeKernel& kernel) {
    if (kernel.isa == Isa::Scalar) return;
    std::mt19937_64 random(6);
    FloatForm form(32, 5, std::nullopt, 4, random);
    form.leave_floats_alone();
    EXPECT_EQ(form.run(kernel), std::vector<std::uint8_t>(32 * 5, 2));
  });
}

TEST(RequantizeInFloats, IsNotForSumsThatFloatsCannotTell) {
  const std::int32_t multiplier = 1 << 20;
  const std::int64_t offset = 1 << 25;
  const auto bits = [&](TermType first, std::int64_t largest, std::int32_t highest) {
    const RequantizeTerms::Term terms[] = {{first, &multiplier, 1000},
                                           {TermType::Accumulators, &multiplier, largest}};
    return float_fraction_bits({terms, 2, &offset, nullptr, 26, highest, 1});
  };
  EXPECT_EQ(bits(TermType::Accumulators, 15, 15), 12);
  EXPECT_EQ(bits(TermType::Accumulators, 15, 255), 0);
  EXPECT_EQ(bits(TermType::Accumulators, std::int64_t{1} << 30, 15), 0);
  EXPECT_EQ(bits(TermType::Codes, 15, 15), 0);
  EXPECT_EQ(bits(TermType::Accumulators, 15, 32767), 0);
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
