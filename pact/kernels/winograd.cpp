// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd.h"

#include <vector>

#include "pact/kernels/select.h"

namespace pact::kernels {

const WinogradKernel& select_winograd(Isa isa) {
  static constexpr const WinogradKernel* kKernels[] = {
    &winograd_scalar,
#if defined(__x86_64__)
    &winograd_avx2,
    &winograd_avx512
#elif defined(__aarch64__)
    &winograd_neon
#endif
  };
  return select_kernel(kKernels, isa);
}

namespace {

// 2 G g of `count` columns side by side: three rows -> four.
void transform_rows(const std::int16_t* rows, std::int64_t count, std::int16_t* result) {
  for (std::int64_t i = 0; i < count; ++i) {
    const int g0 = rows[i];
    const int g1 = rows[count + i];
    const int g2 = rows[2 * count + i];
    result[i] = static_cast<std::int16_t>(2 * g0);
    result[count + i] = static_cast<std::int16_t>(g0 + g1 + g2);
    result[2 * count + i] = static_cast<std::int16_t>(g0 - g1 + g2);
    result[3 * count + i] = static_cast<std::int16_t>(2 * g2);
  }
}

}  // namespace

void transform_winograd_filters(const std::int16_t* levels, std::int64_t channels,
                                std::int16_t* components) {
  std::vector<std::int16_t> rows(static_cast<std::size_t>(4 * 3 * channels));
  transform_rows(levels, 3 * channels, rows.data());
  for (int y = 0; y < 4; ++y) {
    transform_rows(rows.data() + y * 3 * channels, channels, components + y * 4 * channels);
  }
}

void transform_winograd_products(const std::int64_t* products, std::int64_t* outputs) {
  constexpr int kA[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
  for (int o = 0; o < kWinogradOutputs; ++o) {
    std::int64_t sum = 0;
    for (int i = 0; i < kWinogradComponents; ++i) {
      sum += kA[o / 2][i / 4] * kA[o % 2][i % 4] * products[i];
    }
    outputs[o] = sum / 4;
  }
}

}  // namespace pact::kernels
