// SPDX-License-Identifier: Apache-2.0
// The loop of dot products in 512-bit registers, compiled once for each instruction set that
// includes it. Anonymous on purpose: every including file has its own copy.
#pragma once

#include <immintrin.h>

#include <utility>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

inline constexpr int kLanes = 16;
// With two vectors of columns: 28 sums, 2 weights and 2 activations fill the 32 registers. With
// one, addresses of rows are what fills registers.
template <int kVectors>
inline constexpr int kMaxRows = kVectors == 1 ? 16 : 14;
// Bytes of weights ahead of those in use: they come from a second- or third-level cache.
inline constexpr int kPrefetched = 4096;

// Rows are addressed three to a base register: base, base + stride, base + 2 * stride.
template <int kRows>
struct Rows {
  const char* base[(kRows + 2) / 3];
  std::ptrdiff_t stride;

  Rows(const char* first, std::ptrdiff_t row_stride) : stride(row_stride) {
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

// A sum takes five cycles and two start in each: few rows are summed in several chains.
template <int kRows, int kVectors>
constexpr int kChains = kRows* kVectors >= 8 ? 1 : (kRows* kVectors >= 4 ? 2 : 4);

// Add{}(sums, activations, weights): sixteen sums with a quad of products added to each.
template <typename Add, int kRows, int kVectors>
inline const char* dot_matrix(const DotOperands& o, const char* a, const char* b, std::int32_t* c) {
  constexpr int kSplit = kChains<kRows, kVectors>;
  __m512i sums[kSplit][kRows][kVectors];
  for (auto& chain : sums) {
    for (auto& row : chain) {
      for (__m512i& sum : row) sum = _mm512_setzero_si512();
    }
  }
  const auto add_quad = [&](auto& chain, const Rows<kRows>& rows, std::ptrdiff_t offset) {
    __m512i weights[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = _mm512_loadu_si512(b + v * kLanes * 4);
      _mm_prefetch(b + v * kLanes * 4 + kPrefetched, _MM_HINT_T0);
    }
    b += kVectors * kLanes * 4;
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
      const __m512i activations = rows.broadcast(row, offset);
      for (int v = 0; v < kVectors; ++v) {
        chain[row][v] = Add{}(chain[row][v], activations, weights[v]);
      }
    }
  };
  for (std::int64_t segment = 0; segment < o.segments; ++segment) {
    Rows<kRows> rows(a + segment * o.segment_stride, o.row_stride);
    std::int64_t quad = 0;
    for (; quad + kSplit <= o.quads; quad += kSplit) {
#pragma GCC unroll 4
      for (int s = 0; s < kSplit; ++s) add_quad(sums[s], rows, 4 * s);
      rows.advance(4 * kSplit);
    }
    for (; quad < o.quads; ++quad) {
      add_quad(sums[0], rows, 0);
      rows.advance(4);
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      __m512i sum = sums[0][row][v];
      for (int s = 1; s < kSplit; ++s) sum = _mm512_add_epi32(sum, sums[s][row][v]);
      _mm512_storeu_si512(c + (row * kVectors + v) * kLanes, sum);
    }
  }
  return b;
}

template <typename Add, int kRows, int kVectors>
void dot_zmm(const DotOperands& o) {
  const char* a = static_cast<const char*>(o.a);
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    b = dot_matrix<Add, kRows, kVectors>(o, a, b, c);
  }
}

struct RowTable {
  DotFunction run[kMaxRows<1>];
};
template <typename Add, int kVectors, int... kRow>
constexpr RowTable rows_of(std::integer_sequence<int, kRow...>) {
  return {{&dot_zmm<Add, kRow + 1, kVectors>...}};
}
template <typename Add, int kVectors>
constexpr RowTable kZmmRows =
    rows_of<Add, kVectors>(std::make_integer_sequence<int, kMaxRows<kVectors>>());

template <typename Add, int kVectors>
constexpr DotKernel zmm_kernel(const char* name, Isa isa, DotOperand operand) {
  return {.name = name,
          .isa = isa,
          .operand = operand,
          .columns = kVectors * kLanes,
          .max_rows = kMaxRows<kVectors>,
          .products_in_16_bits = 0,
          .run = kZmmRows<Add, kVectors>.run};
}

}  // namespace
}  // namespace pact::kernels
