// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/unpack.h"

namespace pact::kernels {
namespace {

// Half a group: the codes that lie `shifts` bits up.
inline void store_half(__m256i packed, __m256i shifts, __m256i mask, __m256i levels,
                       std::int8_t* target) {
  const __m256i codes = _mm256_and_si256(_mm256_srlv_epi64(packed, shifts), mask);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), _mm256_shuffle_epi8(levels, codes));
}

void unpack(const UnpackOperands& o) {
  const __m256i levels =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(o.levels)));
  const std::uint8_t* packed = o.packed;
  std::int8_t* target = o.target;
  if (o.bits == 4) {
    const __m256i mask = _mm256_set1_epi8(15);
    for (std::int64_t group = 0; group < o.groups; ++group, packed += 32, target += 64) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
      store_half(bytes, _mm256_setzero_si256(), mask, levels, target);
      store_half(bytes, _mm256_set1_epi64x(4), mask, levels, target + 32);
    }
    return;
  }
  const __m256i mask = _mm256_set1_epi8(3);
  const __m256i first = _mm256_set_epi64x(2, 2, 0, 0);
  const __m256i second = _mm256_set_epi64x(6, 6, 4, 4);
  for (std::int64_t group = 0; group < o.groups; ++group, packed += 16, target += 64) {
    const __m256i bytes =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)));
    store_half(bytes, first, mask, levels, target);
    store_half(bytes, second, mask, levels, target + 32);
  }
}

}  // namespace

const UnpackKernel unpack_avx2{.name = "unpack_s8_avx2", .isa = Isa::Avx2, .run = &unpack};

}  // namespace pact::kernels
