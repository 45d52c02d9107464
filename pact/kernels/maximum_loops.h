// SPDX-License-Identifier: Apache-2.0
// The loop of maximum.h on vectors of `kBytes`, compiled once for each instruction set. Anonymous
// on purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/maximum.h"
#include "pact/kernels/vector_types.h"

namespace pact::kernels {
namespace {

template <int kBytes>
inline void maximum_at(const MaximumOperands& o, std::int64_t i) {
  using V = typename Vector<std::uint8_t, kBytes>::type;
  const std::uint8_t* values = o.values + i;
  V largest = load<V>(values);
  for (std::int64_t tap = 1; tap < o.taps; ++tap) {
    values += o.stride;
    const V other = load<V>(values);
    largest = largest > other ? largest : other;
  }
  store(o.target + i, largest);
}

// Fewer than a vector holds go by narrower ones. The last vector may overlap the one before it.
template <int kBytes>
void maximum(const MaximumOperands& o) {
  if constexpr (kBytes > 1) {
    if (o.count < kBytes) return maximum<kBytes / 2>(o);
  }
  for (std::int64_t i = 0; i + kBytes <= o.count; i += kBytes) maximum_at<kBytes>(o, i);
  if (o.count % kBytes != 0) maximum_at<kBytes>(o, o.count - kBytes);
}

}  // namespace
}  // namespace pact::kernels
