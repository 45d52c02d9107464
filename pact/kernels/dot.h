// SPDX-License-Identifier: Apache-2.0
// Dot products of activation codes (u8) and weights (s8) with exact 32-bit sums. The codes under a
// filter lie in `segments` (rows of the filter), each of them contiguous in memory, so that a
// convolution needs no gathering: neighbouring pixels are rows at a fixed distance.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// Operands of one call: `rows` x `columns` sums (the kernel's).
///   c[row][column] = sum_{segment, k} a[row * row_stride + segment * segment_stride + k]
///                                     * b[segment][k / 4][column][k % 4],  k in [0, 4 * quads)
/// |sum| must stay within 32 bits for every partial sum.
struct DotOperands {
  const std::uint8_t* a;
  std::ptrdiff_t row_stride;      // bytes
  std::ptrdiff_t segment_stride;  // bytes
  std::int64_t segments;
  std::int64_t quads;    // of each segment
  const std::int8_t* b;  // packed by `pack_dot_columns`
  std::int32_t* c;       // [rows][columns], overwritten
};
using DotFunction = void (*)(const DotOperands&);

/// A family of kernels of 1 to `max_rows` rows. Where `products_in_16_bits` is not 0, that many
/// products a_k * b_k are summed in 16 bits at a time, which the operands must fit.
struct DotKernel {
  const char* name;
  Isa isa;
  int columns;
  int max_rows;
  int products_in_16_bits;
  const DotFunction* run;  // [rows - 1]
};

struct DotKernelTable {
  const DotKernel* kernels;
  std::size_t count;
};

extern const DotKernelTable dot_kernels_scalar;
extern const DotKernelTable dot_kernels_avx2;
extern const DotKernelTable dot_kernels_avx512_vnni;

/// The kernels of `isa`; empty for a level that has none of its own.
DotKernelTable dot_kernels(Isa isa);

/// The kernel for `columns` columns on `isa` or the next slower level that has one whose 16-bit
/// sums hold products up to `largest_product`: the one that computes the fewest columns in vain,
/// the widest of those, the one with the longest 16-bit sums of those. Null if there is none but
/// the scalar one and `isa` is faster.
const DotKernel* select_dot(Isa isa, std::int64_t columns, std::int64_t largest_product);

/// Weights [columns][segments][depth] -> b for blocks of `block` columns: [block index][segment]
/// [quad][column][4], zeros where columns or depth run out.
void pack_dot_columns(const std::int8_t* weights, std::int64_t columns, std::int64_t segments,
                      std::int64_t depth, int block, std::int8_t* packed);
constexpr std::int64_t dot_packed_size(std::int64_t columns, std::int64_t segments,
                                       std::int64_t depth, int block) {
  return (columns + block - 1) / block * block * segments * ((depth + 3) / 4) * 4;
}

}  // namespace pact::kernels
