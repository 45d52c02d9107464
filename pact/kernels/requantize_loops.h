// SPDX-License-Identifier: Apache-2.0
// The loops of requantization, compiled once for each instruction set that includes them: the
// compiler turns them into vectors. Anonymous on purpose: every including file has its own copy.
#pragma once

#include <cstdint>

#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

template <typename T>
void add_term(std::int64_t* __restrict sums, const T* __restrict values,
              const std::int32_t* __restrict multipliers, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    sums[i] += static_cast<std::int64_t>(static_cast<std::int32_t>(values[i])) *
               static_cast<std::int64_t>(multipliers[i]);
  }
}

// The shifted sum fits 32 bits, so its low half is all of it and the clamp needs no 64-bit compare.
inline std::int32_t round_one(std::int64_t sum, const Rounding& r) {
  const std::uint64_t biased =
      static_cast<std::uint64_t>(sum) + (std::uint64_t{1} << (r.shift - 1));
  const auto level = static_cast<std::int32_t>(static_cast<std::uint32_t>(biased >> r.shift));
  const std::int32_t raised = level < r.lowest ? r.lowest : level;
  return raised > r.highest ? r.highest : raised;
}

inline void round_codes(const std::int64_t* __restrict sums, Rounding r,
                        std::uint8_t* __restrict target, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    target[i] = static_cast<std::uint8_t>(round_one(sums[i], r) - r.lowest);
  }
}

inline void round_levels(const std::int64_t* __restrict sums, Rounding r,
                         std::int16_t* __restrict target, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) target[i] = static_cast<std::int16_t>(round_one(sums[i], r));
}

}  // namespace
}  // namespace pact::kernels
