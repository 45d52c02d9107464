// SPDX-License-Identifier: Apache-2.0
// Unpacking with AVX2, for kernels that are compiled for at least that. Anonymous on purpose: every
// including file has its own copy.
#pragma once

#include <immintrin.h>

#include "pact/kernels/unpack.h"

namespace pact::kernels {
namespace {

// Unpacks groups of its operands in turn.
template <int kBits>
class YmmUnpacker {
 public:
  explicit YmmUnpacker(const UnpackOperands& o)
      : packed_(o.packed),
        levels_(_mm256_broadcastsi128_si256(
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(o.levels)))),
        target_(o.target) {}

  void run(std::int64_t groups) {
    for (std::int64_t group = 0; group < groups; ++group) run<1>();
  }
  template <int kGroups>
  void run() {
    for (int group = 0; group < kGroups; ++group) unpack_group();
  }

 private:
  void unpack_group() {
    if constexpr (kBits == 4) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed_));
      const __m256i mask = _mm256_set1_epi8(15);
      store_half(bytes, _mm256_setzero_si256(), mask);
      store_half(bytes, _mm256_set1_epi64x(4), mask);
    } else {
      const __m256i bytes =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed_)));
      const __m256i mask = _mm256_set1_epi8(3);
      store_half(bytes, _mm256_set_epi64x(2, 2, 0, 0), mask);
      store_half(bytes, _mm256_set_epi64x(6, 6, 4, 4), mask);
    }
    packed_ += packed_group_bytes(kBits);
  }
  // The codes that lie `shifts` bits up.
  void store_half(__m256i packed, __m256i shifts, __m256i mask) {
    const __m256i codes = _mm256_and_si256(_mm256_srlv_epi64(packed, shifts), mask);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target_), _mm256_shuffle_epi8(levels_, codes));
    target_ += kUnpackedBytes / 2;
  }

  const std::uint8_t* packed_;
  __m256i levels_;
  std::int8_t* target_;
};

}  // namespace
}  // namespace pact::kernels
