// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"
#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

// Runs check(kernel) once for every kernel that a level of this machine has.
template <typename Check>
void for_every_float_kernel(const Check& check) {
  std::set<std::string> tested;
  for (const Isa isa : available_isas()) {
    const RequantizeKernel& kernel = select_requantize(isa);
    if (!tested.insert(kernel.name).second) continue;
    SCOPED_TRACE(kernel.name);
    check(kernel);
  }
}

// Requantizations as networks have them: a sum of products spans the levels several times.
class FloatForm {
 public:
  FloatForm(std::int64_t channels, std::int64_t pixels, std::optional<TermType> second,
            int code_bits, std::int64_t largest_sum, std::mt19937_64& random)
      : channels_(channels),
        pixels_(pixels),
        highest_((1 << code_bits) - 1),
        largest_{largest_sum, 15},
        random_(random) {
    const double step = 1300.0 / static_cast<double>(largest_sum);
    const double level = std::ldexp(1.0, kShift);
    for (std::int64_t c = 0; c < channels; ++c) {
      multipliers_[0].push_back(static_cast<std::int32_t>(level * real(-step, step)));
      multipliers_[1].push_back(static_cast<std::int32_t>(level * real(-1.5, 1.5) * highest_ / 15));
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

  // In place: the codes of the second term become the result. Multiples of four pixels in two
  // calls: the first and third quarter as two rows, then the second and last.
  std::vector<std::uint8_t> run(const RequantizeKernel& kernel) {
    std::vector<std::uint8_t> codes = codes_;
    std::swap(codes, codes_);
    if (pixels_ % 4 == 0) {
      run_rows(kernel, {.first = 0, .pixels = pixels_ / 4, .rows = 2}, codes);
      run_rows(kernel, {.first = pixels_ / 4, .pixels = pixels_ / 4, .rows = 2}, codes);
    } else {
      run_rows(kernel, {.first = 0, .pixels = pixels_, .rows = 1}, codes);
    }
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
  static constexpr std::int64_t kElementBytes[] = {4, 1, 2};

  // Rows that begin half of all pixels apart.
  struct Rows {
    std::int64_t first;
    std::int64_t pixels;
    std::int64_t rows;
  };
  void run_rows(const RequantizeKernel& kernel, const Rows& rows,
                std::vector<std::uint8_t>& codes) {
    std::vector<RequantizeTerm> terms;
    for (std::size_t t = 0; t < types_.size(); ++t) {
      const std::int64_t pixel_bytes = channels_ * kElementBytes[static_cast<int>(types_[t])];
      const bool in_place = t + 1 == types_.size() && types_[t] == TermType::Codes;
      const void* first = in_place ? codes.data() : values(t);
      terms.push_back({.type = types_[t],
                       .values = static_cast<const char*>(first) + rows.first * pixel_bytes,
                       .pixel_bytes = pixel_bytes,
                       .row_bytes = pixels_ / 2 * pixel_bytes,
                       .multipliers = multipliers_[t].data(),
                       .float_multipliers = float_multipliers_[t].data()});
    }
    kernel.to_codes({.terms = terms.data(),
                     .term_count = static_cast<int>(terms.size()),
                     .even_offsets = offsets_[0].data(),
                     .odd_offsets = offsets_[1].data(),
                     .shift = kShift,
                     .lowest = 0,
                     .highest = highest_,
                     .target = codes.data() + rows.first * channels_,
                     .pixel_bytes = channels_,
                     .channels = channels_,
                     .pixels = rows.pixels,
                     .rows = rows.rows,
                     .row_bytes = pixels_ / 2 * channels_,
                     .fraction_bits = bits_,
                     .float_offsets = float_offsets_.data()});
  }

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
    return static_cast<std::int32_t>(std::clamp(exact + near, -largest_[0], largest_[0]));
  }
  RequantizeTerms described() {
    for (std::size_t t = 0; t < types_.size(); ++t) {
      described_[t] = {types_[t], multipliers_[t].data(), largest_[t]};
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
  std::int64_t largest_[2];
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
  for_every_float_kernel([](const RequantizeKernel& kernel) {
    std::mt19937_64 random(5);
    for (const int rounding : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      for (int code_bits = 1; code_bits <= 6; ++code_bits) {
        for (const auto second : kSecondTerms) {
          for (std::int64_t channels = 1; channels <= 40; ++channels) {
            const std::int64_t pixels = 1 + channels % 11;
            // Beyond 2^24 floats round the sums themselves.
            const std::int64_t largest = std::int64_t{1} << (channels % 2 == 0 ? 16 : 28);
            FloatForm form(channels, pixels, second, code_bits, largest, random);
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
  for_every_float_kernel([](const RequantizeKernel& kernel) {
    if (kernel.isa == Isa::Scalar) return;
    std::mt19937_64 random(6);
    FloatForm form(32, 5, std::nullopt, 4, 1 << 16, random);
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

// A sum of 2^20 levels has as many fraction bits as 32-bit integers leave, not what words leave.
TEST(RequantizeInFloats, ClipsSumsFarAboveTheHighestLevel) {
  for_every_float_kernel([](const RequantizeKernel& kernel) {
    constexpr int kShift = 26;
    constexpr std::int64_t kChannels = 16;
    const std::vector<std::int32_t> multipliers(kChannels, 1 << 20);
    const std::vector<std::int64_t> offsets(kChannels / 2, 1 << 25);
    const std::vector<std::int32_t> sums(kChannels, 1 << 26);
    const RequantizeTerms::Term described{TermType::Accumulators, multipliers.data(), 1 << 26};
    const int bits =
        float_fraction_bits({&described, 1, offsets.data(), offsets.data(), kShift, 15, kChannels});
    ASSERT_EQ(bits, 9);
    const std::vector<float> float_multipliers(kChannels,
                                               float_multiplier(multipliers[0], kShift, bits));
    const std::vector<float> float_offsets(kChannels, float_offset(offsets[0], kShift, bits));
    const RequantizeTerm term{TermType::Accumulators,  sums.data(), 0, 0, multipliers.data(),
                              float_multipliers.data()};
    std::vector<std::uint8_t> codes(kChannels);
    kernel.to_codes({.terms = &term,
                     .term_count = 1,
                     .even_offsets = offsets.data(),
                     .odd_offsets = offsets.data(),
                     .shift = kShift,
                     .lowest = 0,
                     .highest = 15,
                     .target = codes.data(),
                     .pixel_bytes = 0,
                     .channels = kChannels,
                     .pixels = 1,
                     .fraction_bits = bits,
                     .float_offsets = float_offsets.data()});
    EXPECT_EQ(codes, std::vector<std::uint8_t>(kChannels, 15));
  });
}

}  // namespace
}  // namespace pact::kernels
