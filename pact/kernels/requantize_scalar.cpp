// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize_channel.h"

namespace pact::kernels {
namespace {

template <typename T>
void requantize_block_scalar(const RequantizeBlock& block) {
  requantize_channels<T>(block, 0);
}

}  // namespace

const RequantizeKernel requantize_scalar{.name = "requantize_i64_scalar",
                                         .isa = Isa::Scalar,
                                         .to_codes = &requantize_block_scalar<std::uint8_t>,
                                         .to_levels = &requantize_block_scalar<std::int16_t>};

}  // namespace pact::kernels
