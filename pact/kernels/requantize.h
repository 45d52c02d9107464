// SPDX-License-Identifier: Apache-2.0
// Requantization of the channels of several pixels (numeric/requantize.h) in one pass.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

enum class TermType { Accumulators, Codes, Levels };  // i32, u8, i16

/// values[row][pixel][i] * multipliers[i], for the channels i of every pixel. Codes stand for
/// themselves: the caller has put lowest * multiplier into the offsets.
struct RequantizeTerm {
  TermType type;
  const void* values;
  std::ptrdiff_t pixel_bytes;  // from one pixel to the next
  std::ptrdiff_t row_bytes;    // from one row of pixels to the next, if there are several
  const std::int32_t* multipliers;
  const float* float_multipliers;  // of a block with a float form
};

/// target[row][pixel][i] = clamp((sum of terms + offset of i) >> shift, lowest, highest), for i in
/// [0, channels). Codes have no base of their own: the caller has taken that of their levels from
/// the offsets. The offset of i, half of 2^shift included, is even_offsets[i / 2] or
/// odd_offsets[i / 2], because vectors multiply every second element. Sums stay within 63 bits and,
/// shifted, within 32. The target may be the values of one term, of its type and strides: elements
/// are read before they are written, once.
struct RequantizeBlock {
  const RequantizeTerm* terms;
  int term_count;
  const std::int64_t* even_offsets;
  const std::int64_t* odd_offsets;
  int shift;            // 1 to 32
  std::int32_t lowest;  // of what the target can hold
  std::int32_t highest;
  void* target;
  std::ptrdiff_t pixel_bytes;  // of the target
  std::int64_t channels;
  std::int64_t pixels;  // of a row
  std::int64_t rows = 1;
  std::ptrdiff_t row_bytes = 0;  // of the target
  int fraction_bits = 0;         // of the float form; 0: there is none
  const float* float_offsets = nullptr;
};
struct Pixel {
  std::int64_t row;
  std::int64_t column;
};
using RequantizeFunction = void (*)(const RequantizeBlock&);

struct RequantizeKernel {
  const char* name;
  Isa isa;
  RequantizeFunction to_codes;   // u8
  RequantizeFunction to_levels;  // i16
};

extern const RequantizeKernel requantize_scalar;
extern const RequantizeKernel requantize_avx2;
extern const RequantizeKernel requantize_avx512;
extern const RequantizeKernel requantize_neon;

inline constexpr int kMostFloatTerms = 2;

/// The terms of a requantization to codes for all its channels, as a RequantizeBlock has them.
struct RequantizeTerms {
  struct Term {
    TermType type;
    const std::int32_t* multipliers;
    std::int64_t largest;  // magnitude that a value can have
  };
  const Term* terms;
  int term_count;
  const std::int64_t* even_offsets;
  const std::int64_t* odd_offsets;
  int shift;
  std::int32_t highest;  // code; the lowest is 0
  std::int64_t channels;
};

/// The bits behind the point of sums in floats, at which they are off by less than half a unit,
/// however floats are rounded. 0 where they would be too few to be sure of most sums, or where
/// floats are not for these terms (one or two, accumulators first).
int float_fraction_bits(const RequantizeTerms& terms);

/// In units of 2^-fraction_bits levels. Offsets are half a unit too large, so that sums are never
/// too small.
float float_multiplier(std::int32_t multiplier, int shift, int fraction_bits);
float float_offset(std::int64_t offset, int shift, int fraction_bits);

/// The kernel of `isa`, or of the next slower level that has one.
const RequantizeKernel& select_requantize(Isa isa);

}  // namespace pact::kernels
