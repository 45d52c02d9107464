// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <tuple>
#include <vector>

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

namespace {

constexpr std::size_t kMaxQuadsIn16Bits = 8;

// What the positive weights and what the negative ones can add to a 16-bit sum.
struct Extent {
  std::int64_t positive = 0;
  std::int64_t negative = 0;

  void add(const Extent& other) {
    positive += other.positive;
    negative += other.negative;
  }
};

// The extents of both halves of every quad of a segment.
void add_weights(const std::int8_t* weights, std::int64_t depth, std::vector<Extent> (&halves)[2]) {
  for (auto& half : halves) half.assign(static_cast<std::size_t>((depth + 3) / 4), {});
  for (std::int64_t i = 0; i < depth; ++i) {
    Extent& extent = halves[i / 2 % 2][static_cast<std::size_t>(i / 4)];
    (weights[i] < 0 ? extent.negative : extent.positive) += std::abs(weights[i]);
  }
}

// Every second extent takes in its neighbour.
void merge_pairs(std::vector<Extent>& extents) {
  for (std::size_t i = 0; i < extents.size(); i += 2) {
    Extent& merged = extents[i / 2] = extents[i];
    if (i + 1 < extents.size()) merged.add(extents[i + 1]);
  }
  extents.resize((extents.size() + 1) / 2);
}

// The best of the kernels of `isa` that `fits` accepts, or null.
template <typename Fits>
const DotKernel* best_dot(Isa isa, std::int64_t columns, const Fits& fits) {
  const auto rank = [&](const DotKernel& kernel) {
    const std::int64_t computed = (columns + kernel.columns - 1) / kernel.columns * kernel.columns;
    return std::tuple(computed, -kernel.columns, -kernel.products_in_16_bits);
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

int most_products_in_16_bits(const DotFilters& filters) {
  std::size_t quads = kMaxQuadsIn16Bits;
  std::vector<Extent> halves[2];
  for (std::int64_t i = 0; i < filters.count * filters.segments; ++i) {
    add_weights(filters.weights + i * filters.depth, filters.depth, halves);
    for (std::vector<Extent>& half : halves) {
      for (std::size_t summed = 1; summed <= quads; summed *= 2) {
        const bool fits = std::all_of(half.begin(), half.end(), [&](const Extent& extent) {
          return std::max(extent.positive, extent.negative) * filters.largest_code <=
                 std::numeric_limits<std::int16_t>::max();
        });
        if (!fits) quads = summed / 2;
        merge_pairs(half);
      }
    }
  }
  return static_cast<int>(2 * quads);
}

const DotKernel* select_byte_dot(Isa isa, std::int64_t columns, const DotFilters& filters) {
  std::optional<int> most;
  const auto fits = [&](const DotKernel& kernel) {
    if (kernel.operand != DotOperand::Bytes) return false;
    if (kernel.products_in_16_bits == 0) return true;
    if (!most) most = most_products_in_16_bits(filters);
    return kernel.products_in_16_bits <= *most;
  };
  for (int level = static_cast<int>(isa); level >= 0; --level) {
    if (level == static_cast<int>(Isa::Scalar) && isa != Isa::Scalar) break;
    const DotKernel* best = best_dot(static_cast<Isa>(level), columns, fits);
    if (best != nullptr) return best;
  }
  return nullptr;
}

const DotKernel& select_word_dot(Isa isa, std::int64_t columns) {
  const auto fits = [](const DotKernel& kernel) { return kernel.operand == DotOperand::Words; };
  const DotKernel* best = nullptr;
  for (int level = static_cast<int>(isa); best == nullptr; --level) {
    best = best_dot(static_cast<Isa>(level), columns, fits);
  }
  return *best;
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
