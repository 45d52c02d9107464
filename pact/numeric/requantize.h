// SPDX-License-Identifier: Apache-2.0
// Requantization: integers of one or several scales -> levels of one grid, per channel c:
//
//   level = clamp( (sum_t v_t * M[t][c] + O[c] + 2^(s-1)) >> s,  lowest, highest )
//
// The real coefficients (scales, batch norm, residual scale, next alpha) are folded into M and O
// once, at lowering. There is one rounding, at the end, however many terms are added. The sum is
// taken in 64 bits; `derive` proves that neither it nor the shifted result (32 bits) can overflow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "pact/base/result.h"
#include "pact/numeric/grid.h"
#include "pact/numeric/rounding.h"

namespace pact::numeric {

inline constexpr int kMaxShift = 32;
inline constexpr int kMaxOffsetShift = 31;

/// The integers of a requantization with `terms` inputs and `channels` channels.
struct Requantization {
  int shift = 1;                          // 1 to kMaxShift
  std::vector<std::int32_t> multipliers;  // [term][channel]
  std::vector<std::int64_t> offsets;      // [channel]

  std::size_t channels() const { return offsets.size(); }
  std::size_t terms() const { return channels() == 0 ? 0 : multipliers.size() / channels(); }
  bool operator==(const Requantization&) const = default;
};

/// Real coefficients of one requantization: level = sum_t v_t * multipliers[t][c] + offsets[c].
struct RealAffine {
  std::vector<std::vector<double>> multipliers;  // [term][channel]
  std::vector<double> offsets;                   // [channel]
};

/// Fixed-point form of `real`. bounds[t][c] is the largest |v_t| in channel c. Takes the largest
/// shift s at which every multiplier fits 32 bits, so a level is off by at most
/// 2^-(s+1) * (1 + sum_t bounds[t][c]) before it is rounded, where offsets are below 2^(31-s).
/// Larger offsets keep 31 bits, as `shorten` needs: off by at most 2^-31 of the largest.
/// Coefficients that are not finite, too large, or a sum that could overflow are errors.
Result<Requantization> derive(const RealAffine& real,
                              const std::vector<std::vector<std::int64_t>>& bounds);

/// Offsets in 32 bits, in units of 2^shift.
struct ShortOffsets {
  int shift = 0;  // 0 to kMaxOffsetShift
  std::vector<std::int32_t> values;
};

/// `offsets` exactly, as a file holds them. An error if they need more than 32 bits.
Result<ShortOffsets> shorten(std::span<const std::int64_t> offsets);

/// Ok if the sum over any inputs within `bounds` stays inside 63 bits and, shifted, inside 31.
Status prove_no_overflow(const Requantization& requantization,
                         const std::vector<std::vector<std::int64_t>>& bounds);

/// One output. `sum` is the 64-bit sum of products and offset.
inline std::int32_t requantize_sum(std::int64_t sum, int shift, std::int32_t lowest,
                                   std::int32_t highest) {
  const std::int64_t level = round_shift(sum, shift);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(level, lowest, highest));
}

}  // namespace pact::numeric
