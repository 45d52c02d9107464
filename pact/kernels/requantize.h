// SPDX-License-Identifier: Apache-2.0
// Requantization of rows of channels (numeric/requantize.h), in three steps that the runtime chains
// for each pixel: start the 64-bit sums at the offsets, add each term, round and store.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// sums[i] += values[i] * multipliers[i], for i in [0, n). Values as levels or accumulators; for
/// codes of 8 bits the caller has put lowest * multiplier into the offsets.
template <typename T>
using AddTerm = void (*)(std::int64_t* sums, const T* values, const std::int32_t* multipliers,
                         std::int64_t n);

/// target[i] = clamp(round_shift(sums[i], shift), lowest, highest) - lowest (codes of 8 bits), or
/// the level itself (16-bit streams). The shifted sum fits 32 bits.
struct Rounding {
  int shift;
  std::int32_t lowest;
  std::int32_t highest;
};
template <typename T>
using Round = void (*)(const std::int64_t* sums, Rounding rounding, T* target, std::int64_t n);

struct RequantizeKernel {
  const char* name;
  Isa isa;
  AddTerm<std::int32_t> add_accumulators;
  AddTerm<std::uint8_t> add_codes;
  AddTerm<std::int16_t> add_levels;
  Round<std::uint8_t> round_codes;
  Round<std::int16_t> round_levels;
};

extern const RequantizeKernel requantize_scalar;
extern const RequantizeKernel requantize_avx2;
extern const RequantizeKernel requantize_avx512;

/// The kernel of `isa`.
const RequantizeKernel& select_requantize(Isa isa);

}  // namespace pact::kernels
