// SPDX-License-Identifier: Apache-2.0
// The loop of table_dot.h in vectors, compiled once for each instruction set that includes it. Sums
// grow in bytes, are added to words before these are full, and words to 32 bits. Anonymous on
// purpose: every including file has its own copy.
//
// `Ops` are the instructions: a Vector of kBytes bytes.
#pragma once

#include <immintrin.h>

#include "pact/kernels/table_dot.h"

namespace pact::kernels {
namespace {

struct Tables {
  alignas(16) std::uint8_t entry[16][16];  // [pair of codes][pair of weights]
};
constexpr Tables make_tables() {
  Tables tables{};
  for (int codes = 0; codes < 16; ++codes) {
    for (int weights = 0; weights < 16; ++weights) {
      tables.entry[codes][weights] =
          static_cast<std::uint8_t>((codes & 3) * (weights & 3) + (codes >> 2) * (weights >> 2));
    }
  }
  return tables;
}
inline constexpr Tables kTables = make_tables();

inline constexpr int kLargestSum = 4 * 3 * 3;  // of a group
inline constexpr std::int64_t kGroupsInBytes = 255 / kLargestSum;
inline constexpr std::int64_t kGroupsInWords =
    65535 / kLargestSum / kGroupsInBytes * kGroupsInBytes;

inline std::int64_t at_most(std::int64_t value, std::int64_t most) {
  return value < most ? value : most;
}

template <typename Ops, int kVectors>
struct TableSums {
  using Vector = typename Ops::Vector;
  static constexpr int kColumns = kVectors * Ops::kBytes;

  // Of `groups` groups, few enough for bytes.
  static inline __attribute__((always_inline)) void add_bytes(const std::uint8_t* pairs,
                                                              const std::uint8_t* b,
                                                              std::int64_t groups,
                                                              Vector (&bytes)[kVectors]) {
#pragma GCC unroll 7
    for (std::int64_t group = 0; group < groups; ++group, pairs += 2, b += kColumns) {
      const Vector first = Ops::table(kTables.entry[pairs[0]]);
      const Vector second = Ops::table(kTables.entry[pairs[1]]);
      for (int v = 0; v < kVectors; ++v) {
        const Vector weights = Ops::load(b + v * Ops::kBytes);
        bytes[v] = Ops::add8(bytes[v], Ops::add8(Ops::look_up(first, Ops::low_nibbles(weights)),
                                                 Ops::look_up(second, Ops::high_nibbles(weights))));
      }
    }
  }

  // Of `groups` groups, few enough for words: [even bytes, odd bytes].
  static void add_words(const std::uint8_t* pairs, const std::uint8_t* b, std::int64_t groups,
                        Vector (&words)[kVectors][2]) {
    for (std::int64_t group = 0; group < groups; group += kGroupsInBytes) {
      Vector bytes[kVectors];
      for (Vector& sums : bytes) sums = Ops::zero();
      const std::int64_t left = groups - group;
      if (left >= kGroupsInBytes) {
        add_bytes(pairs + 2 * group, b + group * kColumns, kGroupsInBytes, bytes);
      } else {
        add_bytes(pairs + 2 * group, b + group * kColumns, left, bytes);
      }
      for (int v = 0; v < kVectors; ++v) {
        words[v][0] = Ops::add16(words[v][0], Ops::even_bytes(bytes[v]));
        words[v][1] = Ops::add16(words[v][1], Ops::odd_bytes(bytes[v]));
      }
    }
  }

  static void run(const TableDotOperands& o) {
    for (int column = 0; column < kColumns; ++column) o.c[column] = 0;
    for (std::int64_t group = 0; group < o.groups; group += kGroupsInWords) {
      Vector words[kVectors][2];
      for (auto& halves : words) halves[0] = halves[1] = Ops::zero();
      add_words(o.pairs + 2 * group, o.b + group * kColumns,
                at_most(o.groups - group, kGroupsInWords), words);
      for (int i = 0; i < 2 * kVectors; ++i) {
        Ops::add_to(o.c + i * (Ops::kBytes / 2), words[i / 2][i % 2]);
      }
    }
  }
};

}  // namespace
}  // namespace pact::kernels
