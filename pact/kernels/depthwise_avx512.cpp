// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/depthwise_vectors.h"

namespace pact::kernels {
namespace {

struct DepthwiseAvx512 {
  using Vector = __m512i;
  static constexpr int kLanes = 16;

  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector load_pairs(const std::int16_t* b) { return _mm512_loadu_si512(b); }
  static Vector widen(const std::uint8_t* a) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)));
  }
  static Vector add_products(Vector sum, const std::uint8_t* first, const std::uint8_t* second,
                             Vector weights) {
    const Vector pairs = _mm512_or_si512(widen(first), _mm512_slli_epi32(widen(second), 16));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, weights));
  }
  static void store(std::int32_t* c, Vector sums) { _mm512_storeu_si512(c, sums); }
};

}  // namespace

const DepthwiseKernel depthwise_avx512{.name = "depthwise_u8_i16_i32_1x16_avx512",
                                       .isa = Isa::Avx512,
                                       .run = &run_depthwise<DepthwiseAvx512>};

}  // namespace pact::kernels
