// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/table_dot_vectors.h"

namespace pact::kernels {
namespace {

struct TableAvx2 {
  using Vector = __m256i;
  static constexpr int kBytes = 32;

  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector load(const std::uint8_t* b) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
  }
  static Vector table(const std::uint8_t* entries) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(entries)));
  }
  static Vector look_up(Vector table, Vector nibbles) {
    return _mm256_shuffle_epi8(table, nibbles);
  }
  static Vector low_nibbles(Vector bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(15)); }
  static Vector high_nibbles(Vector bytes) { return low_nibbles(_mm256_srli_epi16(bytes, 4)); }
  static Vector even_bytes(Vector bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi16(255)); }
  static Vector odd_bytes(Vector bytes) { return _mm256_srli_epi16(bytes, 8); }
  static Vector add8(Vector a, Vector b) { return _mm256_add_epi8(a, b); }
  static Vector add16(Vector a, Vector b) { return _mm256_add_epi16(a, b); }
  static void add_to(std::int32_t* c, Vector words) {
    add_half(c, _mm256_castsi256_si128(words));
    add_half(c + 8, _mm256_extracti128_si256(words, 1));
  }

 private:
  static void add_half(std::int32_t* c, __m128i words) {
    auto* target = reinterpret_cast<__m256i*>(c);
    _mm256_storeu_si256(target,
                        _mm256_add_epi32(_mm256_loadu_si256(target), _mm256_cvtepu16_epi32(words)));
  }
};

}  // namespace

const TableDotKernel table_dot_avx2{.name = "table_dot_u2_u2_i32_4x64_avx2",
                                    .isa = Isa::Avx2,
                                    .columns = 64,
                                    .vector_columns = TableAvx2::kBytes,
                                    .max_rows = kMostTableRows,
                                    .run = kTableDots<TableAvx2, 2>};

}  // namespace pact::kernels
