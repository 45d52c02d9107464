// SPDX-License-Identifier: Apache-2.0
// Sixteen channels at a time: 64-bit sums of the even ones and of the odd ones. A shifted sum fits
// 32 bits, so its low half is all of it and a logical shift does.
#include <immintrin.h>

#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kChannels = 16;

// The first `n` of `kBits` lanes.
inline std::uint32_t first_lanes(std::int64_t n, int lanes) {
  return n >= lanes ? (1U << lanes) - 1 : (1U << n) - 1;
}

inline __m512i load_sixteen(const RequantizeTerm& term, std::int64_t i, __mmask16 mask) {
  switch (term.type) {
    case TermType::Accumulators:
      return _mm512_maskz_loadu_epi32(mask, static_cast<const std::int32_t*>(term.values) + i);
    case TermType::Codes:
      return _mm512_cvtepu8_epi32(
          _mm_maskz_loadu_epi8(mask, static_cast<const std::uint8_t*>(term.values) + i));
    case TermType::Levels:
      break;
  }
  return _mm512_cvtepi16_epi32(
      _mm256_maskz_loadu_epi16(mask, static_cast<const std::int16_t*>(term.values) + i));
}

// Levels of the channels from i on, clamped.
inline __m512i levels_of(const RequantizeRow& row, std::int64_t i, __mmask16 mask) {
  const std::int64_t left = row.n - i;
  const auto evens = static_cast<__mmask8>(first_lanes((left + 1) / 2, 8));
  const auto odds = static_cast<__mmask8>(first_lanes(left / 2, 8));
  __m512i even = _mm512_maskz_loadu_epi64(evens, row.even_offsets + i / 2);
  __m512i odd = _mm512_maskz_loadu_epi64(odds, row.odd_offsets + i / 2);
  for (int t = 0; t < row.term_count; ++t) {
    const __m512i values = load_sixteen(row.terms[t], i, mask);
    const __m512i multipliers = _mm512_maskz_loadu_epi32(mask, row.terms[t].multipliers + i);
    even = _mm512_add_epi64(even, _mm512_mul_epi32(values, multipliers));
    odd = _mm512_add_epi64(odd, _mm512_mul_epi32(_mm512_srli_epi64(values, 32),
                                                 _mm512_srli_epi64(multipliers, 32)));
  }
  even = _mm512_srl_epi64(even, _mm_cvtsi32_si128(row.shift));
  odd = _mm512_sll_epi64(odd, _mm_cvtsi32_si128(32 - row.shift));
  const __m512i levels = _mm512_mask_blend_epi32(0xAAAA, even, odd);
  return _mm512_min_epi32(_mm512_max_epi32(levels, _mm512_set1_epi32(row.lowest)),
                          _mm512_set1_epi32(row.highest));
}

inline void store_sixteen(const RequantizeRow& row, __m512i levels, std::uint8_t* target,
                          __mmask16 mask) {
  const __m512i codes = _mm512_sub_epi32(levels, _mm512_set1_epi32(row.lowest));
  _mm_mask_storeu_epi8(target, mask, _mm512_cvtepi32_epi8(codes));
}
inline void store_sixteen(const RequantizeRow&, __m512i levels, std::int16_t* target,
                          __mmask16 mask) {
  _mm256_mask_storeu_epi16(target, mask, _mm512_cvtepi32_epi16(levels));
}

template <typename T>
void requantize_row_avx512(const RequantizeRow& row) {
  for (std::int64_t i = 0; i < row.n; i += kChannels) {
    const auto mask = static_cast<__mmask16>(first_lanes(row.n - i, kChannels));
    store_sixteen(row, levels_of(row, i, mask), static_cast<T*>(row.target) + i, mask);
  }
}

}  // namespace

const RequantizeKernel requantize_avx512{.name = "requantize_i64_avx512",
                                         .isa = Isa::Avx512,
                                         .to_codes = &requantize_row_avx512<std::uint8_t>,
                                         .to_levels = &requantize_row_avx512<std::int16_t>};

}  // namespace pact::kernels
