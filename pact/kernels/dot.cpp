// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <tuple>
#include <vector>

namespace pact::kernels {

DotKernelTable dot_kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::Amx:
      return dot_kernels_amx;
    case Isa::Avx512Vnni:
      return dot_kernels_avx512_vnni;
    case Isa::Avx512:
      return dot_kernels_avx512;
    case Isa::AvxVnni:
      return dot_kernels_avx_vnni;
    case Isa::Avx2:
      return dot_kernels_avx2;
#elif defined(__aarch64__)
    case Isa::NeonDot:
      return dot_kernels_neon;
#endif
    case Isa::Scalar:
      return dot_kernels_scalar;
    default:
      return {};
  }
}

namespace {

// What the positive weights and what the negative ones of a half of a quad, or of several, can add
// to a 16-bit sum, for one unit of activation.
struct Extents {
  std::vector<std::int16_t> positive;  // [quad][half]
  std::vector<std::int16_t> negative;

  void assign(const std::int8_t* weights, std::int64_t depth) {
    const auto size = static_cast<std::size_t>((depth + 3) / 4 * 2);
    positive.assign(size, 0);
    negative.assign(size, 0);
    const auto of = [](int weight) { return static_cast<std::int16_t>(std::max(weight, 0)); };
    for (std::size_t i = 0; i < static_cast<std::size_t>(depth / 2); ++i) {
      positive[i] = static_cast<std::int16_t>(of(weights[2 * i]) + of(weights[2 * i + 1]));
      negative[i] = static_cast<std::int16_t>(of(-weights[2 * i]) + of(-weights[2 * i + 1]));
    }
    if (depth % 2 == 0) return;
    positive[static_cast<std::size_t>(depth / 2)] = of(weights[depth - 1]);
    negative[static_cast<std::size_t>(depth / 2)] = of(-weights[depth - 1]);
  }
  int largest() const {
    std::int16_t largest = 0;
    for (const std::int16_t extent : positive) largest = std::max(largest, extent);
    for (const std::int16_t extent : negative) largest = std::max(largest, extent);
    return largest;
  }
  // Every second quad takes in its neighbour.
  void merge() {
    for (std::vector<std::int16_t>* extents : {&positive, &negative}) {
      extents->resize((extents->size() + 3) / 4 * 4, 0);
      const std::int16_t* quads = extents->data();
      for (std::size_t i = 0; i < extents->size() / 2; ++i) {
        const std::size_t at = i / 2 * 4 + i % 2;
        (*extents)[i] = static_cast<std::int16_t>(quads[at] + quads[at + 2]);
      }
      extents->resize(extents->size() / 2);
    }
  }
};

// The best of the kernels of `isa` that `fits` accepts, or null.
template <typename Fits>
const DotKernel* best_dot(Isa isa, std::int64_t columns, std::int64_t rows, const Fits& fits) {
  const auto rank = [&](const DotKernel& kernel) {
    const std::int64_t computed = (columns + kernel.columns - 1) / kernel.columns * kernel.columns;
    return std::tuple(computed, kernel.max_rows < rows, -kernel.columns,
                      -kernel.products_in_16_bits);
  };
  const DotKernelTable table = dot_kernels(isa);
  const DotKernel* best = nullptr;
  for (std::size_t i = 0; i < table.count; ++i) {
    const DotKernel& kernel = table.kernels[i];
    if (fits(kernel) && (best == nullptr || rank(kernel) < rank(*best))) best = &kernel;
  }
  return best;
}

}  // namespace

int quads_in_tile(std::int64_t segment_quads) {
  constexpr int kMostQuads = 16;
  int quads = kMostQuads;
  while (segment_quads % quads != 0) --quads;
  return quads;
}

int most_products_in_16_bits(const DotFilters& filters) {
  int quads = kMostProductsIn16Bits / 2;
  Extents extents;
  for (std::int64_t i = 0; i < filters.count * filters.segments && quads > 0; ++i) {
    extents.assign(filters.weights + i * filters.depth, filters.depth);
    for (int summed = 1; summed <= quads; summed *= 2) {
      if (extents.largest() * filters.largest_code > std::numeric_limits<std::int16_t>::max()) {
        quads = summed / 2;
        break;
      }
      extents.merge();
    }
  }
  return 2 * quads;
}

bool sums_in_16_bits(Isa isa) {
  const auto on_bytes = [](const DotKernel& kernel) { return kernel.operand == DotOperand::Bytes; };
  for (;; isa = slower(isa)) {
    const DotKernel* any = best_dot(isa, 1, 1, on_bytes);
    if (any != nullptr) return any->products_in_16_bits > 0;
  }
}

const DotKernel* select_byte_dot(Isa isa, std::int64_t columns, int most_products,
                                 std::int64_t rows) {
  const auto fits = [&](const DotKernel& kernel) {
    return kernel.operand == DotOperand::Bytes && kernel.products_in_16_bits <= most_products;
  };
  const DotKernel* best = best_dot(isa, columns, rows, fits);
  for (isa = slower(isa); best == nullptr && isa != Isa::Scalar; isa = slower(isa)) {
    best = best_dot(isa, columns, rows, fits);
  }
  return best;
}

const DotKernel& select_word_dot(Isa isa, std::int64_t columns) {
  const auto fits = [](const DotKernel& kernel) { return kernel.operand == DotOperand::Words; };
  const DotKernel* best = nullptr;
  for (; best == nullptr; isa = slower(isa)) best = best_dot(isa, columns, 1, fits);
  return *best;
}

namespace {

// kQuad: elements of a quad.
template <int kQuad, typename T>
void pack(const T* weights, std::int64_t columns, std::int64_t segments, std::int64_t depth,
          int block, T* packed) {
  if (depth == 0) return;
  const std::int64_t quads = (depth + kQuad - 1) / kQuad;
  const std::int64_t left = depth % kQuad;
  if (left > 0 || columns % block > 0) {
    std::fill_n(packed, (columns + block - 1) / block * block * segments * quads * kQuad, T{0});
  }
  for (std::int64_t first = 0; first < columns; first += block) {
    const std::int64_t in_block = std::min<std::int64_t>(block, columns - first);
    for (std::int64_t segment = 0; segment < segments; ++segment) {
      const T* source = weights + (first * segments + segment) * depth;
      T* target = packed + (first * segments + segment * block) * quads * kQuad;
      for (std::int64_t quad = 0; quad < depth / kQuad; ++quad) {
        for (std::int64_t column = 0; column < in_block; ++column) {
          std::memcpy(target + (quad * block + column) * kQuad,
                      source + column * segments * depth + quad * kQuad, sizeof(T) * kQuad);
        }
      }
      for (std::int64_t column = 0; column < in_block && left > 0; ++column) {
        std::copy_n(source + column * segments * depth + depth - left, left,
                    target + ((quads - 1) * block + column) * kQuad);
      }
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
