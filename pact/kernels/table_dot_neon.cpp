// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>

#include "pact/kernels/table_dot_vectors.h"

namespace pact::kernels {
namespace {

struct TableNeon {
  using Vector = uint8x16_t;
  static constexpr int kBytes = 16;

  static Vector zero() { return vdupq_n_u8(0); }
  static Vector load(const std::uint8_t* b) { return vld1q_u8(b); }
  static Vector table(const std::uint8_t* entries) { return vld1q_u8(entries); }
  static Vector look_up(Vector table, Vector nibbles) { return vqtbl1q_u8(table, nibbles); }
  static Vector low_nibbles(Vector bytes) { return vandq_u8(bytes, vdupq_n_u8(15)); }
  static Vector high_nibbles(Vector bytes) { return vshrq_n_u8(bytes, 4); }
  static Vector even_bytes(Vector bytes) { return vandq_u8(bytes, of_words(vdupq_n_u16(255))); }
  static Vector odd_bytes(Vector bytes) { return of_words(vshrq_n_u16(words_of(bytes), 8)); }
  static Vector add8(Vector a, Vector b) { return vaddq_u8(a, b); }
  static Vector add16(Vector a, Vector b) { return of_words(vaddq_u16(words_of(a), words_of(b))); }
  static void add_to(std::int32_t* c, Vector words) {
    add_four(c, vget_low_u16(words_of(words)));
    add_four(c + 4, vget_high_u16(words_of(words)));
  }

 private:
  static uint16x8_t words_of(Vector bytes) { return vreinterpretq_u16_u8(bytes); }
  static Vector of_words(uint16x8_t words) { return vreinterpretq_u8_u16(words); }
  static void add_four(std::int32_t* c, uint16x4_t words) {
    vst1q_s32(c, vaddq_s32(vld1q_s32(c), vreinterpretq_s32_u32(vmovl_u16(words))));
  }
};

}  // namespace

const TableDotKernel table_dot_neon{.name = "table_dot_u2_u2_i32_4x32_neondot",
                                    .isa = Isa::NeonDot,
                                    .columns = 32,
                                    .vector_columns = TableNeon::kBytes,
                                    .max_rows = kMostTableRows,
                                    .run = kTableDots<TableNeon, 2>};

}  // namespace pact::kernels
