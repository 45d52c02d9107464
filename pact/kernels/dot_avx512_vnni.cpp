// SPDX-License-Identifier: Apache-2.0
// vpdpbusd: four products added to a 32-bit sum at once, without saturation.
#include <immintrin.h>

#include <utility>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 16;
// With two vectors of columns: 28 sums, 2 weights and 2 codes fill the 32 registers.
constexpr int kMaxRows = 14;
// Bytes of weights ahead of those in use: they come from a second- or third-level cache.
constexpr int kPrefetched = 2048;

// Rows are addressed three to a base register: base, base + stride, base + 2 * stride.
template <int kRows>
struct Rows {
  const std::uint8_t* base[(kRows + 2) / 3];
  std::ptrdiff_t stride;

  Rows(const std::uint8_t* first, std::ptrdiff_t row_stride) : stride(row_stride) {
    for (int i = 0; i < (kRows + 2) / 3; ++i) base[i] = first + 3 * i * row_stride;
  }
  __m512i broadcast(int row, std::ptrdiff_t offset) const {
    int quad;
    __builtin_memcpy(&quad, base[row / 3] + row % 3 * stride + offset, sizeof quad);
    return _mm512_set1_epi32(quad);
  }
  void advance(std::ptrdiff_t bytes) {
#pragma GCC unroll 8
    for (int i = 0; i < (kRows + 2) / 3; ++i) base[i] += bytes;
  }
};

// vpdpbusd takes five cycles and two start in each: few rows are summed in several chains.
template <int kRows, int kVectors>
constexpr int kChains = kRows * kVectors >= 8 ? 1 : (kRows * kVectors >= 4 ? 2 : 4);

template <int kRows, int kVectors>
void dot_vnni(const DotOperands& o) {
  constexpr int kSplit = kChains<kRows, kVectors>;
  __m512i sums[kSplit][kRows][kVectors];
  for (auto& chain : sums) {
    for (auto& row : chain) {
      for (__m512i& sum : row) sum = _mm512_setzero_si512();
    }
  }
  const std::int8_t* b = o.b;
  const auto add = [&](auto& chain, const Rows<kRows>& rows, std::ptrdiff_t offset) {
    __m512i weights[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = _mm512_loadu_si512(b + v * kLanes * 4);
      _mm_prefetch(b + v * kLanes * 4 + kPrefetched, _MM_HINT_T0);
    }
    b += kVectors * kLanes * 4;
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
      const __m512i codes = rows.broadcast(row, offset);
      for (int v = 0; v < kVectors; ++v) {
        chain[row][v] = _mm512_dpbusd_epi32(chain[row][v], codes, weights[v]);
      }
    }
  };
  for (std::int64_t segment = 0; segment < o.segments; ++segment) {
    Rows<kRows> rows(o.a + segment * o.segment_stride, o.row_stride);
    std::int64_t quad = 0;
    for (; quad + kSplit <= o.quads; quad += kSplit) {
#pragma GCC unroll 4
      for (int s = 0; s < kSplit; ++s) add(sums[s], rows, 4 * s);
      rows.advance(4 * kSplit);
    }
    for (; quad < o.quads; ++quad) {
      add(sums[0], rows, 0);
      rows.advance(4);
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      __m512i sum = sums[0][row][v];
      for (int s = 1; s < kSplit; ++s) sum = _mm512_add_epi32(sum, sums[s][row][v]);
      _mm512_storeu_si512(o.c + (row * kVectors + v) * kLanes, sum);
    }
  }
}

template <int kVectors, int... kRow>
constexpr auto rows_of(std::integer_sequence<int, kRow...>) {
  struct {
    DotFunction run[sizeof...(kRow)];
  } table{{&dot_vnni<kRow + 1, kVectors>...}};
  return table;
}
constexpr auto kOneVector = rows_of<1>(std::make_integer_sequence<int, kMaxRows>());
constexpr auto kTwoVectors = rows_of<2>(std::make_integer_sequence<int, kMaxRows>());

constexpr DotKernel kVnniDots[] = {{.name = "dot_u8_s8_i32_14x16x4_avx512vnni",
                                    .isa = Isa::Avx512Vnni,
                                    .columns = kLanes,
                                    .max_rows = kMaxRows,
                                    .products_in_16_bits = 0,
                                    .run = kOneVector.run},
                                   {.name = "dot_u8_s8_i32_14x32x4_avx512vnni",
                                    .isa = Isa::Avx512Vnni,
                                    .columns = 2 * kLanes,
                                    .max_rows = kMaxRows,
                                    .products_in_16_bits = 0,
                                    .run = kTwoVectors.run}};

}  // namespace

const DotKernelTable dot_kernels_avx512_vnni{kVnniDots, sizeof kVnniDots / sizeof kVnniDots[0]};

}  // namespace pact::kernels
