// SPDX-License-Identifier: Apache-2.0
// Sixteen channels at a time: 64-bit sums of the even ones and of the odd ones. A shifted sum fits
// 32 bits, so its low half is all of it and a logical shift does.
#include <immintrin.h>

#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kChannels = 16;

// The first `n` of `lanes` lanes.
inline std::uint32_t first_lanes(std::int64_t n, int lanes) {
  return n >= lanes ? (1U << lanes) - 1 : (1U << n) - 1;
}

inline __m512i load(const std::int32_t* values, __mmask16 mask) {
  return _mm512_maskz_loadu_epi32(mask, values);
}
inline __m512i load(const std::uint8_t* values, __mmask16 mask) {
  return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, values));
}
inline __m512i load(const std::int16_t* values, __mmask16 mask) {
  return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, values));
}

// `values` are codes or levels: within their type.
inline void store(std::uint8_t* target, __m512i values, __mmask16 mask) {
  if (mask == 0xFFFF) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target), _mm512_cvtepi32_epi8(values));
  } else {
    _mm512_mask_cvtepi32_storeu_epi8(target, mask, values);
  }
}
inline void store(std::int16_t* target, __m512i values, __mmask16 mask) {
  _mm512_mask_cvtepi32_storeu_epi16(target, mask, values);
}

// Elements 1, 3, .. in the places of 0, 2, ..: a shuffle, because shifts have one port alone.
inline __m512i odd_elements(__m512i values) {
  return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(values)));
}

struct Products {
  __m512i even;
  __m512i odd;
};

// One term of sixteen channels; its multipliers stay in registers.
template <typename T>
struct Term {
  const char* values;
  std::ptrdiff_t pixel_bytes;
  __mmask16 mask;
  __m512i even_multipliers;
  __m512i odd_multipliers;

  Term(const RequantizeTerm& term, std::int64_t i, __mmask16 lanes)
      : values(static_cast<const char*>(term.values) + i * std::int64_t{sizeof(T)}),
        pixel_bytes(term.pixel_bytes),
        mask(lanes),
        even_multipliers(_mm512_maskz_loadu_epi32(lanes, term.multipliers + i)),
        odd_multipliers(odd_elements(even_multipliers)) {}

  void add(std::int64_t pixel, Products& sums) const {
    const __m512i v = load(reinterpret_cast<const T*>(values + pixel * pixel_bytes), mask);
    sums.even = _mm512_add_epi64(sums.even, _mm512_mul_epi32(v, even_multipliers));
    sums.odd = _mm512_add_epi64(sums.odd, _mm512_mul_epi32(odd_elements(v), odd_multipliers));
  }
};

// Any terms, their multipliers read for every pixel.
struct AnyTerms {
  const RequantizeTerm* terms;
  int count;
  std::int64_t i;
  __mmask16 mask;

  void add(std::int64_t pixel, Products& sums) const {
    for (int t = 0; t < count; ++t) {
      if (terms[t].type == TermType::Accumulators) {
        Term<std::int32_t>(terms[t], i, mask).add(pixel, sums);
      } else if (terms[t].type == TermType::Codes) {
        Term<std::uint8_t>(terms[t], i, mask).add(pixel, sums);
      } else {
        Term<std::int16_t>(terms[t], i, mask).add(pixel, sums);
      }
    }
  }
};

// All pixels of the channels from i on: what `add` adds for each, shifted and clamped.
template <typename T, typename Add>
inline void requantize_pixels(const RequantizeBlock& block, std::int64_t i, __mmask16 mask,
                              const Add& add) {
  const std::int64_t left = block.channels - i;
  const auto evens = static_cast<__mmask8>(first_lanes((left + 1) / 2, 8));
  const auto odds = static_cast<__mmask8>(first_lanes(left / 2, 8));
  const Products offsets{_mm512_maskz_loadu_epi64(evens, block.even_offsets + i / 2),
                         _mm512_maskz_loadu_epi64(odds, block.odd_offsets + i / 2)};
  const __m512i even_shift = _mm512_set1_epi64(block.shift);
  const __m512i odd_shift = _mm512_set1_epi64(32 - block.shift);
  const __m512i lowest = _mm512_set1_epi32(block.lowest);
  const __m512i highest = _mm512_set1_epi32(block.highest);
  const __m512i base = sizeof(T) == 1 ? lowest : _mm512_setzero_si512();
  char* target = static_cast<char*>(block.target) + i * std::int64_t{sizeof(T)};
  const std::ptrdiff_t pixel_bytes = block.pixel_bytes;
  const std::int64_t pixels = block.pixels;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    Products sums = offsets;
    add(pixel, sums);
    const __m512i levels = _mm512_mask_blend_epi32(0xAAAA, _mm512_srlv_epi64(sums.even, even_shift),
                                                   _mm512_sllv_epi64(sums.odd, odd_shift));
    const __m512i clamped = _mm512_min_epi32(_mm512_max_epi32(levels, lowest), highest);
    store(reinterpret_cast<T*>(target + pixel * pixel_bytes), _mm512_sub_epi32(clamped, base),
          mask);
  }
}

// Accumulators and values of another type.
template <typename T, typename Second>
inline void requantize_pair(const RequantizeBlock& block, std::int64_t i, __mmask16 mask) {
  const Term<std::int32_t> first(block.terms[0], i, mask);
  const Term<Second> second(block.terms[1], i, mask);
  requantize_pixels<T>(block, i, mask, [&](std::int64_t pixel, Products& sums) {
    first.add(pixel, sums);
    second.add(pixel, sums);
  });
}

template <typename T>
inline void requantize_sixteen(const RequantizeBlock& block, std::int64_t i) {
  const auto mask = static_cast<__mmask16>(first_lanes(block.channels - i, 16));
  const RequantizeTerm* terms = block.terms;
  const bool usual = block.term_count > 0 && terms[0].type == TermType::Accumulators;
  if (usual && block.term_count == 1) {
    const Term<std::int32_t> term(terms[0], i, mask);
    requantize_pixels<T>(block, i, mask,
                         [&](std::int64_t pixel, Products& sums) { term.add(pixel, sums); });
  } else if (usual && block.term_count == 2) {
    if (terms[1].type == TermType::Accumulators) requantize_pair<T, std::int32_t>(block, i, mask);
    if (terms[1].type == TermType::Codes) requantize_pair<T, std::uint8_t>(block, i, mask);
    if (terms[1].type == TermType::Levels) requantize_pair<T, std::int16_t>(block, i, mask);
  } else {
    const AnyTerms any{terms, block.term_count, i, mask};
    requantize_pixels<T>(block, i, mask,
                         [&](std::int64_t pixel, Products& sums) { any.add(pixel, sums); });
  }
}

template <typename T>
void requantize_block_avx512(const RequantizeBlock& block) {
  for (std::int64_t i = 0; i < block.channels; i += kChannels) requantize_sixteen<T>(block, i);
}

}  // namespace

const RequantizeKernel requantize_avx512{.name = "requantize_i64_avx512",
                                         .isa = Isa::Avx512,
                                         .to_codes = &requantize_block_avx512<std::uint8_t>,
                                         .to_levels = &requantize_block_avx512<std::int16_t>};

}  // namespace pact::kernels
