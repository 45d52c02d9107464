// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/depthwise.h"

#include <algorithm>

#include "pact/kernels/select.h"

namespace pact::kernels {

const DepthwiseKernel& select_depthwise(Isa isa) {
  static constexpr const DepthwiseKernel* kKernels[] = {
    &depthwise_scalar,
#if defined(__x86_64__)
    &depthwise_avx2,
    &depthwise_avx512
#elif defined(__aarch64__)
    &depthwise_neon
#endif
  };
  return select_kernel(kKernels, isa);
}

void pack_taps(const std::int16_t* levels, std::int64_t channels, std::int64_t taps,
               std::int16_t* packed) {
  const std::int64_t block_size = depthwise_pairs(taps) * kDepthwiseColumns * 2;
  const std::int64_t blocks = (channels + kDepthwiseColumns - 1) / kDepthwiseColumns;
  std::fill_n(packed, blocks * block_size, std::int16_t{0});
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    std::int16_t* column =
        packed + channel / kDepthwiseColumns * block_size + channel % kDepthwiseColumns * 2;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      column[tap / 2 * kDepthwiseColumns * 2 + tap % 2] = levels[channel * taps + tap];
    }
  }
}

}  // namespace pact::kernels
