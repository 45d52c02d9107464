// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/gemm.h"

namespace pact::kernels {
namespace {

constexpr int kRows = 2;
constexpr int kColumns = 8;

void gemm_2x8(const std::int16_t* a, std::ptrdiff_t a_stride, const std::int16_t* b,
              std::int32_t* c, std::ptrdiff_t c_stride, std::int64_t k_pairs) {
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      std::int32_t sum = 0;
      for (std::int64_t k = 0; k < k_pairs; ++k) {
        const std::int16_t* pair = b + (k * kColumns + column) * 2;
        sum += a[row * a_stride + 2 * k] * pair[0] + a[row * a_stride + 2 * k + 1] * pair[1];
      }
      c[row * c_stride + column] = sum;
    }
  }
}

constexpr GemmKernel kKernels[] = {{.name = "gemm_i16_i16_i32_2x8x2_scalar",
                                    .isa = Isa::Scalar,
                                    .rows = kRows,
                                    .columns = kColumns,
                                    .run = &gemm_2x8}};

}  // namespace

const GemmKernelTable gemm_kernels_scalar{kKernels, sizeof kKernels / sizeof kKernels[0]};

}  // namespace pact::kernels
