// SPDX-License-Identifier: Apache-2.0
// vpmaddubsw sums two products in 16 bits; where the operands are narrow, several of these sums
// are added before they are widened.
#include <immintrin.h>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kMaxRows = 4;

inline __m256i broadcast_quad(const std::uint8_t* a) {
  int quad;
  __builtin_memcpy(&quad, a, sizeof quad);
  return _mm256_set1_epi32(quad);
}

// kQuads: how many quads are summed in 16 bits.
template <int kRows, int kVectors, int kQuads>
inline void add_quads(__m256i (&sums)[kRows][kVectors], const std::uint8_t* a,
                      std::ptrdiff_t row_stride, const std::int8_t* b) {
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
  for (int row = 0; row < kRows; ++row) {
    __m256i narrow[kVectors];
#pragma GCC unroll 4
    for (int quad = 0; quad < kQuads; ++quad) {
      const __m256i codes = broadcast_quad(a + row * row_stride + 4 * quad);
      for (int v = 0; v < kVectors; ++v) {
        const auto* weights =
            reinterpret_cast<const __m256i*>(b + (quad * kVectors + v) * kLanes * 4);
        const __m256i pairs = _mm256_maddubs_epi16(codes, _mm256_loadu_si256(weights));
        narrow[v] = quad == 0 ? pairs : _mm256_add_epi16(narrow[v], pairs);
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      sums[row][v] = _mm256_add_epi32(sums[row][v], _mm256_madd_epi16(narrow[v], ones));
    }
  }
}

template <int kRows, int kVectors, int kQuads>
void dot_avx2(const DotOperands& o) {
  __m256i sums[kRows][kVectors];
  for (auto& row : sums) {
    for (__m256i& sum : row) sum = _mm256_setzero_si256();
  }
  constexpr int kQuadBytes = kVectors * kLanes * 4;
  const std::int8_t* b = o.b;
  for (std::int64_t segment = 0; segment < o.segments; ++segment) {
    const std::uint8_t* a = o.a + segment * o.segment_stride;
    std::int64_t quad = 0;
    for (; quad + kQuads <= o.quads; quad += kQuads, b += kQuads * kQuadBytes) {
      add_quads<kRows, kVectors, kQuads>(sums, a + 4 * quad, o.row_stride, b);
    }
    for (; quad < o.quads; ++quad, b += kQuadBytes) {
      add_quads<kRows, kVectors, 1>(sums, a + 4 * quad, o.row_stride, b);
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      auto* target = reinterpret_cast<__m256i*>(o.c + (row * kVectors + v) * kLanes);
      _mm256_storeu_si256(target, sums[row][v]);
    }
  }
}

template <int kVectors, int kQuads>
constexpr DotFunction kAvx2Rows[kMaxRows] = {
    &dot_avx2<1, kVectors, kQuads>, &dot_avx2<2, kVectors, kQuads>, &dot_avx2<3, kVectors, kQuads>,
    &dot_avx2<4, kVectors, kQuads>};

constexpr DotKernel kernel(const char* name, int vectors, int quads, const DotFunction* run) {
  return {.name = name,
          .isa = Isa::Avx2,
          .columns = vectors * kLanes,
          .max_rows = kMaxRows,
          .products_in_16_bits = 2 * quads,
          .run = run};
}

constexpr DotKernel kAvx2Dots[] = {
    kernel("dot_u8_s8_i32_4x8x4_avx2", 1, 1, kAvx2Rows<1, 1>),
    kernel("dot_u8_s8_i32_4x8x8_avx2", 1, 2, kAvx2Rows<1, 2>),
    kernel("dot_u8_s8_i32_4x8x16_avx2", 1, 4, kAvx2Rows<1, 4>),
    kernel("dot_u8_s8_i32_4x16x4_avx2", 2, 1, kAvx2Rows<2, 1>),
    kernel("dot_u8_s8_i32_4x16x8_avx2", 2, 2, kAvx2Rows<2, 2>),
    kernel("dot_u8_s8_i32_4x16x16_avx2", 2, 4, kAvx2Rows<2, 4>)};

}  // namespace

const DotKernelTable dot_kernels_avx2{kAvx2Dots, sizeof kAvx2Dots / sizeof kAvx2Dots[0]};

}  // namespace pact::kernels
