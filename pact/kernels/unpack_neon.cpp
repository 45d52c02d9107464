// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>

#include "pact/kernels/unpack.h"

namespace pact::kernels {
namespace {

template <int kBits>
void unpack_groups(const UnpackOperands& o) {
  constexpr int kVectors = kBits * kUnpackedBytes / 8 / 16;  // of packed bytes, in a group
  const int8x16_t levels = vld1q_s8(o.levels);
  const uint8x16_t mask = vdupq_n_u8((1 << kBits) - 1);
  const std::uint8_t* packed = o.packed;
  std::int8_t* target = o.target;
  for (std::int64_t group = 0; group < o.groups; ++group) {
    for (int shift = 0; shift < 8; shift += kBits) {
      for (int v = 0; v < kVectors; ++v, target += 16) {
        const uint8x16_t shifted =
            vshlq_u8(vld1q_u8(packed + v * 16), vdupq_n_s8(static_cast<std::int8_t>(-shift)));
        vst1q_s8(target, vqtbl1q_s8(levels, vandq_u8(shifted, mask)));
      }
    }
    packed += kVectors * 16;
  }
}

void unpack(const UnpackOperands& o) {
  if (o.bits == 4) return unpack_groups<4>(o);
  unpack_groups<2>(o);
}

}  // namespace

const UnpackKernel unpack_neon{.name = "unpack_s8_neondot", .isa = Isa::NeonDot, .run = &unpack};

}  // namespace pact::kernels
