// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kDotColumns = 8;

template <int kRows>
void dot_scalar(const DotOperands& o) {
  std::int32_t sums[kRows][kDotColumns] = {};
  const std::int8_t* b = o.b;
  for (std::int64_t segment = 0; segment < o.segments; ++segment) {
    for (std::int64_t quad = 0; quad < o.quads; ++quad, b += kDotColumns * 4) {
      for (int row = 0; row < kRows; ++row) {
        const std::uint8_t* a = o.a + row * o.row_stride + segment * o.segment_stride + quad * 4;
        for (int i = 0; i < kDotColumns * 4; ++i) sums[row][i / 4] += a[i % 4] * b[i];
      }
    }
  }
  for (int i = 0; i < kRows * kDotColumns; ++i) o.c[i] = sums[i / kDotColumns][i % kDotColumns];
}

constexpr DotFunction kScalarRows[] = {&dot_scalar<1>, &dot_scalar<2>, &dot_scalar<3>,
                                       &dot_scalar<4>};
constexpr DotKernel kScalarDots[] = {{.name = "dot_u8_s8_i32_4x8x4_scalar",
                                      .isa = Isa::Scalar,
                                      .columns = kDotColumns,
                                      .max_rows = 4,
                                      .products_in_16_bits = 0,
                                      .run = kScalarRows}};

}  // namespace

const DotKernelTable dot_kernels_scalar{kScalarDots, sizeof kScalarDots / sizeof kScalarDots[0]};

}  // namespace pact::kernels
