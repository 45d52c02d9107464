// SPDX-License-Identifier: Apache-2.0
// Bytes: vpmaddubsw sums two products in 16 bits; where the operands are narrow, several of these
// sums are added before they are widened. Words: vpmaddwd sums two products in 32 bits.
#include <immintrin.h>

#include <utility>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kMaxRows = 6;
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

template <int kRows, int kVectors>
inline void add_words(__m256i (&sums)[kRows][kVectors], const char* a, std::ptrdiff_t row_stride,
                      const char* b) {
  __m256i weights[kVectors];
  for (int v = 0; v < kVectors; ++v) weights[v] = load_weights(b, v);
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row) {
    const __m256i levels = broadcast_quad(a + row * row_stride);
    for (int v = 0; v < kVectors; ++v) {
      sums[row][v] = _mm256_add_epi32(sums[row][v], _mm256_madd_epi16(levels, weights[v]));
    }
  }
}

// Compilers that sum as a tree run out of registers.
inline void keep_order(__m256i& sum) { asm("" : "+x"(sum)); }

// c = before + products. kQuads: how many quads are summed in 16 bits. These sums fill the
// registers, so wide ones stay in memory.
template <int kQuads, int kRows, int kVectors>
inline __attribute__((always_inline)) void add_narrow(const char* a, std::ptrdiff_t row_stride,
                                                      const char* b, const std::int32_t* before,
                                                      std::int32_t* c) {
  prefetch<kQuads * kVectors * kLanes * 4>(b);
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
  for (int i = 0; i < kRows * kVectors; ++i) {
    const __m256i sums = _mm256_madd_epi16(narrow[i / kVectors][i % kVectors], ones);
    const auto* wide = reinterpret_cast<const __m256i*>(before + i * kLanes);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(c + i * kLanes),
                        _mm256_add_epi32(_mm256_loadu_si256(wide), sums));
  }
}

struct Segment {
  const char* a;
  const char* b;
  std::int64_t quads;
  std::ptrdiff_t row_stride;
};

// What is left over by sums of kQuads is added in shorter ones.
template <int kQuads, int kRows, int kVectors>
inline void add_bytes(Segment segment, const std::int32_t*& before, std::int32_t* c) {
  for (; segment.quads >= kQuads; segment.quads -= kQuads) {
    add_narrow<kQuads, kRows, kVectors>(segment.a, segment.row_stride, segment.b, before, c);
    before = c;
    segment.a += 4 * kQuads;
    segment.b += kQuads * kVectors * kLanes * 4;
  }
  if constexpr (kQuads > 1) add_bytes<kQuads / 2, kRows, kVectors>(segment, before, c);
}

template <int kQuads, int kVectors, int kRows>
struct Bytes {
  static void run(const Segment& first, std::ptrdiff_t segment_stride, std::int64_t segments,
                  std::int32_t* c) {
    static constexpr std::int32_t kZeros[kRows * kVectors * kLanes] = {};
    const std::int32_t* before = kZeros;
    Segment segment = first;
    for (std::int64_t i = 0; i < segments; ++i) {
      add_bytes<kQuads, kRows, kVectors>(segment, before, c);
      segment.a += segment_stride;
      segment.b += segment.quads * kVectors * kLanes * 4;
    }
    if (before == kZeros) __builtin_memcpy(c, kZeros, sizeof kZeros);  // there were no products
  }
};

template <int kVectors, int kRows>
struct Words {
  static void run(const Segment& first, std::ptrdiff_t segment_stride, std::int64_t segments,
                  std::int32_t* c) {
    __m256i sums[kRows][kVectors];
    for (auto& row : sums) {
      for (__m256i& sum : row) sum = _mm256_setzero_si256();
    }
    const char* b = first.b;
    for (std::int64_t i = 0; i < segments; ++i) {
      const char* a = first.a + i * segment_stride;
      for (std::int64_t quad = 0; quad < first.quads; ++quad, a += 4, b += kVectors * kLanes * 4) {
        add_words(sums, a, first.row_stride, b);
      }
    }
    for (int i = 0; i < kRows * kVectors; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(c + i * kLanes),
                          sums[i / kVectors][i % kVectors]);
    }
  }
};

template <typename Matrix, int kVectors>
void dot_avx2(const DotOperands& o) {
  const char* a = static_cast<const char*>(o.a);
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    Matrix::run({a, b, o.quads, o.row_stride}, o.segment_stride, o.segments, c);
    b += o.segments * o.quads * kVectors * kLanes * 4;
  }
}

struct RowTable {
  DotFunction run[kMaxRows];
};
template <int kQuads, int kVectors, int... kRow>
constexpr RowTable bytes_of(std::integer_sequence<int, kRow...>) {
  return {{&dot_avx2<Bytes<kQuads, kVectors, kRow + 1>, kVectors>...}};
}
template <int kVectors, int... kRow>
constexpr RowTable words_of(std::integer_sequence<int, kRow...>) {
  return {{&dot_avx2<Words<kVectors, kRow + 1>, kVectors>...}};
}
using EveryRow = std::make_integer_sequence<int, kMaxRows>;
template <int kQuads, int kVectors>
constexpr RowTable kBytesRows = bytes_of<kQuads, kVectors>(EveryRow{});
template <int kVectors>
constexpr RowTable kWordsRows = words_of<kVectors>(EveryRow{});

template <int kQuads, int kVectors>
constexpr DotKernel bytes_kernel(const char* name) {
  return {.name = name,
          .isa = Isa::Avx2,
          .operand = DotOperand::Bytes,
          .columns = kVectors * kLanes,
          .max_rows = kMaxRows,
          .products_in_16_bits = 2 * kQuads,
          .run = kBytesRows<kQuads, kVectors>.run};
}
template <int kVectors>
constexpr DotKernel words_kernel(const char* name) {
  return {.name = name,
          .isa = Isa::Avx2,
          .operand = DotOperand::Words,
          .columns = kVectors * kLanes,
          .max_rows = kMaxRows,
          .products_in_16_bits = 0,
          .run = kWordsRows<kVectors>.run};
}

constexpr DotKernel kAvx2Dots[] = {bytes_kernel<1, 1>("dot_u8_s8_i32_6x8x4_avx2"),
                                   bytes_kernel<2, 1>("dot_u8_s8_i32_6x8x8_avx2"),
                                   bytes_kernel<4, 1>("dot_u8_s8_i32_6x8x16_avx2"),
                                   bytes_kernel<8, 1>("dot_u8_s8_i32_6x8x32_avx2"),
                                   bytes_kernel<1, 2>("dot_u8_s8_i32_6x16x4_avx2"),
                                   bytes_kernel<2, 2>("dot_u8_s8_i32_6x16x8_avx2"),
                                   bytes_kernel<4, 2>("dot_u8_s8_i32_6x16x16_avx2"),
                                   bytes_kernel<8, 2>("dot_u8_s8_i32_6x16x32_avx2"),
                                   words_kernel<1>("dot_i16_i16_i32_6x8x2_avx2"),
                                   words_kernel<2>("dot_i16_i16_i32_6x16x2_avx2")};

}  // namespace

const DotKernelTable dot_kernels_avx2{kAvx2Dots, sizeof kAvx2Dots / sizeof kAvx2Dots[0]};

}  // namespace pact::kernels
