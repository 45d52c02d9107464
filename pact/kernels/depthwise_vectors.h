// SPDX-License-Identifier: Apache-2.0
// The loop of depthwise.h in vectors, compiled once for each instruction set that includes it.
// Anonymous on purpose: every including file has its own copy.
//
// `Ops` are the instructions: a Vector of kLanes 32-bit elements.
#pragma once

#include "pact/kernels/depthwise.h"

namespace pact::kernels {
namespace {

// kPixels pixels, so that the weights of a pair of taps are read once for all of them.
template <typename Ops, int kPixels>
inline void depthwise_pixels(const DepthwiseOperands& o, const std::uint8_t* a, std::int32_t* c) {
  using Vector = typename Ops::Vector;
  constexpr int kVectors = kDepthwiseColumns / Ops::kLanes;
  Vector sums[kPixels][kVectors];
  for (auto& pixel : sums) {
    for (Vector& sum : pixel) sum = Ops::zero();
  }
  const std::int16_t* b = o.b;
  for (std::int64_t tap = 0; tap < 2 * o.pairs; tap += 2, b += 2 * kDepthwiseColumns) {
    const std::uint8_t* first = a + o.taps[tap];
    const std::uint8_t* second = a + o.taps[tap + 1];
#pragma GCC unroll 4
    for (int pixel = 0; pixel < kPixels; ++pixel) {
      const std::ptrdiff_t offset = pixel * o.pixel_stride;
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const std::ptrdiff_t at = offset + v * Ops::kLanes;
        const Vector weights = Ops::load_pairs(b + v * 2 * Ops::kLanes);
        sums[pixel][v] = Ops::add_products(sums[pixel][v], first + at, second + at, weights);
      }
    }
  }
  for (int pixel = 0; pixel < kPixels; ++pixel) {
    for (int v = 0; v < kVectors; ++v) {
      Ops::store(c + pixel * kDepthwiseColumns + v * Ops::kLanes, sums[pixel][v]);
    }
  }
}

template <typename Ops>
void run_depthwise(const DepthwiseOperands& o) {
  constexpr int kPixels = 4;
  const std::uint8_t* a = o.a;
  std::int32_t* c = o.c;
  std::int64_t left = o.count;
  for (; left >= kPixels; left -= kPixels) {
    depthwise_pixels<Ops, kPixels>(o, a, c);
    a += kPixels * o.pixel_stride;
    c += kPixels * kDepthwiseColumns;
  }
  for (; left > 0; --left) {
    depthwise_pixels<Ops, 1>(o, a, c);
    a += o.pixel_stride;
    c += kDepthwiseColumns;
  }
}

}  // namespace
}  // namespace pact::kernels
