// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/resize.h"

#include <algorithm>
#include <cmath>

namespace pact::numeric {
namespace {

float coordinate(const ResizeAxis& axis, Coordinates coordinates, std::int64_t i) {
  const auto at = static_cast<float>(i);
  switch (coordinates) {
    case Coordinates::PytorchHalfPixel:
      if (axis.out == 1) return 0;
      break;
    case Coordinates::HalfPixel:
      break;
    case Coordinates::Asymmetric:
      return at / axis.scale;
    case Coordinates::AlignCorners:
      if (axis.out == 1) return 0;
      // The product of two extents may not fit a float; its quotient is rounded once.
      return static_cast<float>(static_cast<double>(i) * static_cast<double>(axis.in - 1) /
                                static_cast<double>(axis.out - 1));
  }
  const float middle = (at + 0.5F) / axis.scale;
  return middle - 0.5F;
}

double rounded(double x, NearestRounding rounding) {
  constexpr double kHalf = 0.5 + 1e-6;  // what float scales make of a middle is within the margin
  switch (rounding) {
    case NearestRounding::PreferFloor:
      return std::ceil(x - kHalf);
    case NearestRounding::PreferCeil:
      return std::floor(x + kHalf);
    case NearestRounding::Floor:
      break;
    case NearestRounding::Ceil:
      return std::ceil(x);
  }
  return std::floor(x);
}

}  // namespace

Status check(const ResizeRule& rule, std::array<float, 2> scales) {
  if (static_cast<std::size_t>(rule.interpolation) >= kInterpolationNames.size() ||
      static_cast<std::size_t>(rule.coordinates) >= kCoordinatesNames.size() ||
      static_cast<std::size_t>(rule.rounding) >= kNearestRoundingNames.size()) {
    return make_error(ErrorCode::InvalidArgument, "expected a known rule of resizing");
  }
  const auto positive = [](float scale) { return scale > 0 && std::isfinite(scale); };
  if (positive(scales[0]) && positive(scales[1])) return {};
  return make_error(ErrorCode::InvalidArgument,
                    "expected scales that are positive and finite, found ", scales[0], " and ",
                    scales[1]);
}

std::vector<Tap> resize_taps(const ResizeAxis& axis, const ResizeRule& rule) {
  const auto last = static_cast<double>(axis.in - 1);
  std::vector<Tap> taps;
  taps.reserve(static_cast<std::size_t>(axis.out));
  for (std::int64_t i = 0; i < axis.out; ++i) {
    double x = coordinate(axis, rule.coordinates, i);
    if (rule.interpolation == Interpolation::Nearest) x = rounded(x, rule.rounding);
    // Held inside before it is an integer: a tiny scale makes numbers that no integer holds.
    x = std::clamp(x, 0.0, last);
    const auto first = static_cast<std::int64_t>(x);
    taps.push_back({first, std::min(first + 1, axis.in - 1), x - static_cast<double>(first)});
    if (rule.interpolation == Interpolation::Nearest) taps.back().second = first;
  }
  return taps;
}

}  // namespace pact::numeric
