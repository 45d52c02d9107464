// SPDX-License-Identifier: Apache-2.0
// Bytes: vpmaddubsw sums two products in 16 bits; where the operands are narrow, several of these
// sums are added before they are widened. Words: vpmaddwd sums two products in 32 bits.
#include <immintrin.h>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kMaxRows = 4;

inline __m256i broadcast_quad(const char* a) {
  int quad;
  __builtin_memcpy(&quad, a, sizeof quad);
  return _mm256_set1_epi32(quad);
}
inline __m256i load_weights(const char* b, int vector) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + vector * kLanes * 4));
}

struct AddWords {
  template <int kRows, int kVectors, int kQuads>
  static void add(__m256i (&sums)[kRows][kVectors], const char* a, std::ptrdiff_t row_stride,
                  const char* b) {
    static_assert(kQuads == 1);
    __m256i weights[kVectors];
    for (int v = 0; v < kVectors; ++v) weights[v] = load_weights(b, v);
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) {
      const __m256i levels = broadcast_quad(a + row * row_stride);
      for (int v = 0; v < kVectors; ++v) {
        sums[row][v] = _mm256_add_epi32(sums[row][v], _mm256_madd_epi16(levels, weights[v]));
      }
    }
  }
};

// kQuads: how many quads are summed in 16 bits.
struct AddBytes {
  template <int kRows, int kVectors, int kQuads>
  static void add(__m256i (&sums)[kRows][kVectors], const char* a, std::ptrdiff_t row_stride,
                  const char* b) {
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) {
      __m256i narrow[kVectors];
#pragma GCC unroll 4
      for (int quad = 0; quad < kQuads; ++quad) {
        const __m256i codes = broadcast_quad(a + row * row_stride + 4 * quad);
        for (int v = 0; v < kVectors; ++v) {
          const __m256i pairs = _mm256_maddubs_epi16(codes, load_weights(b, quad * kVectors + v));
          narrow[v] = quad == 0 ? pairs : _mm256_add_epi16(narrow[v], pairs);
        }
      }
      for (int v = 0; v < kVectors; ++v) {
        sums[row][v] = _mm256_add_epi32(sums[row][v], _mm256_madd_epi16(narrow[v], ones));
      }
    }
  }
};

template <typename Add, int kQuads, int kVectors, int kRows>
void dot_avx2(const DotOperands& o) {
  constexpr int kQuadBytes = kVectors * kLanes * 4;
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, c += o.c_next) {
    __m256i sums[kRows][kVectors];
    for (auto& row : sums) {
      for (__m256i& sum : row) sum = _mm256_setzero_si256();
    }
    for (std::int64_t segment = 0; segment < o.segments; ++segment) {
      const char* a = static_cast<const char*>(o.a) + m * o.a_next + segment * o.segment_stride;
      std::int64_t quad = 0;
      for (; quad + kQuads <= o.quads; quad += kQuads, b += kQuads * kQuadBytes) {
        Add::template add<kRows, kVectors, kQuads>(sums, a + 4 * quad, o.row_stride, b);
      }
      for (; quad < o.quads; ++quad, b += kQuadBytes) {
        Add::template add<kRows, kVectors, 1>(sums, a + 4 * quad, o.row_stride, b);
      }
    }
    for (int i = 0; i < kRows * kVectors; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(c + i * kLanes),
                          sums[i / kVectors][i % kVectors]);
    }
  }
}

template <typename Add, int kQuads, int kVectors>
constexpr DotFunction kAvx2Rows[kMaxRows] = {
    &dot_avx2<Add, kQuads, kVectors, 1>, &dot_avx2<Add, kQuads, kVectors, 2>,
    &dot_avx2<Add, kQuads, kVectors, 3>, &dot_avx2<Add, kQuads, kVectors, 4>};

template <int kQuads, int kVectors>
constexpr DotKernel bytes_kernel(const char* name) {
  return {.name = name,
          .isa = Isa::Avx2,
          .operand = DotOperand::Bytes,
          .columns = kVectors * kLanes,
          .max_rows = kMaxRows,
          .products_in_16_bits = 2 * kQuads,
          .run = kAvx2Rows<AddBytes, kQuads, kVectors>};
}
template <int kVectors>
constexpr DotKernel words_kernel(const char* name) {
  return {.name = name,
          .isa = Isa::Avx2,
          .operand = DotOperand::Words,
          .columns = kVectors * kLanes,
          .max_rows = kMaxRows,
          .products_in_16_bits = 0,
          .run = kAvx2Rows<AddWords, 1, kVectors>};
}

constexpr DotKernel kAvx2Dots[] = {bytes_kernel<1, 1>("dot_u8_s8_i32_4x8x4_avx2"),
                                   bytes_kernel<2, 1>("dot_u8_s8_i32_4x8x8_avx2"),
                                   bytes_kernel<4, 1>("dot_u8_s8_i32_4x8x16_avx2"),
                                   bytes_kernel<1, 2>("dot_u8_s8_i32_4x16x4_avx2"),
                                   bytes_kernel<2, 2>("dot_u8_s8_i32_4x16x8_avx2"),
                                   bytes_kernel<4, 2>("dot_u8_s8_i32_4x16x16_avx2"),
                                   words_kernel<1>("dot_i16_i16_i32_4x8x2_avx2"),
                                   words_kernel<2>("dot_i16_i16_i32_4x16x2_avx2")};

}  // namespace

const DotKernelTable dot_kernels_avx2{kAvx2Dots, sizeof kAvx2Dots / sizeof kAvx2Dots[0]};

}  // namespace pact::kernels
