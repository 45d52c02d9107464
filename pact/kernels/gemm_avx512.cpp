// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/gemm.h"

namespace pact::kernels {
namespace {

constexpr int kRows = 8;
constexpr int kLanes = 16;

// Sixteen sums to a register, kVectors registers to a row of sums.
template <int kVectors>
void gemm(const std::int16_t* a, std::ptrdiff_t a_stride, const std::int16_t* b, std::int32_t* c,
          std::ptrdiff_t c_stride, std::int64_t k_pairs) {
  __m512i sums[kRows][kVectors];
  for (auto& row : sums) {
    for (__m512i& sum : row) sum = _mm512_setzero_si512();
  }
  for (std::int64_t k = 0; k < k_pairs; ++k) {
    __m512i weights[kVectors];
    for (int v = 0; v < kVectors; ++v) weights[v] = _mm512_loadu_si512(b + v * kLanes * 2);
    b += kVectors * kLanes * 2;
    for (int row = 0; row < kRows; ++row) {
      int pair;
      __builtin_memcpy(&pair, a + row * a_stride + 2 * k, sizeof pair);
      const __m512i levels = _mm512_set1_epi32(pair);
      for (int v = 0; v < kVectors; ++v) {
        sums[row][v] = _mm512_add_epi32(sums[row][v], _mm512_madd_epi16(levels, weights[v]));
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      _mm512_storeu_si512(c + row * c_stride + v * kLanes, sums[row][v]);
    }
  }
}

constexpr GemmKernel kKernels[] = {{.name = "gemm_i16_i16_i32_8x16x2_avx512",
                                    .isa = Isa::Avx512,
                                    .rows = kRows,
                                    .columns = kLanes,
                                    .run = &gemm<1>},
                                   {.name = "gemm_i16_i16_i32_8x32x2_avx512",
                                    .isa = Isa::Avx512,
                                    .rows = kRows,
                                    .columns = 2 * kLanes,
                                    .run = &gemm<2>}};

}  // namespace

const GemmKernelTable gemm_kernels_avx512{kKernels, sizeof kKernels / sizeof kKernels[0]};

}  // namespace pact::kernels
