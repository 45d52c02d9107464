// SPDX-License-Identifier: Apache-2.0
// Requantization of the channels of several pixels (numeric/requantize.h) in one pass.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

enum class TermType { Accumulators, Codes, Levels };  // i32, u8, i16

/// values[pixel][i] * multipliers[i], for the channels i of every pixel. Codes stand for
/// themselves: the caller has put lowest * multiplier into the offsets.
struct RequantizeTerm {
  TermType type;
  const void* values;
  std::ptrdiff_t pixel_bytes;  // from one pixel to the next
  const std::int32_t* multipliers;
};

/// target[pixel][i] = clamp((sum of terms + offset of i) >> shift, lowest, highest), for i in
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
  std::int64_t pixels;
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

/// The kernel of `isa`, or of the next slower level that has one.
const RequantizeKernel& select_requantize(Isa isa);

}  // namespace pact::kernels
