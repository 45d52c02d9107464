// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/requantize_channel.h"
#include "pact/kernels/requantize_floats.h"

namespace pact::kernels {
namespace {

struct Avx2 {
  using Vector = __m256i;
  struct Mask {};  // whole vectors; the scalar kernel does the rest
  static constexpr std::int64_t kChannels = 8;

  static Vector load(const std::int32_t* values, Mask) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
  }
  static Vector load(const std::uint8_t* values, Mask) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
  }
  static Vector load(const std::int16_t* values, Mask) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  }
  static Vector load_offsets(const std::int64_t* offsets, std::int64_t) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offsets));
  }
  // Elements 1, 3, .. in the places of 0, 2, ..
  static Vector odd_elements(Vector values) {
    return _mm256_castps_si256(_mm256_movehdup_ps(_mm256_castsi256_ps(values)));
  }
  static Vector high_halves(Vector even, Vector odd) { return interleave(odd_elements(even), odd); }
  // Packing interleaves the halves of both.
  static Vector pack(Vector first, Vector second) {
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xD8);
  }
  static Vector clamp(Vector words, Vector lowest, Vector highest) {
    return _mm256_min_epi16(_mm256_max_epi16(words, lowest), highest);
  }
  static void store_halves(std::uint8_t* low, std::uint8_t* high, __m128i bytes) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(low), bytes);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(high), _mm_unpackhi_epi64(bytes, bytes));
  }
  static void store(std::uint8_t* first, std::uint8_t* second, Vector words, Mask) {
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    store_halves(first, second, bytes);
  }
  static void store(std::int16_t* first, std::int16_t* second, Vector words, Mask) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(first), _mm256_castsi256_si128(words));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(second), _mm256_extracti128_si256(words, 1));
  }
  static Vector interleave(Vector even, Vector odd) { return _mm256_blend_epi32(even, odd, 0xAA); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_epi32(a, b); }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi64(a, b); }
  static Vector shift_right(Vector a, Vector by) { return _mm256_srlv_epi64(a, by); }
  static Vector shift_left(Vector a, Vector by) { return _mm256_sllv_epi64(a, by); }
  static Vector spread16(std::int32_t value) {
    return _mm256_set1_epi16(static_cast<std::int16_t>(value));
  }
  static Vector spread64(std::int64_t value) { return _mm256_set1_epi64x(value); }

  using Floats = __m256;
  static Floats load_floats(const float* values, Mask, float) { return _mm256_loadu_ps(values); }
  static Floats to_floats(Vector values) { return _mm256_cvtepi32_ps(values); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector spread8(std::int32_t value) { return _mm256_set1_epi8(static_cast<char>(value)); }
  // Rounded down and saturated to 1 .. 65535; halves of both in turn.
  static Vector sure_words(Floats first, Floats second) {
    const Vector words =
        _mm256_packus_epi32(_mm256_cvttps_epi32(first), _mm256_cvttps_epi32(second));
    return _mm256_max_epu16(words, _mm256_set1_epi16(1));
  }
  static bool any_zero(Vector first, Vector second, Vector bits) {
    const Vector least =
        _mm256_min_epu16(_mm256_and_si256(first, bits), _mm256_and_si256(second, bits));
    return _mm256_movemask_epi8(_mm256_cmpeq_epi16(least, _mm256_setzero_si256())) != 0;
  }
  // The channels of four pixels, one after the other.
  static Vector shifted_bytes(Vector first, Vector second, int by) {
    const __m128i shift = _mm_cvtsi32_si128(by);
    const Vector bytes =
        _mm256_packus_epi16(_mm256_srl_epi16(first, shift), _mm256_srl_epi16(second, shift));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0));
  }
  static Vector min8(Vector a, Vector b) { return _mm256_min_epu8(a, b); }
  static void store(std::uint8_t* target, const std::ptrdiff_t (&at)[4], Vector bytes, Mask) {
    const __m128i low = _mm256_castsi256_si128(bytes);
    const __m128i high = _mm256_extracti128_si256(bytes, 1);
    store_halves(target, target + at[1], low);
    store_halves(target + at[2], target + at[3], high);
  }
};

template <typename T>
void requantize_block_avx2(const RequantizeBlock& block) {
  std::int64_t i = 0;
  for (; i + Avx2::kChannels <= block.channels; i += Avx2::kChannels) {
    requantize<Avx2, T>(block, i, {});
  }
  requantize_channels<T>(block, i);
}

}  // namespace

const RequantizeKernel requantize_avx2{.name = "requantize_i64_avx2",
                                       .isa = Isa::Avx2,
                                       .to_codes = &requantize_block_avx2<std::uint8_t>,
                                       .to_levels = &requantize_block_avx2<std::int16_t>};

}  // namespace pact::kernels
