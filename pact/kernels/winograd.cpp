// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd.h"

namespace pact::kernels {

const WinogradKernel& select_winograd(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::Avx512Vnni:
    case Isa::Avx512:
      return winograd_avx512;
    case Isa::Avx2:
      return winograd_avx2;
#endif
    default:
      return winograd_scalar;
  }
}

void transform_winograd_filter(const std::int16_t* filter, std::int32_t* components) {
  constexpr int kTwiceG[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  for (int i = 0; i < kWinogradComponents; ++i) {
    components[i] = 0;
    for (int k = 0; k < 9; ++k) {
      components[i] += kTwiceG[i / 4][k / 3] * kTwiceG[i % 4][k % 3] * filter[k];
    }
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
