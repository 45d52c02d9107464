// SPDX-License-Identifier: Apache-2.0
// The loop of table_dot.h in vectors, compiled once for each instruction set that includes it. Sums
// grow in bytes, are added to words before these are full, and words to 32 bits. Anonymous on
// purpose: every including file has its own copy.
//
// `Ops` are the instructions: a Vector of kBytes bytes.
#pragma once

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

// Compilers that sum as a tree run out of registers.
template <typename Vector>
inline void keep_order(Vector& sums) {
#if defined(__x86_64__)
  asm("" : "+v"(sums));
#else
  asm("" : "+w"(sums));
#endif
}

template <typename Ops, int kRows, int kVectors>
struct TableSums {
  using Vector = typename Ops::Vector;
  static constexpr int kColumns = kVectors * Ops::kBytes;

  // Sums of bytes of a vector: [even bytes, odd bytes].
  Vector words[kRows][kVectors][2];
  std::int64_t groups_in_words = 0;

  void clear() {
    for (auto& row : words) {
      for (auto& halves : row) halves[0] = halves[1] = Ops::zero();
    }
    groups_in_words = 0;
  }

  // Of `groups` groups, few enough for bytes.
  inline __attribute__((always_inline)) void add_groups(const std::uint8_t* pairs,
                                                        std::ptrdiff_t row_stride,
                                                        const std::uint8_t* b,
                                                        std::int64_t groups) {
    Vector bytes[kRows][kVectors];
    for (auto& row : bytes) {
      for (Vector& sums : row) sums = Ops::zero();
    }
    for (std::int64_t group = 0; group < groups; ++group, pairs += 2, b += kColumns) {
      Vector low[kVectors];
      Vector high[kVectors];
      for (int v = 0; v < kVectors; ++v) {
        const Vector weights = Ops::load(b + v * Ops::kBytes);
        low[v] = Ops::low_nibbles(weights);
        high[v] = Ops::high_nibbles(weights);
      }
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        add_pair(bytes[row], pairs[row * row_stride], low);
        add_pair(bytes[row], pairs[row * row_stride + 1], high);
      }
    }
    for (int i = 0; i < kRows * kVectors; ++i) {
      const Vector sums = bytes[i / kVectors][i % kVectors];
      auto& halves = words[i / kVectors][i % kVectors];
      halves[0] = Ops::add16(halves[0], Ops::even_bytes(sums));
      halves[1] = Ops::add16(halves[1], Ops::odd_bytes(sums));
    }
    groups_in_words += groups;
  }

  static inline __attribute__((always_inline)) void add_pair(Vector (&bytes)[kVectors],
                                                             std::uint8_t pair,
                                                             const Vector (&nibbles)[kVectors]) {
    const Vector table = Ops::table(kTables.entry[pair]);
    for (int v = 0; v < kVectors; ++v) {
      bytes[v] = Ops::add8(bytes[v], Ops::look_up(table, nibbles[v]));
      keep_order(bytes[v]);
    }
  }

  void add_segment(const std::uint8_t* pairs, std::ptrdiff_t row_stride, const std::uint8_t* b,
                   std::int64_t groups, std::int32_t* c) {
    std::int64_t group = 0;
    for (; group < groups; group += kGroupsInBytes) {
      if (groups_in_words + kGroupsInBytes > kGroupsInWords) widen(c);
      const std::uint8_t* first = pairs + 2 * group;
      const std::int64_t left = groups - group;
      if (left >= kGroupsInBytes) {
        add_groups(first, row_stride, b + group * kColumns, kGroupsInBytes);
      } else {
        add_groups(first, row_stride, b + group * kColumns, left);
      }
    }
  }

  void widen(std::int32_t* c) {
    for (int i = 0; i < 2 * kVectors * kRows; ++i) {
      Ops::add_to(c + i * (Ops::kBytes / 2), words[i / (2 * kVectors)][i / 2 % kVectors][i % 2]);
    }
    clear();
  }
};

template <typename Ops, int kVectors, int kRows>
void table_dot(const TableDotOperands& o) {
  using Sums = TableSums<Ops, kRows, kVectors>;
  for (int i = 0; i < kRows * Sums::kColumns; ++i) o.c[i] = 0;
  Sums sums;
  sums.clear();
  const std::uint8_t* b = o.b;
  for (std::int64_t segment = 0; segment < o.segments; ++segment) {
    sums.add_segment(o.pairs + segment * o.segment_stride, o.row_stride, b, o.groups, o.c);
    b += o.groups * Sums::kColumns;
  }
  sums.widen(o.c);
  const std::int32_t scale = o.scale;
  std::int32_t* c = o.c;
  for (int row = 0; row < kRows; ++row, c += Sums::kColumns) {
    const std::int32_t added = o.added[row];
    for (int column = 0; column < Sums::kColumns; ++column) c[column] = scale * c[column] + added;
  }
}

static_assert(kMostTableRows == 4);
template <typename Ops, int kVectors>
constexpr TableDotFunction kTableDots[kMostTableRows] = {
    &table_dot<Ops, kVectors, 1>, &table_dot<Ops, kVectors, 2>, &table_dot<Ops, kVectors, 3>,
    &table_dot<Ops, kVectors, 4>};

}  // namespace
}  // namespace pact::kernels
