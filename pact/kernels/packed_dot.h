// SPDX-License-Identifier: Apache-2.0
// Dot products of one pixel with weights that stay packed, two or four in a byte, and are unpacked
// in registers: what a layer on a single pixel takes is the time to read its weights, each once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// Sums of `columns` columns (the kernel's). With f = 8 / bits fields in a byte:
///   c[column] = sum over groups g, fields j and i = 0 .. 3 of
///     a[(g * f + j) * 4 + i] * levels[field j of b[g][column][i]]
/// |sum| must stay within 32 bits for every partial sum.
struct PackedDotOperands {
  const std::uint8_t* a;  // zeros to the end of the last group
  std::int64_t groups;
  const std::uint8_t* b;      // packed by `pack_fields`
  const std::int8_t* levels;  // 16, of which 2^bits are used; -16 to 15
  std::int32_t* c;            // [columns], overwritten
};
using PackedDotFunction = void (*)(const PackedDotOperands&);

struct PackedDotKernel {
  const char* name;
  Isa isa;
  int bits;  // of a field: 2 or 4
  int columns;
  PackedDotFunction run;
};

struct PackedDotKernelTable {
  const PackedDotKernel* kernels;
  std::size_t count;
};

inline constexpr int kMaxFieldBits = 4;

extern const PackedDotKernelTable packed_dot_kernels_scalar;
extern const PackedDotKernelTable packed_dot_kernels_avx2;
extern const PackedDotKernelTable packed_dot_kernels_avx512_vnni;
extern const PackedDotKernelTable packed_dot_kernels_neon;

/// The kernels of `isa`, whatever the machine can run; none where the next slower level has them.
PackedDotKernelTable packed_dot_kernels(Isa isa);

/// The kernel with the narrowest fields of `bits` bits or more, 1 to kMaxFieldBits, on `isa` or the
/// next slower level that has one.
const PackedDotKernel& select_packed_dot(Isa isa, int bits);

constexpr std::int64_t packed_dot_groups(std::int64_t depth, int field_bits) {
  const std::int64_t codes = 4 * (8 / field_bits);
  return (depth + codes - 1) / codes;
}

/// Codes [columns][depth] below 2^field_bits -> b for blocks of `block` columns, one after the
/// other: packed_dot_groups(depth, field_bits) * block * 4 bytes each, zeros where columns or depth
/// run out.
void pack_fields(const std::uint8_t* codes, std::int64_t columns, std::int64_t depth,
                 int field_bits, int block, std::uint8_t* packed);

}  // namespace pact::kernels
