// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/depthwise_vectors.h"

namespace pact::kernels {
namespace {

struct DepthwiseAvx2 {
  using Vector = __m256i;
  static constexpr int kLanes = 8;

  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector load_pairs(const std::int16_t* b) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
  }
  static Vector widen(const std::uint8_t* a) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(a)));
  }
  static Vector add_products(Vector sum, const std::uint8_t* first, const std::uint8_t* second,
                             Vector weights) {
    const Vector pairs = _mm256_or_si256(widen(first), _mm256_slli_epi32(widen(second), 16));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, weights));
  }
  static void store(std::int32_t* c, Vector sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(c), sums);
  }
};

}  // namespace

const DepthwiseKernel depthwise_avx2{.name = "depthwise_u8_i16_i32_1x16_avx2",
                                     .isa = Isa::Avx2,
                                     .run = &run_depthwise<DepthwiseAvx2>};

}  // namespace pact::kernels
