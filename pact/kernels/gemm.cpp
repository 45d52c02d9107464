// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/gemm.h"

#include <algorithm>

namespace pact::kernels {

GemmKernelTable gemm_kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::Avx512Vnni:
      return {nullptr, 0};
    case Isa::Avx512:
      return gemm_kernels_avx512;
    case Isa::Avx2:
      return gemm_kernels_avx2;
#endif
    default:
      return gemm_kernels_scalar;
  }
}

const GemmKernel& select_gemm(Isa isa, std::int64_t columns) {
  while (gemm_kernels(isa).count == 0) isa = static_cast<Isa>(static_cast<int>(isa) - 1);
  const GemmKernelTable table = gemm_kernels(isa);
  const auto waste = [&](const GemmKernel& kernel) {
    return (columns + kernel.columns - 1) / kernel.columns * kernel.columns - columns;
  };
  return *std::min_element(table.kernels, table.kernels + table.count,
                           [&](const GemmKernel& a, const GemmKernel& b) {
                             if (waste(a) != waste(b)) return waste(a) < waste(b);
                             return a.columns > b.columns;
                           });
}

void pack_columns(const std::int16_t* levels, std::int64_t columns, std::int64_t depth, int block,
                  std::int16_t* packed) {
  const std::int64_t pairs = (depth + 1) / 2;
  std::fill(packed, packed + packed_size(columns, depth, block), std::int16_t{0});
  for (std::int64_t column = 0; column < columns; ++column) {
    std::int16_t* target = packed + (column / block) * pairs * block * 2 + (column % block) * 2;
    for (std::int64_t k = 0; k < depth; ++k) {
      target[(k / 2) * block * 2 + k % 2] = levels[column * depth + k];
    }
  }
}

}  // namespace pact::kernels
