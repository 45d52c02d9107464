// SPDX-License-Identifier: Apache-2.0
// The loop of maximum.h, compiled once for each instruction set. Anonymous on purpose: every
// including file has its own copy.
//
// `Ops` are the instructions: a Vector of kBytes bytes.
#pragma once

#include "pact/kernels/maximum.h"

namespace pact::kernels {
namespace {

template <typename Ops>
inline void maximum_at(const MaximumOperands& o, std::int64_t i) {
  const std::uint8_t* values = o.values + i;
  typename Ops::Vector largest = Ops::load(values);
  for (std::int64_t tap = 1; tap < o.taps; ++tap) {
    values += o.stride;
    largest = Ops::larger(largest, Ops::load(values));
  }
  Ops::store(o.target + i, largest);
}

struct Byte {
  using Vector = std::uint8_t;
  static constexpr int kBytes = 1;

  static Vector load(const std::uint8_t* from) { return *from; }
  static Vector larger(Vector a, Vector b) { return a < b ? b : a; }
  static void store(std::uint8_t* to, Vector value) { *to = value; }
};

// Fewer than a vector holds go by Narrower ones. The last vector may overlap the one before it.
template <typename Ops, typename... Narrower>
void maximum(const MaximumOperands& o) {
  if constexpr (sizeof...(Narrower) > 0) {
    if (o.count < Ops::kBytes) return maximum<Narrower...>(o);
  }
  for (std::int64_t i = 0; i + Ops::kBytes <= o.count; i += Ops::kBytes) maximum_at<Ops>(o, i);
  if (o.count % Ops::kBytes != 0) maximum_at<Ops>(o, o.count - Ops::kBytes);
}

}  // namespace
}  // namespace pact::kernels
