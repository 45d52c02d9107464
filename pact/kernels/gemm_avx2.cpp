// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/gemm.h"

namespace pact::kernels {
namespace {

constexpr int kRows = 4;
constexpr int kColumns = 16;

// Eight sums to a register; vpmaddwd adds the two products of a pair exactly.
void gemm_4x16(const std::int16_t* a, std::ptrdiff_t a_stride, const std::int16_t* b,
               std::int32_t* c, std::ptrdiff_t c_stride, std::int64_t k_pairs) {
  __m256i sums[kRows][2];
  for (auto& row : sums) row[0] = row[1] = _mm256_setzero_si256();
  for (std::int64_t k = 0; k < k_pairs; ++k) {
    const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + kColumns));
    b += kColumns * 2;
    for (int row = 0; row < kRows; ++row) {
      int pair;
      __builtin_memcpy(&pair, a + row * a_stride + 2 * k, sizeof pair);
      const __m256i levels = _mm256_set1_epi32(pair);
      sums[row][0] = _mm256_add_epi32(sums[row][0], _mm256_madd_epi16(levels, left));
      sums[row][1] = _mm256_add_epi32(sums[row][1], _mm256_madd_epi16(levels, right));
    }
  }
  for (int row = 0; row < kRows; ++row) {
    auto* target = reinterpret_cast<__m256i*>(c + row * c_stride);
    _mm256_storeu_si256(target, sums[row][0]);
    _mm256_storeu_si256(target + 1, sums[row][1]);
  }
}

constexpr GemmKernel kKernels[] = {{.name = "gemm_i16_i16_i32_4x16x2_avx2",
                                    .isa = Isa::Avx2,
                                    .rows = kRows,
                                    .columns = kColumns,
                                    .run = &gemm_4x16}};

}  // namespace

const GemmKernelTable gemm_kernels_avx2{kKernels, sizeof kKernels / sizeof kKernels[0]};

}  // namespace pact::kernels
