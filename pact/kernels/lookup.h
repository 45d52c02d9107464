// SPDX-License-Identifier: Apache-2.0
// Bytes looked up in tables of 256: pixels become codes, codes those of other bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

/// target[p * channels + c] = tables[c * 256 + values[p * pixel_stride + c * channel_stride]] for
/// pixels p in [0, count) and channels c. The target may be the values, where they lie as it does;
/// it may not overlap them in another way.
struct LookupOperands {
  const std::uint8_t* tables;  // [channels][256]
  const std::uint8_t* values;
  std::ptrdiff_t pixel_stride;
  std::ptrdiff_t channel_stride;  // 1, if pixels of several channels follow one another
  std::int64_t channels;          // 1 or more
  std::int64_t count;
  std::uint8_t* target;  // [count][channels]
};

struct LookupKernel {
  const char* name;
  Isa isa;
  void (*run)(const LookupOperands&);
};

extern const LookupKernel lookup_scalar;
extern const LookupKernel lookup_avx512;

/// The kernel of `isa`, or of the next slower level that has one.
const LookupKernel& select_lookup(Isa isa);

}  // namespace pact::kernels
