// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/unpack.h"

namespace pact::kernels {
namespace {

void unpack(const UnpackOperands& o) {
  const std::int64_t bytes = packed_group_bytes(o.bits);
  const int mask = (1 << o.bits) - 1;
  for (std::int64_t group = 0; group < o.groups; ++group) {
    const std::uint8_t* packed = o.packed + group * bytes;
    std::int8_t* target = o.target + group * kUnpackedBytes;
    for (int i = 0; i < kUnpackedBytes; ++i) {
      target[i] = o.levels[packed[i % bytes] >> (i / bytes * o.bits) & mask];
    }
  }
}

}  // namespace

const UnpackKernel unpack_scalar{.name = "unpack_s8_scalar", .isa = Isa::Scalar, .run = &unpack};

}  // namespace pact::kernels
