// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/depthwise.h"

namespace pact::kernels {
namespace {

void run_depthwise_scalar(const DepthwiseOperands& o) {
  const std::uint8_t* a = o.a;
  std::int32_t* c = o.c;
  for (std::int64_t pixel = 0; pixel < o.count; ++pixel) {
    for (int i = 0; i < kDepthwiseColumns; ++i) c[i] = 0;
    const std::int16_t* b = o.b;
    for (std::int64_t tap = 0; tap < 2 * o.pairs; tap += 2, b += 2 * kDepthwiseColumns) {
      const std::uint8_t* first = a + o.taps[tap];
      const std::uint8_t* second = a + o.taps[tap + 1];
      for (int i = 0; i < kDepthwiseColumns; ++i) {
        c[i] += first[i] * b[2 * i] + second[i] * b[2 * i + 1];
      }
    }
    a += o.pixel_stride;
    c += kDepthwiseColumns;
  }
}

}  // namespace

const DepthwiseKernel depthwise_scalar{
    .name = "depthwise_u8_i16_i32_1x16_scalar", .isa = Isa::Scalar, .run = &run_depthwise_scalar};

}  // namespace pact::kernels
