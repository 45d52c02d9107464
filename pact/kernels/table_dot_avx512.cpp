// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "pact/kernels/table_dot_vectors.h"

namespace pact::kernels {
namespace {

struct TableAvx512 {
  using Vector = __m512i;
  static constexpr int kBytes = 64;

  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector load(const std::uint8_t* b) { return _mm512_loadu_si512(b); }
  static Vector table(const std::uint8_t* entries) {
    return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(entries)));
  }
  static Vector look_up(Vector table, Vector nibbles) {
    return _mm512_shuffle_epi8(table, nibbles);
  }
  static Vector low_nibbles(Vector bytes) { return _mm512_and_si512(bytes, _mm512_set1_epi8(15)); }
  static Vector high_nibbles(Vector bytes) { return low_nibbles(_mm512_srli_epi16(bytes, 4)); }
  static Vector even_bytes(Vector bytes) { return _mm512_and_si512(bytes, _mm512_set1_epi16(255)); }
  static Vector odd_bytes(Vector bytes) { return _mm512_srli_epi16(bytes, 8); }
  static Vector add8(Vector a, Vector b) { return _mm512_add_epi8(a, b); }
  static Vector add16(Vector a, Vector b) { return _mm512_add_epi16(a, b); }
  static void add_to(std::int32_t* c, Vector words) {
    add_half(c, _mm512_castsi512_si256(words));
    add_half(c + 16, _mm512_extracti64x4_epi64(words, 1));
  }

 private:
  static void add_half(std::int32_t* c, __m256i words) {
    _mm512_storeu_si512(c, _mm512_add_epi32(_mm512_loadu_si512(c), _mm512_cvtepu16_epi32(words)));
  }
};

}  // namespace

const TableDotKernel table_dot_avx512{.name = "table_dot_u2_u2_i32_4x128_avx512",
                                      .isa = Isa::Avx512,
                                      .columns = 128,
                                      .vector_columns = TableAvx512::kBytes,
                                      .max_rows = kMostTableRows,
                                      .run = kTableDots<TableAvx512, 2>};

}  // namespace pact::kernels
