// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/unpack.h"

namespace pact::kernels {
namespace {

void unpack(const UnpackOperands& o) {
  const __m512i levels =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(o.levels)));
  const std::uint8_t* packed = o.packed;
  std::int8_t* target = o.target;
  // The same bytes in every part, each shifted to its codes.
  const auto store = [&](__m512i bytes, __m512i shifts, __m512i mask) {
    const __m512i codes = _mm512_and_si512(_mm512_srlv_epi64(bytes, shifts), mask);
    _mm512_storeu_si512(target, _mm512_shuffle_epi8(levels, codes));
    target += kUnpackedBytes;
  };
  if (o.bits == 4) {
    const __m512i shifts = _mm512_set_epi64(4, 4, 4, 4, 0, 0, 0, 0);
    const __m512i mask = _mm512_set1_epi8(15);
    for (std::int64_t group = 0; group < o.groups; ++group, packed += 32) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
      store(_mm512_broadcast_i64x4(bytes), shifts, mask);
    }
    return;
  }
  const __m512i shifts = _mm512_set_epi64(6, 6, 4, 4, 2, 2, 0, 0);
  const __m512i mask = _mm512_set1_epi8(3);
  for (std::int64_t group = 0; group < o.groups; ++group, packed += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed));
    store(_mm512_broadcast_i32x4(bytes), shifts, mask);
  }
}

}  // namespace

const UnpackKernel unpack_avx512{.name = "unpack_s8_avx512", .isa = Isa::Avx512, .run = &unpack};

}  // namespace pact::kernels
