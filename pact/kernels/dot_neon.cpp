// SPDX-License-Identifier: Apache-2.0
// sdot: four products of signed bytes added to a 32-bit sum. Codes above 127 are no signed bytes,
// so 128 is taken from each; what the sums lack then, 128 times the sum of their weights, is
// counted on the way and added at the end.
#include <arm_neon.h>

#include <utility>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kLanes = 4;
constexpr int kVectors = 2;
constexpr int kMaxRows = 8;  // 16 sums, 8 rows of activations, 2 weights and their 2 sums
constexpr std::int64_t kQuadsInVector = 4;
constexpr std::ptrdiff_t kQuadBytes = 4 * kLanes * kVectors;

template <int kRows>
struct Sums {
  int32x4_t rows[kRows][kVectors];
  int32x4_t lacking[kVectors];  // -128 times the weights

  Sums() {
    for (auto& row : rows) {
      for (int32x4_t& sum : row) sum = vdupq_n_s32(0);
    }
    for (int32x4_t& sum : lacking) sum = vdupq_n_s32(0);
  }

  template <int kQuad>
  void add_quad(const int8x16_t (&activations)[kRows], const std::int8_t* b) {
    for (int v = 0; v < kVectors; ++v) {
      const int8x16_t weights = vld1q_s8(b + kQuad * kQuadBytes + v * 16);
      lacking[v] = vdotq_s32(lacking[v], weights, vdupq_n_s8(-128));
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        rows[row][v] = vdotq_laneq_s32(rows[row][v], weights, activations[row], kQuad);
      }
    }
  }
  static int8x16_t less_128(uint8x16_t codes) {
    return vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(128)));
  }
  void add_segment(const std::uint8_t* a, std::ptrdiff_t row_stride, const std::int8_t* b,
                   std::int64_t quads) {
    int8x16_t activations[kRows];
    for (; quads >= kQuadsInVector; quads -= kQuadsInVector) {
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        activations[row] = less_128(vld1q_u8(a + row * row_stride));
      }
      add_quad<0>(activations, b);
      add_quad<1>(activations, b);
      add_quad<2>(activations, b);
      add_quad<3>(activations, b);
      a += 4 * kQuadsInVector;
      b += kQuadBytes * kQuadsInVector;
    }
    for (; quads > 0; --quads, a += 4, b += kQuadBytes) {
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        std::uint32_t quad;
        __builtin_memcpy(&quad, a + row * row_stride, sizeof quad);
        activations[row] = less_128(vreinterpretq_u8_u32(vdupq_n_u32(quad)));
      }
      add_quad<0>(activations, b);
    }
  }
  void store(std::int32_t* c) const {
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) {
        vst1q_s32(c + (row * kVectors + v) * kLanes, vsubq_s32(rows[row][v], lacking[v]));
      }
    }
  }
};

template <int kRows>
void dot_neon(const DotOperands& o) {
  const auto* a = static_cast<const std::uint8_t*>(o.a);
  const auto* b = static_cast<const std::int8_t*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    Sums<kRows> sums;
    for (std::int64_t segment = 0; segment < o.segments; ++segment, b += o.quads * kQuadBytes) {
      sums.add_segment(a + segment * o.segment_stride, o.row_stride, b, o.quads);
    }
    sums.store(c);
  }
}

// Words: two products a column, side by side.
inline int32x4_t add_words(int32x4_t sums, int16x8_t activations, int16x8_t weights) {
  const int32x4_t first = vmull_s16(vget_low_s16(activations), vget_low_s16(weights));
  const int32x4_t second = vmull_high_s16(activations, weights);
  return vaddq_s32(sums, vpaddq_s32(first, second));
}

template <int kRows>
void dot_words_neon(const DotOperands& o) {
  const auto* a = static_cast<const char*>(o.a);
  const auto* b = static_cast<const std::int16_t*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    int32x4_t sums[kRows][kVectors] = {};
    for (std::int64_t segment = 0; segment < o.segments; ++segment) {
      for (std::int64_t quad = 0; quad < o.quads; ++quad, b += 8 * kVectors) {
#pragma GCC unroll 8
        for (int row = 0; row < kRows; ++row) {
          std::int32_t words;
          __builtin_memcpy(&words, a + row * o.row_stride + segment * o.segment_stride + 4 * quad,
                           sizeof words);
          const int16x8_t activations = vreinterpretq_s16_s32(vdupq_n_s32(words));
          for (int v = 0; v < kVectors; ++v) {
            sums[row][v] = add_words(sums[row][v], activations, vld1q_s16(b + 8 * v));
          }
        }
      }
    }
    for (int i = 0; i < kRows * kVectors; ++i) {
      vst1q_s32(c + i * kLanes, sums[i / kVectors][i % kVectors]);
    }
  }
}

struct RowTable {
  DotFunction run[kMaxRows];
};
template <int... kRow>
constexpr RowTable rows_on_bytes(std::integer_sequence<int, kRow...>) {
  return {{&dot_neon<kRow + 1>...}};
}
template <int... kRow>
constexpr RowTable rows_on_words(std::integer_sequence<int, kRow...>) {
  return {{&dot_words_neon<kRow + 1>...}};
}
constexpr auto kEachRow = std::make_integer_sequence<int, kMaxRows>();
constexpr RowTable kRowsOnBytes = rows_on_bytes(kEachRow);
constexpr RowTable kRowsOnWords = rows_on_words(kEachRow);

constexpr DotKernel neon_kernel(const char* name, DotOperand operand, const RowTable& rows) {
  return {.name = name,
          .isa = Isa::NeonDot,
          .operand = operand,
          .columns = kLanes * kVectors,
          .max_rows = kMaxRows,
          .products_in_16_bits = 0,
          .run = rows.run};
}

constexpr DotKernel kNeonDots[] = {
    neon_kernel("dot_u8_s8_i32_8x8x4_neondot", DotOperand::Bytes, kRowsOnBytes),
    neon_kernel("dot_i16_i16_i32_8x8x2_neondot", DotOperand::Words, kRowsOnWords)};

}  // namespace

const DotKernelTable dot_kernels_neon{kNeonDots, sizeof kNeonDots / sizeof kNeonDots[0]};

}  // namespace pact::kernels
