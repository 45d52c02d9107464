// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/packed_dot_vectors.h"

namespace pact::kernels {
namespace {

struct PackedVnni {
  using Vector = __m512i;
  static constexpr int kLanes = 16;

  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector spread(int quad) { return _mm512_set1_epi32(quad); }
  static Vector load(const std::uint8_t* b) { return _mm512_loadu_si512(b); }
  static Vector table(const std::int8_t* levels) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  }
  template <int kBits>
  static Vector look_up(Vector levels, Vector bytes, int shift) {
    const Vector fields = _mm512_and_si512(_mm512_srli_epi32(bytes, static_cast<unsigned>(shift)),
                                           _mm512_set1_epi8((1 << kBits) - 1));
    return _mm512_shuffle_epi8(levels, fields);
  }
  static Vector add_products(Vector sum, Vector codes, Vector weights) {
    return _mm512_dpbusd_epi32(sum, codes, weights);
  }
  static Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
  static void store(std::int32_t* c, Vector sums) { _mm512_storeu_si512(c, sums); }
};

constexpr PackedDotKernel kVnniPackedDots[] = {
    packed_dot_kernel<PackedVnni, 2>("packed_dot_u8_s2_i32_1x64_avx512vnni", Isa::Avx512Vnni),
    packed_dot_kernel<PackedVnni, 4>("packed_dot_u8_s4_i32_1x64_avx512vnni", Isa::Avx512Vnni)};

}  // namespace

const PackedDotKernelTable packed_dot_kernels_avx512_vnni{
    kVnniPackedDots, sizeof kVnniPackedDots / sizeof kVnniPackedDots[0]};

}  // namespace pact::kernels
