// SPDX-License-Identifier: Apache-2.0
// Random numbers of augmentation, the same on every machine: the standard library's distributions
// differ between libraries.
#pragma once

#include <cstdint>

namespace pact::data {

/// SplitMix64 (Steele et al. 2014), started from a hash of where it is used, so that each image's
/// numbers are the same whoever prepares it and when.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t epoch, std::uint64_t position)
      : state_(mix(mix(mix(seed + kStep) + epoch * kStep) + position * kStep)) {}

  std::uint64_t next() { return mix(state_ += kStep); }

  /// Uniform in [0, bound), without the bias of a plain remainder.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t reject_below = (0 - bound) % bound;
    std::uint64_t value = next();
    while (value < reject_below) value = next();
    return value % bound;
  }

  /// Uniform in [lowest, highest).
  double between(double lowest, double highest) {
    return lowest + (highest - lowest) * static_cast<double>(next() >> 11) * 0x1.0p-53;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;

  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
  }

  std::uint64_t state_;
};

}  // namespace pact::data
