// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/packed_dot.h"

namespace pact::kernels {
namespace {

constexpr int kPackedColumns = 8;

template <int kBits>
void packed_dot_scalar(const PackedDotOperands& o) {
  constexpr int kFields = 8 / kBits;
  std::int32_t sums[kPackedColumns] = {};
  for (std::int64_t group = 0; group < o.groups; ++group) {
    const std::uint8_t* a = o.a + group * kFields * 4;
    const std::uint8_t* b = o.b + group * kPackedColumns * 4;
    for (int i = 0; i < kPackedColumns * 4; ++i) {
      for (int field = 0; field < kFields; ++field) {
        const int code = b[i] >> (field * kBits) & ((1 << kBits) - 1);
        sums[i / 4] += a[field * 4 + i % 4] * o.levels[code];
      }
    }
  }
  for (int i = 0; i < kPackedColumns; ++i) o.c[i] = sums[i];
}

constexpr PackedDotKernel kScalarPackedDots[] = {{.name = "packed_dot_u8_s2_i32_1x8_scalar",
                                                  .isa = Isa::Scalar,
                                                  .bits = 2,
                                                  .columns = kPackedColumns,
                                                  .run = &packed_dot_scalar<2>},
                                                 {.name = "packed_dot_u8_s4_i32_1x8_scalar",
                                                  .isa = Isa::Scalar,
                                                  .bits = 4,
                                                  .columns = kPackedColumns,
                                                  .run = &packed_dot_scalar<4>}};

}  // namespace

const PackedDotKernelTable packed_dot_kernels_scalar{
    kScalarPackedDots, sizeof kScalarPackedDots / sizeof kScalarPackedDots[0]};

}  // namespace pact::kernels
