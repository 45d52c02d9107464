// SPDX-License-Identifier: Apache-2.0
// Products of 16-bit levels with exact 32-bit sums: c[m][n] = sum_k a[m][k] * b[k][n]. Levels of
// all widths up to 8 bits, of all grids, fit 16 bits, so one kernel an instruction set serves them
// all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// Operands of one call: `rows` x `columns` sums (the kernel's block).
///   a  [rows][a_stride], levels; the first 2 * k_pairs of a row are read
///   b  [k_pairs][columns][2], packed by `pack_columns`
///   c  [rows][c_stride], overwritten
/// |sum| must stay within 32 bits for every partial sum; lowering and the reader prove it.
using GemmFunction = void (*)(const std::int16_t* a, std::ptrdiff_t a_stride, const std::int16_t* b,
                              std::int32_t* c, std::ptrdiff_t c_stride, std::int64_t k_pairs);

struct GemmKernel {
  const char* name;
  Isa isa;
  int rows;
  int columns;
  GemmFunction run;
};

struct GemmKernelTable {
  const GemmKernel* kernels;
  std::size_t count;
};

extern const GemmKernelTable gemm_kernels_scalar;
extern const GemmKernelTable gemm_kernels_avx2;
extern const GemmKernelTable gemm_kernels_avx512;

/// The kernels of `isa`, whatever the machine can run; empty for a level that has none of its own.
GemmKernelTable gemm_kernels(Isa isa);

/// The kernel for products of `columns` columns on `isa` or the next slower level that has one: the
/// one that computes the fewest columns in vain, the widest of those.
const GemmKernel& select_gemm(Isa isa, std::int64_t columns);

/// Levels [columns][depth] (filters) -> b for blocks of `block` columns: [block index][k pair]
/// [column][2], zeros where columns or depth run out. `packed` holds packed_size elements.
void pack_columns(const std::int16_t* levels, std::int64_t columns, std::int64_t depth, int block,
                  std::int16_t* packed);
constexpr std::int64_t packed_size(std::int64_t columns, std::int64_t depth, int block) {
  return (columns + block - 1) / block * block * ((depth + 1) / 2) * 2;
}

}  // namespace pact::kernels
