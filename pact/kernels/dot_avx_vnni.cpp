// SPDX-License-Identifier: Apache-2.0
// vpdpbusd and vpdpwssd as CPUs without AVX-512 have them: the products of a quad added to a 32-bit
// sum at once, without saturation.
#include <immintrin.h>

#include <utility>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kRowsOfOne = 12;  // with one vector of columns
constexpr int kRowsOfTwo = 6;   // 12 sums, 2 weights and 1 activation fill the 16 registers
// Bytes of weights ahead of those in use: they come from a second- or third-level cache.
constexpr int kPrefetched = 2048;

inline __m256i broadcast_quad(const char* a) {
  int quad;
  __builtin_memcpy(&quad, a, sizeof quad);
  return _mm256_set1_epi32(quad);
}

struct AddBytes {
  static __m256i add(__m256i sums, __m256i activations, __m256i weights) {
    return _mm256_dpbusd_avx_epi32(sums, activations, weights);
  }
};
struct AddWords {
  static __m256i add(__m256i sums, __m256i activations, __m256i weights) {
    return _mm256_dpwssd_avx_epi32(sums, activations, weights);
  }
};

// A sum takes five cycles and two start in each: few of them are summed in several chains.
template <int kRows, int kVectors>
constexpr int kChains = kRows* kVectors >= 8 ? 1 : (kRows* kVectors >= 4 ? 2 : 4);

template <typename Add, int kRows, int kVectors>
struct Sums {
  static constexpr std::ptrdiff_t kQuadBytes = kVectors * kLanes * 4;
  static constexpr int kSplit = kChains<kRows, kVectors>;
  __m256i chains[kSplit][kRows][kVectors];

  Sums() {
    for (auto& chain : chains) {
      for (auto& row : chain) {
        for (__m256i& sum : row) sum = _mm256_setzero_si256();
      }
    }
  }
  void add_quad(int chain, const char* a, std::ptrdiff_t row_stride, const char* b) {
    __m256i weights[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + v * kLanes * 4));
    }
    _mm_prefetch(b + kPrefetched, _MM_HINT_T0);
#pragma GCC unroll 12
    for (int row = 0; row < kRows; ++row) {
      const __m256i activations = broadcast_quad(a + row * row_stride);
      for (int v = 0; v < kVectors; ++v) {
        chains[chain][row][v] = Add::add(chains[chain][row][v], activations, weights[v]);
      }
    }
  }
  void add_segment(const char* a, std::ptrdiff_t row_stride, const char* b, std::int64_t quads) {
    std::int64_t quad = 0;
    for (; quad + kSplit <= quads; quad += kSplit, a += 4 * kSplit, b += kSplit * kQuadBytes) {
#pragma GCC unroll 4
      for (int s = 0; s < kSplit; ++s) add_quad(s, a + 4 * s, row_stride, b + s * kQuadBytes);
    }
    for (; quad < quads; ++quad, a += 4, b += kQuadBytes) add_quad(0, a, row_stride, b);
  }
  void store(std::int32_t* c) const {
#pragma GCC unroll 12
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) {
        __m256i sum = chains[0][row][v];
        for (int s = 1; s < kSplit; ++s) sum = _mm256_add_epi32(sum, chains[s][row][v]);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(c + (row * kVectors + v) * kLanes), sum);
      }
    }
  }
};

template <typename Add, int kVectors, int kRows>
void dot_avx_vnni(const DotOperands& o) {
  const char* a = static_cast<const char*>(o.a);
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  const std::ptrdiff_t segment_bytes = o.quads * Sums<Add, kRows, kVectors>::kQuadBytes;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    Sums<Add, kRows, kVectors> sums;
    for (std::int64_t segment = 0; segment < o.segments; ++segment, b += segment_bytes) {
      sums.add_segment(a + segment * o.segment_stride, o.row_stride, b, o.quads);
    }
    sums.store(c);
  }
}

struct RowTable {
  DotFunction run[kRowsOfOne];
};
template <typename Add, int kVectors, int... kRow>
constexpr RowTable rows_of(std::integer_sequence<int, kRow...>) {
  return {{&dot_avx_vnni<Add, kVectors, kRow + 1>...}};
}
template <int kVectors>
constexpr int kMaxRows = kVectors == 1 ? kRowsOfOne : kRowsOfTwo;
template <typename Add, int kVectors>
constexpr RowTable kAvxVnniRows =
    rows_of<Add, kVectors>(std::make_integer_sequence<int, kMaxRows<kVectors>>());

template <typename Add, int kVectors>
constexpr DotKernel avx_vnni_kernel(const char* name, DotOperand operand) {
  return {.name = name,
          .isa = Isa::AvxVnni,
          .operand = operand,
          .columns = kVectors * kLanes,
          .max_rows = kMaxRows<kVectors>,
          .products_in_16_bits = 0,
          .run = kAvxVnniRows<Add, kVectors>.run};
}

constexpr DotKernel kAvxVnniDots[] = {
    avx_vnni_kernel<AddBytes, 1>("dot_u8_s8_i32_12x8x4_avxvnni", DotOperand::Bytes),
    avx_vnni_kernel<AddBytes, 2>("dot_u8_s8_i32_6x16x4_avxvnni", DotOperand::Bytes),
    avx_vnni_kernel<AddWords, 1>("dot_i16_i16_i32_12x8x2_avxvnni", DotOperand::Words),
    avx_vnni_kernel<AddWords, 2>("dot_i16_i16_i32_6x16x2_avxvnni", DotOperand::Words)};

}  // namespace

const DotKernelTable dot_kernels_avx_vnni{kAvxVnniDots,
                                          sizeof kAvxVnniDots / sizeof kAvxVnniDots[0]};

}  // namespace pact::kernels
