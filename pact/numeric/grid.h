// SPDX-License-Identifier: Apache-2.0
// A grid is the set of integers that a k-bit tensor can hold. Three words are kept apart:
//   code   what is stored: 0 .. codes-1, in exactly `bits` bits
//   level  the integer that arithmetic uses: lowest + step * code
//   value  the real number that it stands for: scale * level
#pragma once

#include <cstdint>
#include <string>

#include "pact/base/result.h"

namespace pact::numeric {

inline constexpr int kMinBits = 1;
inline constexpr int kMaxCodeBits = 8;
/// Width of residual streams, which are kept in fixed point between quantized layers.
inline constexpr int kStreamBits = 16;

/// The levels {lowest + step * code}, code in [0, codes), codes <= 2^bits.
struct Grid {
  int bits = 8;
  int step = 1;
  std::int32_t lowest = 0;
  std::int32_t codes = 256;

  std::int32_t highest() const { return lowest + step * (codes - 1); }
  std::int32_t level(std::int32_t code) const { return lowest + step * code; }
  std::int32_t code(std::int32_t level) const { return (level - lowest) / step; }
  bool contains(std::int32_t level) const {
    return level >= lowest && level <= highest() && (level - lowest) % step == 0;
  }
  /// Largest absolute level.
  std::int32_t magnitude() const;
  bool operator==(const Grid&) const = default;
};

/// PACT activations (PACT eq. 3): levels 0 .. 2^bits - 1.
Grid unsigned_grid(int bits);

/// Levels -(2^(bits-1) - 1) .. 2^(bits-1) - 1: symmetric, with a zero. bits >= 2.
Grid symmetric_grid(int bits);

/// Levels -(2^bits - 1), .., -1, 1, .., 2^bits - 1: the odd integers, no zero (DoReFa, SAWB).
Grid odd_grid(int bits);

/// Levels -zero_point .. 2^bits - 1 - zero_point, 0 <= zero_point < 2^bits: two-sided activations.
Grid affine_grid(int bits, std::int32_t zero_point);

/// Ok if `grid` is one of the shapes above (any zero point), with 1 to 8 bits or kStreamBits.
Status check(const Grid& grid);

/// For people: "u4", "s8", "odd4", "a8-114".
std::string name(const Grid& grid);
/// The inverse of `name`.
Result<Grid> parse_grid(const std::string& text);

}  // namespace pact::numeric
