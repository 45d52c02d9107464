// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace pact::kernels {

DotKernelTable dot_kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::Avx512Vnni:
      return dot_kernels_avx512_vnni;
    case Isa::Avx512:
      return dot_kernels_avx512;
    case Isa::Avx2:
      return dot_kernels_avx2;
#endif
    default:
      return dot_kernels_scalar;
  }
}

const DotKernel* select_dot(Isa isa, DotOperand operand, std::int64_t columns,
                            std::int64_t largest_product) {
  const auto fits = [&](const DotKernel& kernel) {
    return kernel.operand == operand &&
           kernel.products_in_16_bits * largest_product <= std::numeric_limits<std::int16_t>::max();
  };
  const auto rank = [&](const DotKernel& kernel) {
    const std::int64_t computed = (columns + kernel.columns - 1) / kernel.columns * kernel.columns;
    return std::tuple(computed, -kernel.columns, -kernel.products_in_16_bits);
  };
  for (int level = static_cast<int>(isa); level >= 0; --level) {
    if (level == static_cast<int>(Isa::Scalar) && isa != Isa::Scalar) break;
    const DotKernelTable table = dot_kernels(static_cast<Isa>(level));
    const DotKernel* best = nullptr;
    for (std::size_t i = 0; i < table.count; ++i) {
      const DotKernel& kernel = table.kernels[i];
      if (fits(kernel) && (best == nullptr || rank(kernel) < rank(*best))) best = &kernel;
    }
    if (best != nullptr) return best;
  }
  return nullptr;
}

namespace {

// kQuad: elements of a quad.
template <int kQuad, typename T>
void pack(const T* weights, std::int64_t columns, std::int64_t segments, std::int64_t depth,
          int block, T* packed) {
  if (depth == 0) return;
  const std::int64_t quads = (depth + kQuad - 1) / kQuad;
  std::fill_n(packed, (columns + block - 1) / block * block * segments * quads * kQuad, T{0});
  for (std::int64_t column = 0; column < columns; ++column) {
    for (std::int64_t segment = 0; segment < segments; ++segment) {
      const T* source = weights + (column * segments + segment) * depth;
      T* target =
          packed + ((column / block * segments + segment) * quads * block + column % block) * kQuad;
      for (std::int64_t k = 0; k < depth; ++k)
        target[k / kQuad * block * kQuad + k % kQuad] = source[k];
    }
  }
}

}  // namespace

void pack_dot_columns(const std::int8_t* weights, std::int64_t columns, std::int64_t segments,
                      std::int64_t depth, int block, std::int8_t* packed) {
  pack<4>(weights, columns, segments, depth, block, packed);
}

void pack_dot_columns(const std::int16_t* weights, std::int64_t columns, std::int64_t segments,
                      std::int64_t depth, int block, std::int16_t* packed) {
  pack<2>(weights, columns, segments, depth, block, packed);
}

}  // namespace pact::kernels
