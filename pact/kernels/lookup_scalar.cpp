// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/lookup.h"

namespace pact::kernels {
namespace {

// kChannels is 0 for any number of them.
template <int kChannels>
void look_up(const LookupOperands& o) {
  const std::int64_t channels = kChannels > 0 ? kChannels : o.channels;
  for (std::int64_t p = 0; p < o.count; ++p) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::uint8_t value = o.values[p * o.pixel_stride + c * o.channel_stride];
      o.target[p * channels + c] = o.tables[c * 256 + value];
    }
  }
}

void run(const LookupOperands& operands) {
  if (operands.channels == 1) return look_up<1>(operands);
  if (operands.channels == 3) return look_up<3>(operands);
  look_up<0>(operands);
}

}  // namespace

const LookupKernel lookup_scalar{.name = "lookup_u8_scalar", .isa = Isa::Scalar, .run = &run};

}  // namespace pact::kernels
