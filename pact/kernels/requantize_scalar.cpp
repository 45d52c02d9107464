// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize_channel.h"

namespace pact::kernels {
namespace {

template <typename T>
void requantize_row_scalar(const RequantizeRow& row) {
  for (std::int64_t i = 0; i < row.n; ++i) store_channel(row, i, static_cast<T*>(row.target));
}

}  // namespace

const RequantizeKernel requantize_scalar{.name = "requantize_i64_scalar",
                                         .isa = Isa::Scalar,
                                         .to_codes = &requantize_row_scalar<std::uint8_t>,
                                         .to_levels = &requantize_row_scalar<std::int16_t>};

}  // namespace pact::kernels
