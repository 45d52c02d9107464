// SPDX-License-Identifier: Apache-2.0
// Loops over tensors of f32 or bf16: all is computed in f32, a few values at a time.
#pragma once

#include <ATen/core/TensorBody.h>

#include <bit>
#include <cstdint>

#include "pact/numeric/rounding.h"
#include "pact/quantizers/clones.h"

#define PACT_INLINE inline __attribute__((always_inline))

namespace pact::quantizers {

inline bool is_bf16(const at::Tensor& x) { return x.scalar_type() == at::kBFloat16; }

/// Values between those that are worked on and those that are fetched.
constexpr std::int64_t kAhead = 2048;

/// Brings memory that is read, or written, soon into the cache: what the processor foresees by
/// itself ends with a page.
template <int kWritten = 0, typename T>
PACT_INLINE void prefetch(const T* values, std::int64_t count) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(values + i, kWritten);
}

void widen(const at::BFloat16* x, float* y, std::int64_t n);

/// To the nearest, ties to even.
void narrow(const float* x, at::BFloat16* y, std::int64_t n);

/// `n` values as floats: where they are, or in `room` for as many.
inline const float* as_floats(const float* x, float* /*room*/, std::int64_t /*n*/) { return x; }
inline const float* as_floats(const at::BFloat16* x, float* room, std::int64_t n) {
  widen(x, room, n);
  return room;
}

/// Calls body(y) to write `n` floats, with `room` for as many.
template <typename Body>
void write_floats(float* y, float* /*room*/, std::int64_t /*n*/, const Body& body) {
  body(y);
}
template <typename Body>
void write_floats(at::BFloat16* y, float* room, std::int64_t n, const Body& body) {
  body(room);
  narrow(room, y, n);
}

struct Clip {
  float low;
  float high;
  float inverse;          // 1 / step
  float residual_factor;  // 1 / n, or 0 to leave the residual out
};

/// What an element gives to its own gradient and to those of its clips.
struct ElementGradient {
  float passed;
  float high;
  float low;
};

/// The paper's clip passes the gradient at x = low (kClosedLow); PACT+ and the two-sided forms do
/// not.
template <bool kClosedLow>
PACT_INLINE ElementGradient element_gradient(float x, float g, const Clip& clip) {
  const float to_high = x >= clip.high ? g : 0.0F;
  const float to_low = (kClosedLow ? x < clip.low : x <= clip.low) ? g : 0.0F;
  const float passed = g - to_high - to_low;
  const float z = x * clip.inverse;
  const float residual = (numeric::round_half_even(z) - z) * clip.residual_factor * passed;
  return {passed, to_high + residual, to_low - residual};
}

}  // namespace pact::quantizers
