// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine: the standard library's distributions differ
// between libraries.
#pragma once

#include <cstdint>

namespace pact {

/// SplitMix64 (Steele et al. 2014): small, and every state is a good one.
class SplitMix64 {
 public:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;

  explicit SplitMix64(std::uint64_t state) : state_(state) {}

  std::uint64_t next() { return mix(state_ += kStep); }
  /// The upper bits of the next number, as a multiple of 2^-53 in [0, 1).
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace pact
