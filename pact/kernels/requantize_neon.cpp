// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>

#include "pact/kernels/requantize_channel.h"
#include "pact/kernels/requantize_floats.h"

namespace pact::kernels {
namespace {

struct Neon {
  using Vector = int32x4_t;
  struct Mask {};  // whole vectors; the scalar kernel does the rest
  static constexpr std::int64_t kChannels = 4;

  static Vector load(const std::int32_t* values, Mask) { return vld1q_s32(values); }
  static Vector load(const std::uint8_t* values, Mask) {
    std::uint32_t four;
    __builtin_memcpy(&four, values, sizeof four);
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four)))));
  }
  static Vector load(const std::int16_t* values, Mask) { return vmovl_s16(vld1_s16(values)); }
  static Vector load_offsets(const std::int64_t* offsets, std::int64_t) {
    return vreinterpretq_s32_s64(vld1q_s64(offsets));
  }
  // Elements 1, 3 in the places of 0, 2.
  static Vector odd_elements(Vector values) { return vrev64q_s32(values); }
  static Vector high_halves(Vector even, Vector odd) { return vtrn2q_s32(even, odd); }
  static Vector pack(Vector first, Vector second) {
    return vreinterpretq_s32_s16(vcombine_s16(vqmovn_s32(first), vqmovn_s32(second)));
  }
  static Vector clamp(Vector words, Vector lowest, Vector highest) {
    const int16x8_t raised = vmaxq_s16(vreinterpretq_s16_s32(words), vreinterpretq_s16_s32(lowest));
    return vreinterpretq_s32_s16(vminq_s16(raised, vreinterpretq_s16_s32(highest)));
  }
  static void store(std::uint8_t* first, std::uint8_t* second, Vector words, Mask) {
    const uint32x2_t bytes = vreinterpret_u32_u8(vqmovun_s16(vreinterpretq_s16_s32(words)));
    store_four(first, vget_lane_u32(bytes, 0));
    store_four(second, vget_lane_u32(bytes, 1));
  }
  static void store(std::int16_t* first, std::int16_t* second, Vector words, Mask) {
    vst1_s16(first, vget_low_s16(vreinterpretq_s16_s32(words)));
    vst1_s16(second, vget_high_s16(vreinterpretq_s16_s32(words)));
  }
  static Vector interleave(Vector even, Vector odd) {
    return vbslq_s32(vreinterpretq_u32_u64(vdupq_n_u64(0xFFFFFFFF)), even, odd);
  }
  static Vector multiply(Vector a, Vector b) {
    return vreinterpretq_s32_s64(
        vmull_s32(vmovn_s64(vreinterpretq_s64_s32(a)), vmovn_s64(vreinterpretq_s64_s32(b))));
  }
  static Vector add(Vector a, Vector b) {
    return vreinterpretq_s32_s64(vaddq_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
  }
  static Vector shift_right(Vector a, Vector by) {
    return shift_left(a, vreinterpretq_s32_s64(vnegq_s64(vreinterpretq_s64_s32(by))));
  }
  static Vector shift_left(Vector a, Vector by) {
    return vreinterpretq_s32_u64(vshlq_u64(vreinterpretq_u64_s32(a), vreinterpretq_s64_s32(by)));
  }
  static Vector spread16(std::int32_t value) {
    return vreinterpretq_s32_s16(vdupq_n_s16(static_cast<std::int16_t>(value)));
  }
  static Vector spread64(std::int64_t value) { return vreinterpretq_s32_s64(vdupq_n_s64(value)); }

  using Floats = float32x4_t;
  static Floats load_floats(const float* values, Mask, float) { return vld1q_f32(values); }
  static Floats to_floats(Vector values) { return vcvtq_f32_s32(values); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
  static Vector spread8(std::int32_t value) {
    return vreinterpretq_s32_u8(vdupq_n_u8(static_cast<std::uint8_t>(value)));
  }
  // Rounded down and saturated to 1 .. 65535.
  static Vector sure_words(Floats first, Floats second) {
    const uint16x8_t words =
        vcombine_u16(vqmovun_s32(vcvtq_s32_f32(first)), vqmovun_s32(vcvtq_s32_f32(second)));
    return vreinterpretq_s32_u16(vmaxq_u16(words, vdupq_n_u16(1)));
  }
  static bool any_zero(Vector first, Vector second, Vector bits) {
    const uint16x8_t least = vminq_u16(vreinterpretq_u16_s32(vandq_s32(first, bits)),
                                       vreinterpretq_u16_s32(vandq_s32(second, bits)));
    return vminvq_u16(least) == 0;
  }
  // The channels of four pixels, one after the other.
  static Vector shifted_bytes(Vector first, Vector second, int by) {
    const int16x8_t shift = vdupq_n_s16(static_cast<std::int16_t>(-by));
    return vreinterpretq_s32_u8(
        vcombine_u8(vqmovn_u16(vshlq_u16(vreinterpretq_u16_s32(first), shift)),
                    vqmovn_u16(vshlq_u16(vreinterpretq_u16_s32(second), shift))));
  }
  static Vector min8(Vector a, Vector b) {
    return vreinterpretq_s32_u8(vminq_u8(vreinterpretq_u8_s32(a), vreinterpretq_u8_s32(b)));
  }
  static void store(std::uint8_t* target, const std::ptrdiff_t (&at)[4], Vector bytes, Mask) {
    const uint32x4_t pixels = vreinterpretq_u32_s32(bytes);
    store_four(target, vgetq_lane_u32(pixels, 0));
    store_four(target + at[1], vgetq_lane_u32(pixels, 1));
    store_four(target + at[2], vgetq_lane_u32(pixels, 2));
    store_four(target + at[3], vgetq_lane_u32(pixels, 3));
  }

 private:
  static void store_four(std::uint8_t* target, std::uint32_t bytes) {
    __builtin_memcpy(target, &bytes, sizeof bytes);
  }
};

template <typename T>
void requantize_block_neon(const RequantizeBlock& block) {
  std::int64_t i = 0;
  for (; i + Neon::kChannels <= block.channels; i += Neon::kChannels) {
    requantize<Neon, T>(block, i, {});
  }
  requantize_channels<T>(block, i);
}

}  // namespace

const RequantizeKernel requantize_neon{.name = "requantize_i64_neondot",
                                       .isa = Isa::NeonDot,
                                       .to_codes = &requantize_block_neon<std::uint8_t>,
                                       .to_levels = &requantize_block_neon<std::int16_t>};

}  // namespace pact::kernels
