// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>

#include "pact/kernels/packed_dot_vectors.h"

namespace pact::kernels {
namespace {

// Products of signed bytes alone: 128 is taken from each code, and what a sum lacks then is added.
struct PackedNeon {
  using Vector = int32x4_t;
  static constexpr int kLanes = 4;

  static Vector zero() { return vdupq_n_s32(0); }
  static Vector spread(int quad) {
    return veorq_s32(vdupq_n_s32(quad), vreinterpretq_s32_u8(vdupq_n_u8(128)));
  }
  static Vector load(const std::uint8_t* b) { return vreinterpretq_s32_u8(vld1q_u8(b)); }
  static Vector table(const std::int8_t* levels) { return vreinterpretq_s32_s8(vld1q_s8(levels)); }
  template <int kBits>
  static Vector look_up(Vector levels, Vector bytes, int shift) {
    const uint8x16_t shifted =
        vshlq_u8(vreinterpretq_u8_s32(bytes), vdupq_n_s8(static_cast<std::int8_t>(-shift)));
    const uint8x16_t fields = vandq_u8(shifted, vdupq_n_u8((1 << kBits) - 1));
    return vreinterpretq_s32_s8(vqtbl1q_s8(vreinterpretq_s8_s32(levels), fields));
  }
  static Vector add_products(Vector sum, Vector codes, Vector weights) {
    const int8x16_t bytes = vreinterpretq_s8_s32(weights);
    const int32x4_t lacking = vdotq_s32(zero(), bytes, vdupq_n_s8(-128));
    return vsubq_s32(vdotq_s32(sum, bytes, vreinterpretq_s8_s32(codes)), lacking);
  }
  static Vector add(Vector a, Vector b) { return vaddq_s32(a, b); }
  static void store(std::int32_t* c, Vector sums) { vst1q_s32(c, sums); }
};

constexpr PackedDotKernel kNeonPackedDots[] = {
    packed_dot_kernel<PackedNeon, 2>("packed_dot_u8_s2_i32_1x16_neondot", Isa::NeonDot),
    packed_dot_kernel<PackedNeon, 4>("packed_dot_u8_s4_i32_1x16_neondot", Isa::NeonDot)};

}  // namespace

const PackedDotKernelTable packed_dot_kernels_neon{
    kNeonPackedDots, sizeof kNeonPackedDots / sizeof kNeonPackedDots[0]};

}  // namespace pact::kernels
