// SPDX-License-Identifier: Apache-2.0
// Activation quantizers, one element at a time: real input -> level of the grid.
//
//   PACT (Choi et al. 2018, eq. 1-3), n = 2^k - 1:
//     y = clip(x, 0, alpha);  level = round(y * n / alpha);  value = level * alpha / n
//   Two-sided, low < 0 < high, n = 2^k - 1:
//     scale = (high - low) / n;  zero_point = round(-low / scale)
//     level = clamp(round(x / scale), -zero_point, n - zero_point);  value = level * scale
// Zero is always a level, so that padding is exact.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "pact/numeric/grid.h"
#include "pact/numeric/rounding.h"

namespace pact::numeric {

/// An activation grid with its scale: what a trained clipping range means at run time.
struct ActivationQuantizer {
  Grid grid;
  float scale = 1;     // value = level * scale
  float inverse = 1;   // level = round(x * inverse)
  float low_clip = 0;  // lowest and highest level as floats
  float high_clip = 0;
};

inline ActivationQuantizer make_activation_quantizer(const Grid& grid, float scale) {
  return {.grid = grid,
          .scale = scale,
          .inverse = 1.0F / scale,
          .low_clip = static_cast<float>(grid.lowest),
          .high_clip = static_cast<float>(grid.highest())};
}

/// PACT: clips to [0, alpha], alpha > 0 and finite.
inline ActivationQuantizer pact_quantizer(int bits, float alpha) {
  const Grid grid = unsigned_grid(bits);
  ActivationQuantizer quantizer =
      make_activation_quantizer(grid, alpha / static_cast<float>(grid.codes - 1));
  quantizer.inverse = static_cast<float>(grid.codes - 1) / alpha;
  return quantizer;
}

/// Two-sided: clips to about [low, high] (moved so that zero is a level), low <= 0 < high. Where
/// low is not below high, there is no scale: it is not positive, and the lowest level is zero.
inline ActivationQuantizer two_sided_quantizer(int bits, float low, float high) {
  const float n = static_cast<float>((1 << bits) - 1);
  const float scale = (high - low) / n;
  const float zero_point = scale > 0 ? std::clamp(round_half_even(-low / scale), 0.0F, n) : 0.0F;
  return make_activation_quantizer(affine_grid(bits, static_cast<std::int32_t>(zero_point)), scale);
}

/// Fixed point of a residual stream: symmetric over [-range, range], range > 0.
inline ActivationQuantizer stream_quantizer(float range) {
  const Grid grid = symmetric_grid(kStreamBits);
  return make_activation_quantizer(grid, range / static_cast<float>(grid.highest()));
}

/// The level of `x`, as a float that holds an integer. NaN gives the lowest level.
inline float quantize_level(const ActivationQuantizer& quantizer, float x) {
  float scaled = x * quantizer.inverse;
  scaled = scaled > quantizer.low_clip ? scaled : quantizer.low_clip;
  scaled = scaled < quantizer.high_clip ? scaled : quantizer.high_clip;
  return round_half_even(scaled);
}

/// The value that `x` is represented by.
inline float fake_quantize(const ActivationQuantizer& quantizer, float x) {
  return quantize_level(quantizer, x) * quantizer.scale;
}

}  // namespace pact::numeric
