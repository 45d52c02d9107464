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

struct Avx512 {
  using Vector = __m512i;
  static constexpr int kBytes = 64;

  static Vector load(const std::uint8_t* from) { return _mm512_loadu_si512(from); }
  static Vector larger(Vector a, Vector b) { return _mm512_max_epu8(a, b); }
  static void store(std::uint8_t* to, Vector value) { _mm512_storeu_si512(to, value); }
};

}  // namespace

const MaximumKernel maximum_avx512{
    .name = "maximum_u8_avx512", .isa = Isa::Avx512, .run = &maximum<Avx512, Sixteen, Byte>};

}  // namespace pact::kernels
