// SPDX-License-Identifier: Apache-2.0
// Weights of few bits lie packed in memory and are unpacked to the bytes that dot products read
// where these stay in a cache: reading them from further away is what large layers wait for.
#pragma once

#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

inline constexpr int kUnpackedBytes = 64;  // of a group
inline constexpr int kUnpackLevels = 16;

/// Groups of 64 bytes. A group of codes of 2 or 4 bits takes 16 or 32 bytes; in byte j, code p
/// (from the lowest bits up) is that of byte p * (16 or 32) + j of the group.
struct UnpackOperands {
  const std::uint8_t* packed;
  int bits;                   // 2 or 4
  const std::int8_t* levels;  // [16], of the codes; those of 2 bits have the first four
  std::int64_t groups;
  std::int8_t* target;

  /// Gives away its first groups, at most `count`.
  UnpackOperands take(std::int64_t count);
};
using UnpackFunction = void (*)(const UnpackOperands&);

struct UnpackKernel {
  const char* name;
  Isa isa;
  UnpackFunction run;
};

extern const UnpackKernel unpack_scalar;
extern const UnpackKernel unpack_avx2;
extern const UnpackKernel unpack_avx512;
extern const UnpackKernel unpack_neon;

/// The kernel of `isa`, or of the next slower level that has one.
const UnpackKernel& select_unpack(Isa isa);

constexpr std::int64_t packed_group_bytes(int bits) { return kUnpackedBytes * bits / 8; }

/// Codes [groups][64] below 2^bits -> packed, groups * packed_group_bytes(bits) bytes.
void pack_groups(const std::uint8_t* codes, std::int64_t groups, int bits, std::uint8_t* packed);

}  // namespace pact::kernels
