// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {
namespace {

struct Sixteen {
  using Vector = __m128i;
  static constexpr int kBytes = 16;

  static Vector load(const std::uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static Vector larger(Vector a, Vector b) { return _mm_max_epu8(a, b); }
  static void store(std::uint8_t* to, Vector value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
  }
};

struct Avx2 {
  using Vector = __m256i;
  static constexpr int kBytes = 32;

  static Vector load(const std::uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static Vector larger(Vector a, Vector b) { return _mm256_max_epu8(a, b); }
  static void store(std::uint8_t* to, Vector value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
  }
};

}  // namespace

const MaximumKernel maximum_avx2{
    .name = "maximum_u8_avx2", .isa = Isa::Avx2, .run = &maximum<Avx2, Sixteen, Byte>};

}  // namespace pact::kernels
