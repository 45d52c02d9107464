// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/packed_dot_vectors.h"

namespace pact::kernels {
namespace {

struct PackedAvx2 {
  using Vector = __m256i;
  static constexpr int kLanes = 8;

  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector spread(int quad) { return _mm256_set1_epi32(quad); }
  static Vector load(const std::uint8_t* b) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
  }
  static Vector table(const std::int8_t* levels) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  }
  template <int kBits>
  static Vector look_up(Vector levels, Vector bytes, int shift) {
    const Vector fields =
        _mm256_and_si256(_mm256_srli_epi32(bytes, shift), _mm256_set1_epi8((1 << kBits) - 1));
    return _mm256_shuffle_epi8(levels, fields);
  }
  // Two products of a byte and a level fit 16 bits.
  static Vector add_products(Vector sum, Vector codes, Vector weights) {
    const Vector pairs = _mm256_maddubs_epi16(codes, weights);
    return add(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  static void store(std::int32_t* c, Vector sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(c), sums);
  }
};

constexpr PackedDotKernel kAvx2PackedDots[] = {
    packed_dot_kernel<PackedAvx2, 2>("packed_dot_u8_s2_i32_1x32_avx2", Isa::Avx2),
    packed_dot_kernel<PackedAvx2, 4>("packed_dot_u8_s4_i32_1x32_avx2", Isa::Avx2)};

}  // namespace

const PackedDotKernelTable packed_dot_kernels_avx2{
    kAvx2PackedDots, sizeof kAvx2PackedDots / sizeof kAvx2PackedDots[0]};

}  // namespace pact::kernels
