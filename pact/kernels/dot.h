// SPDX-License-Identifier: Apache-2.0
// Dot products of activations and weights with exact 32-bit sums, on bytes (codes times weights) or
// on words (levels times weights). What lies under a filter comes in `segments` (rows of the
// filter), each of them contiguous in memory, so that a convolution needs no gathering:
// neighbouring pixels are rows at a fixed distance.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"
#include "pact/kernels/unpack.h"

namespace pact::kernels {

/// Bytes: u8 times s8, four to a quad. Words: i16 times i16, two to a quad.
enum class DotOperand { Bytes, Words };

/// `count` matrices of `rows` x `columns` sums (the kernel's). Of matrix m:
///   c[row][column] = sum over segments and quads of the products of four bytes at
///     a + m * a_next + row * row_stride + segment * segment_stride + 4 * quad   and
///     b[m][segment][quad][column]
/// |sum| must stay within 32 bits for every partial sum. Strides are in bytes.
struct DotOperands {
  const void* a;
  std::ptrdiff_t row_stride;
  std::ptrdiff_t segment_stride;
  std::int64_t segments;
  std::int64_t quads;  // of each segment
  const void* b;       // packed by `pack_dot_columns`
  std::int32_t* c;     // [rows][columns], overwritten
  std::int64_t count = 1;
  std::ptrdiff_t a_next = 0;
  std::ptrdiff_t c_next = 0;  // sums
  /// Weights that follow those that are unpacked, b's own among them: as many groups as this run
  /// multiplies are taken and unpacked on the way, always `kGroupsAhead` before it multiplies them,
  /// which someone has to unpack before the first run. For kernels that `unpack`.
  UnpackOperands* ahead = nullptr;
  /// Whether b lies further away than in a near cache, and what follows it is wanted next.
  bool b_is_far = false;
};
/// How far `ahead` of its runs: enough for stores to be in the cache, few enough for the first one.
inline constexpr std::int64_t kGroupsAhead = 128;
using DotFunction = void (*)(const DotOperands&);

/// A family of kernels of 1 to `max_rows` rows. Where `products_in_16_bits` is not 0, that many
/// products are summed in 16 bits at a time, which the operands must fit.
struct DotKernel {
  const char* name;
  Isa isa;
  DotOperand operand;
  int columns;
  int max_rows;
  int products_in_16_bits;
  const DotFunction* run;   // [rows - 1]
  bool unpacks = false;     // what `ahead` has
  bool one_length = false;  // runs of the same number of rows follow each other best
  /// What a thread must call after its last run, before it does anything else that may use the
  /// registers of tiles; null if that is nothing.
  void (*release)() = nullptr;
};

/// Of the equal tiles into which AMX cuts a segment: as many quads as divide it, at most 16.
int quads_in_tile(std::int64_t segment_quads);

struct DotKernelTable {
  const DotKernel* kernels;
  std::size_t count;
};

extern const DotKernelTable dot_kernels_scalar;
extern const DotKernelTable dot_kernels_avx2;
extern const DotKernelTable dot_kernels_avx_vnni;
extern const DotKernelTable dot_kernels_avx512;
extern const DotKernelTable dot_kernels_avx512_vnni;
extern const DotKernelTable dot_kernels_amx;
extern const DotKernelTable dot_kernels_neon;

/// The kernels of `isa`, whatever the machine can run; none if they are of another architecture.
DotKernelTable dot_kernels(Isa isa);

/// Weights [count][segments][depth], each of which multiplies a code from 0 to `largest_code`.
struct DotFilters {
  const std::int8_t* weights;
  std::int64_t count;
  std::int64_t segments;
  std::int64_t depth;
  std::int64_t largest_code;
};
inline constexpr int kMostProductsIn16Bits = 16;
/// How many products a 16-bit sum can always hold, of as many first or second halves of successive
/// quads as kernels sum: a power of two up to kMostProductsIn16Bits, or 0.
int most_products_in_16_bits(const DotFilters& filters);

/// Whether `isa`, or the next slower level that multiplies bytes, has kernels that sum in 16 bits.
bool sums_in_16_bits(Isa isa);

/// The kernel for `columns` columns on `isa` or the next slower level that has one whose 16-bit
/// sums are of at most `most_products`: the one that computes the fewest columns in vain; of those,
/// one that takes all of `rows` at once, so that weights are read once; the widest of those; the
/// one with the longest 16-bit sums of those. Null if there is none but the scalar one and `isa` is
/// faster.
const DotKernel* select_byte_dot(Isa isa, std::int64_t columns, int most_products,
                                 std::int64_t rows = 1);
const DotKernel& select_word_dot(Isa isa, std::int64_t columns);

/// Weights [columns][segments][depth] -> b for blocks of `block` columns: [block index][segment]
/// [quad][column], zeros where columns or depth run out.
void pack_dot_columns(const std::int8_t* weights, std::int64_t columns, std::int64_t segments,
                      std::int64_t depth, int block, std::int8_t* packed);
void pack_dot_columns(const std::int16_t* weights, std::int64_t columns, std::int64_t segments,
                      std::int64_t depth, int block, std::int16_t* packed);

constexpr std::int64_t dot_quads(DotOperand operand, std::int64_t depth) {
  return operand == DotOperand::Bytes ? (depth + 3) / 4 : (depth + 1) / 2;
}
/// Bytes of b.
constexpr std::int64_t dot_packed_bytes(DotOperand operand, std::int64_t columns,
                                        std::int64_t segments, std::int64_t depth, int block) {
  return (columns + block - 1) / block * block * segments * dot_quads(operand, depth) * 4;
}

}  // namespace pact::kernels
