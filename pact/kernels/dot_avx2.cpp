// SPDX-License-Identifier: Apache-2.0
// Bytes: vpmaddubsw sums two products in 16 bits; where the operands are narrow, several of these
// sums are added before they are widened. Words: vpmaddwd sums two products in 32 bits.
#include <immintrin.h>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kMaxRows = 4;
// Bytes of weights ahead of those in use: they come from a second- or third-level cache.
constexpr int kPrefetched = 2048;

inline __m256i broadcast_quad(const char* a) {
  int quad;
  __builtin_memcpy(&quad, a, sizeof quad);
  return _mm256_set1_epi32(quad);
}
inline __m256i load_weights(const char* b, int vector) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + vector * kLanes * 4));
}
template <int kBytes>
inline void prefetch(const char* b) {
#pragma GCC unroll 8
  for (int line = 0; line < kBytes; line += 64) _mm_prefetch(b + line + kPrefetched, _MM_HINT_T0);
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

// Compilers that sum as a tree run out of registers.
inline void keep_order(__m256i& sum) { asm("" : "+x"(sum)); }

// kQuads: how many quads are summed in 16 bits.
struct AddBytes {
  template <int kRows, int kVectors, int kQuads>
  static void add(__m256i (&sums)[kRows][kVectors], const char* a, std::ptrdiff_t row_stride,
                  const char* b) {
    constexpr int kPair = kRows < 2 ? 1 : 2;
    prefetch<kQuads * kVectors * kLanes * 4>(b);
#pragma GCC unroll 2
    for (int row = 0; row + kPair <= kRows; row += kPair) {
      add_rows<kPair, kVectors, kQuads>(sums + row, a + row * row_stride, row_stride, b);
    }
    if constexpr (kRows % kPair != 0) {
      add_rows<1, kVectors, kQuads>(sums + kRows - 1, a + (kRows - 1) * row_stride, row_stride, b);
    }
  }

  // As many rows as registers hold narrow sums of, beside the wide ones.
  template <int kRows, int kVectors, int kQuads>
  static void add_rows(__m256i (*sums)[kVectors], const char* a, std::ptrdiff_t row_stride,
                       const char* b) {
    __m256i narrow[kRows][kVectors];
#pragma GCC unroll 8
    for (int quad = 0; quad < kQuads; ++quad, a += 4) {
      __m256i weights[kVectors];
      for (int v = 0; v < kVectors; ++v) weights[v] = load_weights(b, quad * kVectors + v);
      for (int row = 0; row < kRows; ++row) {
        const __m256i codes = broadcast_quad(a + row * row_stride);
        for (int v = 0; v < kVectors; ++v) {
          const __m256i pairs = _mm256_maddubs_epi16(codes, weights[v]);
          narrow[row][v] = quad == 0 ? pairs : _mm256_add_epi16(narrow[row][v], pairs);
          keep_order(narrow[row][v]);
        }
      }
    }
    const __m256i ones = _mm256_set1_epi16(1);
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) {
        sums[row][v] = _mm256_add_epi32(sums[row][v], _mm256_madd_epi16(narrow[row][v], ones));
      }
    }
  }
};

struct Segment {
  const char* a;
  const char* b;
  std::int64_t quads;
  std::ptrdiff_t row_stride;
};

// What is left over by sums of kQuads is added in shorter ones.
template <typename Add, int kQuads, int kRows, int kVectors>
inline void add_quads(__m256i (&sums)[kRows][kVectors], Segment segment) {
  constexpr int kBytes = kQuads * kVectors * kLanes * 4;
  for (; segment.quads >= kQuads; segment.quads -= kQuads) {
    Add::template add<kRows, kVectors, kQuads>(sums, segment.a, segment.row_stride, segment.b);
    segment.a += 4 * kQuads;
    segment.b += kBytes;
  }
  if constexpr (kQuads > 1) add_quads<Add, kQuads / 2>(sums, segment);
}

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
      add_quads<Add, kQuads>(sums, {a, b, o.quads, o.row_stride});
      b += o.quads * kQuadBytes;
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
                                   bytes_kernel<8, 1>("dot_u8_s8_i32_4x8x32_avx2"),
                                   bytes_kernel<1, 2>("dot_u8_s8_i32_4x16x4_avx2"),
                                   bytes_kernel<2, 2>("dot_u8_s8_i32_4x16x8_avx2"),
                                   bytes_kernel<4, 2>("dot_u8_s8_i32_4x16x16_avx2"),
                                   bytes_kernel<8, 2>("dot_u8_s8_i32_4x16x32_avx2"),
                                   words_kernel<1>("dot_i16_i16_i32_4x8x2_avx2"),
                                   words_kernel<2>("dot_i16_i16_i32_4x16x2_avx2")};

}  // namespace

const DotKernelTable dot_kernels_avx2{kAvx2Dots, sizeof kAvx2Dots / sizeof kAvx2Dots[0]};

}  // namespace pact::kernels
