// SPDX-License-Identifier: Apache-2.0
// Maxima of rows of integers, of which pools are made.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// target[i] = the largest of values[tap * stride + i], for i in [0, count). The target may not
/// overlap the values.
template <typename T>
struct MaximumOperands {
  const T* values;
  std::ptrdiff_t stride;
  std::int64_t taps;  // 1 or more
  std::int64_t count;
  T* target;
};
template <typename T>
using MaximumFunction = void (*)(const MaximumOperands<T>&);

struct MaximumKernel {
  const char* name;
  Isa isa;
  MaximumFunction<std::uint8_t> of_codes;
  MaximumFunction<std::int16_t> of_levels;
  MaximumFunction<std::int32_t> of_accumulators;
};

extern const MaximumKernel maximum_scalar;
extern const MaximumKernel maximum_avx2;
extern const MaximumKernel maximum_avx512;

/// The kernel of `isa`, or of the next slower level that has one.
const MaximumKernel& select_maximum(Isa isa);

}  // namespace pact::kernels
