// SPDX-License-Identifier: Apache-2.0
// Sixteen channels at a time: 64-bit sums of the even ones and of the odd ones. A shifted sum fits
// 32 bits, so its low half is all of it and a logical shift does.
#include <immintrin.h>

#include "pact/kernels/requantize_channel.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kChannels = 16;

// The first `n` of `lanes` lanes.
inline std::uint32_t first_lanes(std::int64_t n, int lanes) {
  return n >= lanes ? (1U << lanes) - 1 : (1U << n) - 1;
}

inline __m512i load_sixteen(const RequantizeTerm& term, std::int64_t pixel, std::int64_t i,
                            __mmask16 mask) {
  switch (term.type) {
    case TermType::Accumulators:
      return _mm512_maskz_loadu_epi32(mask, values_at<std::int32_t>(term, pixel) + i);
    case TermType::Codes:
      return _mm512_cvtepu8_epi32(
          _mm_maskz_loadu_epi8(mask, values_at<std::uint8_t>(term, pixel) + i));
    case TermType::Levels:
      break;
  }
  return _mm512_cvtepi16_epi32(
      _mm256_maskz_loadu_epi16(mask, values_at<std::int16_t>(term, pixel) + i));
}

inline void store_sixteen(const RequantizeBlock& block, __m512i levels, __mmask16 mask,
                          std::uint8_t* target) {
  const __m512i codes = _mm512_sub_epi32(levels, _mm512_set1_epi32(block.lowest));
  _mm_mask_storeu_epi8(target, mask, _mm512_cvtepi32_epi8(codes));
}
inline void store_sixteen(const RequantizeBlock&, __m512i levels, __mmask16 mask,
                          std::int16_t* target) {
  _mm256_mask_storeu_epi16(target, mask, _mm512_cvtepi32_epi16(levels));
}

// Elements 1, 3, .. in the places of 0, 2, ..: a shuffle, because shifts have one port alone.
inline __m512i odd_elements(__m512i values) {
  return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(values)));
}

// All pixels of the channels from i on. With a known number of terms their multipliers stay in
// registers; kTerms is 0 for any number.
template <int kTerms, typename T>
inline void requantize_sixteen(const RequantizeBlock& block, std::int64_t i) {
  const std::int64_t left = block.channels - i;
  const auto mask = static_cast<__mmask16>(first_lanes(left, 16));
  const auto evens = static_cast<__mmask8>(first_lanes((left + 1) / 2, 8));
  const auto odds = static_cast<__mmask8>(first_lanes(left / 2, 8));
  const __m512i even_offsets = _mm512_maskz_loadu_epi64(evens, block.even_offsets + i / 2);
  const __m512i odd_offsets = _mm512_maskz_loadu_epi64(odds, block.odd_offsets + i / 2);
  const __m512i even_shift = _mm512_set1_epi64(block.shift);
  const __m512i odd_shift = _mm512_set1_epi64(32 - block.shift);
  const __m512i lowest = _mm512_set1_epi32(block.lowest);
  const __m512i highest = _mm512_set1_epi32(block.highest);
  const int terms = kTerms > 0 ? kTerms : block.term_count;
  for (std::int64_t pixel = 0; pixel < block.pixels; ++pixel) {
    __m512i even = even_offsets;
    __m512i odd = odd_offsets;
    for (int t = 0; t < terms; ++t) {
      const __m512i values = load_sixteen(block.terms[t], pixel, i, mask);
      const __m512i multipliers = _mm512_maskz_loadu_epi32(mask, block.terms[t].multipliers + i);
      even = _mm512_add_epi64(even, _mm512_mul_epi32(values, multipliers));
      odd = _mm512_add_epi64(odd, _mm512_mul_epi32(odd_elements(values), odd_elements(multipliers)));
    }
    const __m512i levels = _mm512_mask_blend_epi32(0xAAAA, _mm512_srlv_epi64(even, even_shift),
                                                   _mm512_sllv_epi64(odd, odd_shift));
    store_sixteen(block, _mm512_min_epi32(_mm512_max_epi32(levels, lowest), highest), mask,
                  target_at<T>(block, pixel) + i);
  }
}

template <typename T>
void requantize_block_avx512(const RequantizeBlock& block) {
  for (std::int64_t i = 0; i < block.channels; i += kChannels) {
    if (block.term_count == 1) {
      requantize_sixteen<1, T>(block, i);
    } else if (block.term_count == 2) {
      requantize_sixteen<2, T>(block, i);
    } else {
      requantize_sixteen<0, T>(block, i);
    }
  }
}

}  // namespace

const RequantizeKernel requantize_avx512{.name = "requantize_i64_avx512",
                                         .isa = Isa::Avx512,
                                         .to_codes = &requantize_block_avx512<std::uint8_t>,
                                         .to_levels = &requantize_block_avx512<std::int16_t>};

}  // namespace pact::kernels
