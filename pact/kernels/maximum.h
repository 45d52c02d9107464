// SPDX-License-Identifier: Apache-2.0
// Maxima of rows of codes, of which pools are made.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// target[i] = the largest of values[tap * stride + i], for i in [0, count). The target may not
/// overlap the values.
struct MaximumOperands {
  const std::uint8_t* values;
  std::ptrdiff_t stride;
  std::int64_t taps;  // 1 or more
  std::int64_t count;
  std::uint8_t* target;
};

struct MaximumKernel {
  const char* name;
  Isa isa;
  void (*run)(const MaximumOperands&);
};

extern const MaximumKernel maximum_scalar;
extern const MaximumKernel maximum_avx2;
extern const MaximumKernel maximum_avx512;

/// The kernel of `isa`, or of the next slower level that has one.
const MaximumKernel& select_maximum(Isa isa);

}  // namespace pact::kernels
