// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/packed_dot.h"

#include <algorithm>

namespace pact::kernels {

PackedDotKernelTable packed_dot_kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::Avx512Vnni:
      return packed_dot_kernels_avx512_vnni;
    case Isa::Avx2:
      return packed_dot_kernels_avx2;
#elif defined(__aarch64__)
    case Isa::NeonDot:
      return packed_dot_kernels_neon;
#endif
    case Isa::Scalar:
      return packed_dot_kernels_scalar;
    default:
      return {};
  }
}

const PackedDotKernel& select_packed_dot(Isa isa, int bits) {
  const PackedDotKernel* best = nullptr;
  for (; best == nullptr; isa = slower(isa)) {
    const PackedDotKernelTable table = packed_dot_kernels(isa);
    for (std::size_t i = 0; i < table.count; ++i) {
      const PackedDotKernel& kernel = table.kernels[i];
      if (kernel.bits >= bits && (best == nullptr || kernel.bits < best->bits)) best = &kernel;
    }
  }
  return *best;
}

void pack_fields(const std::uint8_t* codes, std::int64_t columns, std::int64_t depth,
                 int field_bits, int block, std::uint8_t* packed) {
  const std::int64_t fields = 8 / field_bits;
  const std::int64_t groups = packed_dot_groups(depth, field_bits);
  std::fill_n(packed, (columns + block - 1) / block * groups * block * 4, std::uint8_t{0});
  for (std::int64_t column = 0; column < columns; ++column) {
    std::uint8_t* target = packed + (column / block * groups * block + column % block) * 4;
    const std::uint8_t* source = codes + column * depth;
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::int64_t quad = i / 4;
      target[quad / fields * block * 4 + i % 4] |=
          static_cast<std::uint8_t>(source[i] << (quad % fields * field_bits));
    }
  }
}

}  // namespace pact::kernels
