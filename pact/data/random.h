// SPDX-License-Identifier: Apache-2.0
// Random numbers of augmentation.
#pragma once

#include <cstdint>

#include "pact/base/random.h"

namespace pact::data {

/// Numbers started from a hash of where they are used, so that each image's are the same whoever
/// prepares it and when.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t epoch, std::uint64_t position)
      : numbers_(SplitMix64::mix(
            SplitMix64::mix(SplitMix64::mix(seed + SplitMix64::kStep) + epoch * SplitMix64::kStep) +
            position * SplitMix64::kStep)) {}

  std::uint64_t next() { return numbers_.next(); }

  /// Uniform in [0, bound), without the bias of a plain remainder.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t reject_below = (0 - bound) % bound;
    std::uint64_t value = next();
    while (value < reject_below) value = next();
    return value % bound;
  }

  /// Uniform in [lowest, highest).
  double between(double lowest, double highest) {
    return lowest + (highest - lowest) * numbers_.fraction();
  }

 private:
  SplitMix64 numbers_;
};

}  // namespace pact::data
