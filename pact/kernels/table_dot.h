// SPDX-License-Identifier: Apache-2.0
// Dot products of 2-bit codes with 2-bit weights, by looking up sums instead of multiplying: two
// codes choose one of 16 tables of 16 bytes, two weights an entry of it. A byte of weights holds
// four of them, and a vector looks up as many columns as it has bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

inline constexpr int kTableBits = 2;
inline constexpr int kTableGroup = 4;  // weights of a column in a byte
inline constexpr int kMostTableRows = 4;

/// Sums of `rows` rows and `columns` columns (the kernel's), of codes as they are stored:
///   c[row][column] = scale * (sum of a[row][i] * w[column][i]) + added[row]
/// over the codes i of all segments, whose pairs lie at
///   pairs + row * row_stride + segment * segment_stride.
/// Sums and results must stay within 32 bits.
struct TableDotOperands {
  const std::uint8_t* pairs;  // of a segment, [2 * groups]: a[0] + 4 a[1], a[2] + 4 a[3], ..
  std::ptrdiff_t row_stride;
  std::ptrdiff_t segment_stride;
  std::int64_t segments;
  std::int64_t groups;    // of each segment
  const std::uint8_t* b;  // packed by `pack_table_columns`
  std::int32_t scale;
  const std::int32_t* added;  // [rows]
  std::int32_t* c;            // [rows][columns], overwritten
};
using TableDotFunction = void (*)(const TableDotOperands&);

struct TableDotKernel {
  const char* name;
  Isa isa;
  int columns;
  int vector_columns;           // of a vector of bytes
  int max_rows;                 // up to kMostTableRows
  const TableDotFunction* run;  // [rows - 1]
};

extern const TableDotKernel table_dot_scalar;
extern const TableDotKernel table_dot_avx2;
extern const TableDotKernel table_dot_avx512;
extern const TableDotKernel table_dot_neon;

/// The kernel of `isa`, or of the next slower level that has one.
const TableDotKernel& select_table_dot(Isa isa);

constexpr std::int64_t table_dot_groups(std::int64_t depth) {
  return (depth + kTableGroup - 1) / kTableGroup;
}

/// Where a vector of `vector_columns` bytes holds a column, so that sums come out in order: bytes
/// are widened even ones first, and words half by half.
constexpr std::int64_t table_place(std::int64_t column, int vector_columns) {
  const std::int64_t quarter = vector_columns / 4;
  const std::int64_t part = column % vector_columns / quarter;
  return column / vector_columns * vector_columns + part % 2 * (vector_columns / 2) +
         column % quarter * 2 + part / 2;
}

/// Codes [columns][depth] below 4, of at most `kernel.columns` columns -> b: groups *
/// kernel.columns bytes, zeros where columns or depth run out.
void pack_table_columns(const TableDotKernel& kernel, const std::uint8_t* codes,
                        std::int64_t columns, std::int64_t depth, std::uint8_t* packed);

/// Codes [depth] below 4 -> pairs, [2 * table_dot_groups(depth)].
void pair_codes(const std::uint8_t* codes, std::int64_t depth, std::uint8_t* pairs);

}  // namespace pact::kernels
