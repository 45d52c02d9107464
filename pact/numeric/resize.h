// SPDX-License-Identifier: Apache-2.0
// Where the pixels of an image of another size come from. Rows and columns follow one law each,
// that of ONNX Resize, and every executor reads it from the table that is made here:
//
//   1  x = where the middle of result pixel i lies among the pixels of the image (Coordinates)
//   2  x is held inside [0, in - 1]
//   3  nearest: the pixel that x rounds to (NearestRounding)
//      linear:  pixels floor(x) and floor(x) + 1, the second with weight x - floor(x)
//
// Each operation of step 1 is rounded to float, and a coordinate within 1e-6 of the middle between
// two pixels is in the middle, as ONNX Runtime computes: a pixel there goes to the same side.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pact/base/result.h"

namespace pact::numeric {

enum class Interpolation { Nearest, Linear };

/// Result pixel i in coordinates of the image; s is the scale.
enum class Coordinates {
  HalfPixel,         // (i + 1/2) / s - 1/2
  PytorchHalfPixel,  // the same, but 0 where the result has one pixel
  Asymmetric,        // i / s
  AlignCorners       // i (in - 1) / (out - 1), or 0 where the result has one pixel
};

/// Where a coordinate between two pixels goes; `Prefer` is about the middle.
enum class NearestRounding { PreferFloor, PreferCeil, Floor, Ceil };

struct InterpolationName {
  Interpolation interpolation;
  std::string_view name;
};
inline constexpr std::array<InterpolationName, 2> kInterpolationNames{
    {{Interpolation::Nearest, "nearest"}, {Interpolation::Linear, "linear"}}};

struct CoordinatesName {
  Coordinates coordinates;
  std::string_view name;
};
inline constexpr std::array<CoordinatesName, 4> kCoordinatesNames{
    {{Coordinates::HalfPixel, "half-pixel"},
     {Coordinates::PytorchHalfPixel, "pytorch-half-pixel"},
     {Coordinates::Asymmetric, "asymmetric"},
     {Coordinates::AlignCorners, "align-corners"}}};

struct NearestRoundingName {
  NearestRounding rounding;
  std::string_view name;
};
inline constexpr std::array<NearestRoundingName, 4> kNearestRoundingNames{
    {{NearestRounding::PreferFloor, "prefer-floor"},
     {NearestRounding::PreferCeil, "prefer-ceil"},
     {NearestRounding::Floor, "floor"},
     {NearestRounding::Ceil, "ceil"}}};

/// How an image is resized; `rounding` counts for Nearest.
struct ResizeRule {
  Interpolation interpolation = Interpolation::Nearest;
  Coordinates coordinates = Coordinates::HalfPixel;
  NearestRounding rounding = NearestRounding::PreferFloor;
  bool operator==(const ResizeRule&) const = default;
};

/// Rows, or columns. The scale is out / in or near it, and AlignCorners does not look at it.
struct ResizeAxis {
  std::int64_t in = 1;
  std::int64_t out = 1;
  float scale = 1;
};

/// The number of pixels that a scale makes of `in`, and the scale that a number of pixels means;
/// both as ONNX Runtime computes them, in floats.
inline std::int64_t scaled_extent(std::int64_t in, float scale) {
  constexpr float kFarTooMany = 1 << 30;
  return static_cast<std::int64_t>(std::min(static_cast<float>(in) * scale, kFarTooMany));
}
inline float scale_between(std::int64_t in, std::int64_t out) {
  return static_cast<float>(out) / static_cast<float>(in);
}

/// What one result pixel is made of: (1 - weight) * first + weight * second.
struct Tap {
  std::int64_t first = 0;
  std::int64_t second = 0;
  double weight = 0;
  bool operator==(const Tap&) const = default;
};

/// Ok if the enumerators are known ones and the scales positive and finite.
Status check(const ResizeRule& rule, std::array<float, 2> scales);

/// One tap for each result pixel; extents from 1 to 2^24, the scale positive and finite.
std::vector<Tap> resize_taps(const ResizeAxis& axis, const ResizeRule& rule);

/// The value between four pixels: along the columns first, then along the rows, in double
/// precision, rounded once. `top` and `bottom` are the rows that `row` names, [0] and [1] the
/// columns that `column` names.
inline float interpolate(std::array<float, 2> top, std::array<float, 2> bottom, const Tap& row,
                         const Tap& column) {
  const auto between = [](double a, double b, double weight) {
    const double left = a * (1 - weight);
    const double right = b * weight;
    return left + right;
  };
  return static_cast<float>(between(between(top[0], top[1], column.weight),
                                    between(bottom[0], bottom[1], column.weight), row.weight));
}

}  // namespace pact::numeric
