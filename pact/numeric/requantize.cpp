// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/requantize.h"

#include <bit>
#include <cmath>
#include <limits>

namespace pact::numeric {
namespace {

constexpr double kMaxMultiplier = std::numeric_limits<std::int32_t>::max();

Result<double> largest_multiplier(const RealAffine& real) {
  double largest = 0;
  for (const auto& term : real.multipliers) {
    for (const double multiplier : term) {
      if (!std::isfinite(multiplier)) {
        return make_error(ErrorCode::Unsupported, "requantization: a scale is not finite");
      }
      largest = std::max(largest, std::abs(multiplier));
    }
  }
  for (const double offset : real.offsets) {
    // Shifted by up to 32 bits, a larger offset would leave 63 bits.
    if (!(std::abs(offset) < std::ldexp(1.0, 30))) {
      return make_error(ErrorCode::Unsupported,
                        "requantization: expected an offset below 2^30, found ", offset);
    }
  }
  return largest;
}

// The least power of two in whose units every offset, shifted, fits 32 bits.
int offset_unit(const std::vector<double>& offsets, int shift) {
  double largest = 0;
  for (const double offset : offsets) largest = std::max(largest, std::abs(offset));
  int unit = 0;
  while (std::ldexp(largest, shift - unit) > kMaxMultiplier) ++unit;
  return unit;
}

}  // namespace

Result<Requantization> derive(const RealAffine& real,
                              const std::vector<std::vector<std::int64_t>>& bounds) {
  PACT_TRY(const double largest, largest_multiplier(real));
  int shift = kMaxShift;
  while (shift > 1 && std::ldexp(largest, shift) > kMaxMultiplier) --shift;
  if (std::ldexp(largest, shift) > kMaxMultiplier) {
    return make_error(ErrorCode::Unsupported, "requantization: expected scales below 2^30, found ",
                      largest);
  }
  Requantization result{.shift = shift, .multipliers = {}, .offsets = {}};
  for (const auto& term : real.multipliers) {
    for (const double multiplier : term) {
      result.multipliers.push_back(
          static_cast<std::int32_t>(std::nearbyint(std::ldexp(multiplier, shift))));
    }
  }
  const int unit = offset_unit(real.offsets, shift);
  for (const double offset : real.offsets) {
    const auto units = static_cast<std::int64_t>(std::nearbyint(std::ldexp(offset, shift - unit)));
    result.offsets.push_back(units * (std::int64_t{1} << unit));
  }
  PACT_CHECK_OK(prove_no_overflow(result, bounds));
  return result;
}

Result<ShortOffsets> shorten(std::span<const std::int64_t> offsets) {
  std::int64_t bits = 0;
  for (const std::int64_t offset : offsets) bits |= offset;
  ShortOffsets result;
  result.shift =
      bits == 0 ? 0 : std::min(std::countr_zero(static_cast<std::uint64_t>(bits)), kMaxOffsetShift);
  for (const std::int64_t offset : offsets) {
    const std::int64_t value = offset >> result.shift;
    if (value != static_cast<std::int32_t>(value)) {
      return make_error(ErrorCode::Unsupported,
                        "requantization: expected offsets of 32 significant bits, found ", offset);
    }
    result.values.push_back(static_cast<std::int32_t>(value));
  }
  return result;
}

Status prove_no_overflow(const Requantization& requantization,
                         const std::vector<std::vector<std::int64_t>>& bounds) {
  const std::size_t channels = requantization.channels();
  for (std::size_t channel = 0; channel < channels; ++channel) {
    // Doubles are exact enough here: the limit they are held against has a margin of 2x.
    double sum = std::abs(static_cast<double>(requantization.offsets[channel]));
    for (std::size_t term = 0; term < requantization.terms(); ++term) {
      const double multiplier = requantization.multipliers[term * channels + channel];
      sum += std::abs(multiplier) * static_cast<double>(bounds[term][channel]);
    }
    const double limit = std::min(std::ldexp(1.0, 62), std::ldexp(1.0, 30 + requantization.shift));
    if (sum > limit) {
      return make_error(ErrorCode::Unsupported, "requantization: channel ", channel,
                        " could overflow: expected sums up to ", limit, ", found ", sum);
    }
  }
  return {};
}

}  // namespace pact::numeric
