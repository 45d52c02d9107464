// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/unpack.h"

#include <algorithm>

#include "pact/kernels/select.h"

namespace pact::kernels {

UnpackOperands UnpackOperands::take(std::int64_t count) {
  UnpackOperands first = *this;
  first.groups = std::min(groups, count);
  packed += first.groups * packed_group_bytes(bits);
  target += first.groups * kUnpackedBytes;
  groups -= first.groups;
  return first;
}

const UnpackKernel& select_unpack(Isa isa) {
  static constexpr const UnpackKernel* kKernels[] = {
    &unpack_scalar,
#if defined(__x86_64__)
    &unpack_avx2,
    &unpack_avx512
#elif defined(__aarch64__)
    &unpack_neon
#endif
  };
  return select_kernel(kKernels, isa);
}

namespace {

template <int kBits>
void pack(const std::uint8_t* codes, std::int64_t groups, std::uint8_t* packed) {
  constexpr std::int64_t kBytes = packed_group_bytes(kBits);
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t j = 0; j < kBytes; ++j) {
      unsigned byte = 0;
      for (int p = 0; p < 8 / kBits; ++p) byte |= unsigned{codes[p * kBytes + j]} << (p * kBits);
      packed[j] = static_cast<std::uint8_t>(byte);
    }
    codes += kUnpackedBytes;
    packed += kBytes;
  }
}

}  // namespace

void pack_groups(const std::uint8_t* codes, std::int64_t groups, int bits, std::uint8_t* packed) {
  if (bits == 2) return pack<2>(codes, groups, packed);
  pack<4>(codes, groups, packed);
}

}  // namespace pact::kernels
