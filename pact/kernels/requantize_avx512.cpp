// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/requantize_vectors.h"

namespace pact::kernels {
namespace {

// The first `n` of `lanes` lanes.
inline std::uint32_t first_lanes(std::int64_t n, int lanes) {
  return n >= lanes ? (1U << lanes) - 1 : (1U << n) - 1;
}

struct Avx512 {
  using Vector = __m512i;
  using Mask = __mmask16;
  static constexpr std::int64_t kChannels = 16;

  static Vector load(const std::int32_t* values, Mask mask) {
    return _mm512_maskz_loadu_epi32(mask, values);
  }
  static Vector load(const std::uint8_t* values, Mask mask) {
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, values));
  }
  static Vector load(const std::int16_t* values, Mask mask) {
    return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, values));
  }
  static Vector load_offsets(const std::int64_t* offsets, std::int64_t count) {
    return _mm512_maskz_loadu_epi64(static_cast<__mmask8>(first_lanes(count, 8)), offsets);
  }
  // Elements 1, 3, .. in the places of 0, 2, ..: read from there, or shuffled, because shifts have
  // one port alone.
  template <typename T>
  static Vector load_odd(const T*, Vector values, Mask) {
    return odd_elements(values);
  }
  static Vector odd_elements(Vector values) {
    return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(values)));
  }
  static Vector high_halves(Vector even, Vector odd) {
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
  }
  // Packing interleaves the quarters of both.
  static Vector pack(Vector first, Vector second) {
    const Vector order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
    return _mm512_permutexvar_epi64(order, _mm512_packs_epi32(first, second));
  }
  static Vector clamp(Vector words, Vector lowest, Vector highest) {
    return _mm512_min_epi16(_mm512_max_epi16(words, lowest), highest);
  }
  static void store(std::uint8_t* first, std::uint8_t* second, Vector words, Mask mask) {
    const __m256i bytes = _mm512_cvtepi16_epi8(words);
    _mm_mask_storeu_epi8(first, mask, _mm256_castsi256_si128(bytes));
    _mm_mask_storeu_epi8(second, mask, _mm256_extracti128_si256(bytes, 1));
  }
  static void store(std::int16_t* first, std::int16_t* second, Vector words, Mask mask) {
    _mm256_mask_storeu_epi16(first, mask, _mm512_castsi512_si256(words));
    _mm256_mask_storeu_epi16(second, mask, _mm512_extracti64x4_epi64(words, 1));
  }
  static Vector interleave(Vector even, Vector odd) {
    return _mm512_mask_blend_epi32(0xAAAA, even, odd);
  }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_epi32(a, b); }
  static Vector add(Vector a, Vector b) { return _mm512_add_epi64(a, b); }
  static Vector shift_right(Vector a, Vector by) { return _mm512_srlv_epi64(a, by); }
  static Vector shift_left(Vector a, Vector by) { return _mm512_sllv_epi64(a, by); }
  static Vector spread16(std::int32_t value) {
    return _mm512_set1_epi16(static_cast<std::int16_t>(value));
  }
  static Vector spread64(std::int64_t value) { return _mm512_set1_epi64(value); }
};

template <typename T>
void requantize_block_avx512(const RequantizeBlock& block) {
  for (std::int64_t i = 0; i < block.channels; i += Avx512::kChannels) {
    requantize_vector<Avx512, T>(block, i,
                                 static_cast<__mmask16>(first_lanes(block.channels - i, 16)));
  }
}

}  // namespace

const RequantizeKernel requantize_avx512{.name = "requantize_i64_avx512",
                                         .isa = Isa::Avx512,
                                         .to_codes = &requantize_block_avx512<std::uint8_t>,
                                         .to_levels = &requantize_block_avx512<std::int16_t>};

}  // namespace pact::kernels
