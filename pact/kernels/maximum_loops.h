// SPDX-License-Identifier: Apache-2.0
// The loop of maximum.h on vectors of `kBytes`, compiled once for each instruction set. Anonymous
// on purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/maximum.h"
#include "pact/kernels/vector_types.h"

namespace pact::kernels {
namespace {

template <typename T, int kBytes>
inline void maximum_at(const MaximumOperands<T>& o, std::int64_t i) {
  using V = typename Vector<T, kBytes>::type;
  const T* values = o.values + i;
  V largest = load<V>(values);
  for (std::int64_t tap = 1; tap < o.taps; ++tap) {
    values += o.stride;
    const V other = load<V>(values);
    largest = largest > other ? largest : other;
  }
  store(o.target + i, largest);
}

// Fewer than a vector holds go by narrower ones. The last vector may overlap the one before it.
template <typename T, int kBytes>
void maximum(const MaximumOperands<T>& o) {
  constexpr std::int64_t kCount = kBytes / sizeof(T);
  if constexpr (kCount > 1) {
    if (o.count < kCount) return maximum<T, kBytes / 2>(o);
  }
  for (std::int64_t i = 0; i + kCount <= o.count; i += kCount) maximum_at<T, kBytes>(o, i);
  if (o.count % kCount != 0) maximum_at<T, kBytes>(o, o.count - kCount);
}

template <int kBytes>
constexpr MaximumKernel maximum_kernel(const char* name, Isa isa) {
  return {.name = name,
          .isa = isa,
          .of_codes = &maximum<std::uint8_t, kBytes>,
          .of_levels = &maximum<std::int16_t, kBytes>,
          .of_accumulators = &maximum<std::int32_t, kBytes>};
}

}  // namespace
}  // namespace pact::kernels
