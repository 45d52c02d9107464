// SPDX-License-Identifier: Apache-2.0
// Eight channels at a time: 64-bit sums of the even ones and of the odd ones. A shifted sum fits
// 32 bits, so its low half is all of it and a logical shift does.
#include <immintrin.h>

#include "pact/kernels/requantize_channel.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kChannels = 8;

inline __m256i load_eight(const RequantizeTerm& term, std::int64_t pixel, std::int64_t i) {
  switch (term.type) {
    case TermType::Accumulators:
      return _mm256_loadu_si256(
          reinterpret_cast<const __m256i*>(values_at<std::int32_t>(term, pixel) + i));
    case TermType::Codes:
      return _mm256_cvtepu8_epi32(_mm_loadl_epi64(
          reinterpret_cast<const __m128i*>(values_at<std::uint8_t>(term, pixel) + i)));
    case TermType::Levels:
      break;
  }
  return _mm256_cvtepi16_epi32(_mm_loadu_si128(
      reinterpret_cast<const __m128i*>(values_at<std::int16_t>(term, pixel) + i)));
}

inline __m256i load_offsets(const std::int64_t* offsets) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offsets));
}

// Levels of channels i to i + 7, clamped.
inline __m256i levels_of(const RequantizeBlock& block, std::int64_t pixel, std::int64_t i) {
  __m256i even = load_offsets(block.even_offsets + i / 2);
  __m256i odd = load_offsets(block.odd_offsets + i / 2);
  for (int t = 0; t < block.term_count; ++t) {
    const __m256i values = load_eight(block.terms[t], pixel, i);
    const __m256i multipliers =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.terms[t].multipliers + i));
    even = _mm256_add_epi64(even, _mm256_mul_epi32(values, multipliers));
    odd = _mm256_add_epi64(odd, _mm256_mul_epi32(_mm256_srli_epi64(values, 32),
                                                 _mm256_srli_epi64(multipliers, 32)));
  }
  even = _mm256_srl_epi64(even, _mm_cvtsi32_si128(block.shift));
  odd = _mm256_sll_epi64(odd, _mm_cvtsi32_si128(32 - block.shift));
  const __m256i levels = _mm256_blend_epi32(even, odd, 0xAA);
  return _mm256_min_epi32(_mm256_max_epi32(levels, _mm256_set1_epi32(block.lowest)),
                          _mm256_set1_epi32(block.highest));
}

inline void store_eight(const RequantizeBlock& block, __m256i levels, std::uint8_t* target) {
  const __m256i codes = _mm256_sub_epi32(levels, _mm256_set1_epi32(block.lowest));
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(target), _mm_packus_epi16(words, words));
}
inline void store_eight(const RequantizeBlock&, __m256i levels, std::int16_t* target) {
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(target), words);
}

template <typename T>
void requantize_block_avx2(const RequantizeBlock& block) {
  std::int64_t i = 0;
  for (; i + kChannels <= block.channels; i += kChannels) {
    for (std::int64_t pixel = 0; pixel < block.pixels; ++pixel) {
      store_eight(block, levels_of(block, pixel, i), target_at<T>(block, pixel) + i);
    }
  }
  requantize_channels<T>(block, i);
}

}  // namespace

const RequantizeKernel requantize_avx2{.name = "requantize_i64_avx2",
                                       .isa = Isa::Avx2,
                                       .to_codes = &requantize_block_avx2<std::uint8_t>,
                                       .to_levels = &requantize_block_avx2<std::int16_t>};

}  // namespace pact::kernels
