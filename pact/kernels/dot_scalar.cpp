// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kDotColumns = 8;

template <typename Activation, typename Weight, int kRows>
void dot_scalar(const DotOperands& o) {
  constexpr int kQuad = 4 / sizeof(Weight);
  const auto* b = static_cast<const Weight*>(o.b);
  for (std::int64_t m = 0; m < o.count; ++m) {
    std::int32_t sums[kRows][kDotColumns] = {};
    for (std::int64_t segment = 0; segment < o.segments; ++segment) {
      for (std::int64_t quad = 0; quad < o.quads; ++quad, b += kDotColumns * kQuad) {
        for (int row = 0; row < kRows; ++row) {
          const char* at = static_cast<const char*>(o.a) + m * o.a_next + row * o.row_stride +
                           segment * o.segment_stride + quad * 4;
          Activation a[kQuad];
          __builtin_memcpy(a, at, sizeof a);
          for (int i = 0; i < kDotColumns * kQuad; ++i) sums[row][i / kQuad] += a[i % kQuad] * b[i];
        }
      }
    }
    for (int i = 0; i < kRows * kDotColumns; ++i) {
      o.c[m * o.c_next + i] = sums[i / kDotColumns][i % kDotColumns];
    }
  }
}

template <typename A, typename W>
constexpr DotFunction kScalarRows[] = {&dot_scalar<A, W, 1>, &dot_scalar<A, W, 2>,
                                       &dot_scalar<A, W, 3>, &dot_scalar<A, W, 4>};
constexpr DotKernel kScalarDots[] = {{.name = "dot_u8_s8_i32_4x8x4_scalar",
                                      .isa = Isa::Scalar,
                                      .operand = DotOperand::Bytes,
                                      .columns = kDotColumns,
                                      .max_rows = 4,
                                      .products_in_16_bits = 0,
                                      .run = kScalarRows<std::uint8_t, std::int8_t>},
                                     {.name = "dot_i16_i16_i32_4x8x2_scalar",
                                      .isa = Isa::Scalar,
                                      .operand = DotOperand::Words,
                                      .columns = kDotColumns,
                                      .max_rows = 4,
                                      .products_in_16_bits = 0,
                                      .run = kScalarRows<std::int16_t, std::int16_t>}};

}  // namespace

const DotKernelTable dot_kernels_scalar{kScalarDots, sizeof kScalarDots / sizeof kScalarDots[0]};

}  // namespace pact::kernels
