// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>

#include "pact/kernels/depthwise_vectors.h"

namespace pact::kernels {
namespace {

struct DepthwiseNeon {
  using Vector = int32x4_t;
  static constexpr int kLanes = 4;

  static Vector zero() { return vdupq_n_s32(0); }
  static Vector load_pairs(const std::int16_t* b) { return vreinterpretq_s32_s16(vld1q_s16(b)); }
  static uint8x8_t load_four(const std::uint8_t* a) {
    std::uint32_t four;
    __builtin_memcpy(&four, a, sizeof four);
    return vcreate_u8(four);
  }
  static Vector add_products(Vector sum, const std::uint8_t* first, const std::uint8_t* second,
                             Vector weights) {
    const int16x8_t codes =
        vreinterpretq_s16_u16(vmovl_u8(vzip1_u8(load_four(first), load_four(second))));
    const int16x8_t pairs = vreinterpretq_s16_s32(weights);
    const int32x4_t low = vmull_s16(vget_low_s16(codes), vget_low_s16(pairs));
    return vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(codes, pairs)));
  }
  static void store(std::int32_t* c, Vector sums) { vst1q_s32(c, sums); }
};

}  // namespace

const DepthwiseKernel depthwise_neon{.name = "depthwise_u8_i16_i32_1x16_neondot",
                                     .isa = Isa::NeonDot,
                                     .run = &run_depthwise<DepthwiseNeon>};

}  // namespace pact::kernels
