// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel with a filter of its own: what lies side by side are channels, so a
// vector holds the same tap of many filters.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

inline constexpr int kDepthwiseColumns = 16;

/// Sums of `count` pixels of kDepthwiseColumns channels:
///   c[pixel][column] = sum over taps t of a[pixel * pixel_stride + taps[t] + column] *
///   b[t][column]
/// Every |sum| must fit 32 bits, and so must that of two products.
struct DepthwiseOperands {
  const std::uint8_t* a;  // kDepthwiseColumns codes are read at every tap
  std::ptrdiff_t pixel_stride;
  const std::ptrdiff_t* taps;  // [2 * pairs]
  std::int64_t pairs;
  const std::int16_t* b;  // packed by `pack_taps`
  std::int32_t* c;        // [count][kDepthwiseColumns], overwritten
  std::int64_t count;
};

struct DepthwiseKernel {
  const char* name;
  Isa isa;
  void (*run)(const DepthwiseOperands&);
};

extern const DepthwiseKernel depthwise_scalar;
extern const DepthwiseKernel depthwise_avx2;
extern const DepthwiseKernel depthwise_avx512;
extern const DepthwiseKernel depthwise_neon;

/// The kernel of `isa`, or of the next slower level that has one.
const DepthwiseKernel& select_depthwise(Isa isa);

constexpr std::int64_t depthwise_pairs(std::int64_t taps) { return (taps + 1) / 2; }

/// Levels [channels][taps] -> [block][pair][column][2], zeros where channels or taps run out.
void pack_taps(const std::int16_t* levels, std::int64_t channels, std::int64_t taps,
               std::int16_t* packed);

}  // namespace pact::kernels
