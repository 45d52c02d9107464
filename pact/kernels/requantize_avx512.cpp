// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/requantize_floats.h"

namespace pact::kernels {
namespace {

// The first `n` of `lanes` lanes.
inline std::uint32_t first_lanes(std::int64_t n, int lanes) {
  return n >= lanes ? (1U << lanes) - 1 : (1U << n) - 1;
}

// All channels of a vector: masks take a port that arithmetic needs.
struct AllChannels {};

struct Avx512 {
  using Vector = __m512i;
  using Mask = __mmask16;
  static constexpr std::int64_t kChannels = 16;

  static Vector load(const std::int32_t* values, Mask mask) {
    return _mm512_maskz_loadu_epi32(mask, values);
  }
  static Vector load(const std::int32_t* values, AllChannels) { return _mm512_loadu_si512(values); }
  static Vector load(const std::uint8_t* values, AllChannels) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  }
  static Vector load(const std::int16_t* values, AllChannels) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
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
  // Elements 1, 3, .. in the places of 0, 2, ..: shuffled, because shifts have one port alone.
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
  static void store(std::uint8_t* first, std::uint8_t* second, Vector words, AllChannels) {
    const __m256i bytes = _mm512_cvtepi16_epi8(words);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(first), _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(second), _mm256_extracti128_si256(bytes, 1));
  }
  static void store(std::int16_t* first, std::int16_t* second, Vector words, AllChannels) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(first), _mm512_castsi512_si256(words));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(second), _mm512_extracti64x4_epi64(words, 1));
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

  using Floats = __m512;
  static Floats load_floats(const float* values, Mask mask, float others) {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(others), mask, values);
  }
  static Floats load_floats(const float* values, AllChannels, float) {
    return _mm512_loadu_ps(values);
  }
  static Floats to_floats(Vector values) { return _mm512_cvtepi32_ps(values); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector spread8(std::int32_t value) { return _mm512_set1_epi8(static_cast<char>(value)); }
  // Rounded down and saturated to 1 .. 65535; quarters of both in turn.
  static Vector sure_words(Floats first, Floats second) {
    const Vector words =
        _mm512_packus_epi32(_mm512_cvttps_epi32(first), _mm512_cvttps_epi32(second));
    return _mm512_max_epu16(words, _mm512_set1_epi16(1));
  }
  static bool any_zero(Vector first, Vector second, Vector bits) {
    return _kortestz_mask32_u8(_mm512_testn_epi16_mask(first, bits),
                               _mm512_testn_epi16_mask(second, bits)) == 0;
  }
  // The channels of four pixels, one after the other.
  static Vector shifted_bytes(Vector first, Vector second, int by) {
    const Vector shift = _mm512_set1_epi16(static_cast<std::int16_t>(by));
    const Vector bytes =
        _mm512_packus_epi16(_mm512_srlv_epi16(first, shift), _mm512_srlv_epi16(second, shift));
    const Vector order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    return _mm512_permutexvar_epi32(order, bytes);
  }
  static Vector min8(Vector a, Vector b) { return _mm512_min_epu8(a, b); }
  static void store(std::uint8_t* target, const std::ptrdiff_t (&at)[4], Vector bytes, Mask mask) {
    _mm_mask_storeu_epi8(target, mask, _mm512_castsi512_si128(bytes));
    _mm_mask_storeu_epi8(target + at[1], mask, _mm512_extracti32x4_epi32(bytes, 1));
    _mm_mask_storeu_epi8(target + at[2], mask, _mm512_extracti32x4_epi32(bytes, 2));
    _mm_mask_storeu_epi8(target + at[3], mask, _mm512_extracti32x4_epi32(bytes, 3));
  }
  static void store(std::uint8_t* target, const std::ptrdiff_t (&at)[4], Vector bytes,
                    AllChannels) {
    const auto to = [&](int p) { return reinterpret_cast<__m128i*>(target + at[p]); };
    _mm_storeu_si128(to(0), _mm512_castsi512_si128(bytes));
    _mm_storeu_si128(to(1), _mm512_extracti32x4_epi32(bytes, 1));
    _mm_storeu_si128(to(2), _mm512_extracti32x4_epi32(bytes, 2));
    _mm_storeu_si128(to(3), _mm512_extracti32x4_epi32(bytes, 3));
  }
};

struct WholeAvx512 : Avx512 {
  using Mask = AllChannels;
};

template <typename T>
void requantize_block_avx512(const RequantizeBlock& block) {
  std::int64_t i = 0;
  for (; i + Avx512::kChannels <= block.channels; i += Avx512::kChannels) {
    requantize<WholeAvx512, T>(block, i, {});
  }
  if (i == block.channels) return;
  requantize<Avx512, T>(block, i, static_cast<__mmask16>(first_lanes(block.channels - i, 16)));
}

}  // namespace

const RequantizeKernel requantize_avx512{.name = "requantize_i64_avx512",
                                         .isa = Isa::Avx512,
                                         .to_codes = &requantize_block_avx512<std::uint8_t>,
                                         .to_levels = &requantize_block_avx512<std::int16_t>};

}  // namespace pact::kernels
