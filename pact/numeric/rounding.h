// SPDX-License-Identifier: Apache-2.0
// The two roundings of the project. Reals that become codes round half to even; fixed-point sums
// that become codes round half up, which needs one addition and one shift.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace pact::numeric {

/// `x` rounded to the nearest integer, halves to even, for |x| < 2^22. Adding and subtracting
/// 1.5 * 2^23 leaves no room for a fraction, so the addition itself rounds; it needs no special
/// instruction and compilers vectorise it. Relies on the default rounding mode. For a float, or a
/// vector of them (not a double, which has room).
template <typename Floats>
requires(!std::is_arithmetic_v<Floats> || std::is_same_v<Floats, float>) inline Floats
    round_half_even(Floats x) {
  constexpr float kMagic = 12582912.0F;
  return (x + kMagic) - kMagic;
}

/// `x` / 2^shift rounded to the nearest integer, halves up. 1 <= shift <= 62; no overflow in the
/// addition is the caller's to prove.
inline std::int64_t round_shift(std::int64_t x, int shift) {
  return (x + (std::int64_t{1} << (shift - 1))) >> shift;
}

}  // namespace pact::numeric
