// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/elements.h"

namespace pact::quantizers {

PACT_CLONES void widen(const at::BFloat16* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::bit_cast<float>(std::uint32_t{x[i].x} << 16);
}

PACT_CLONES void narrow(const float* x, at::BFloat16* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    y[i].x = static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
  }
}

}  // namespace pact::quantizers
