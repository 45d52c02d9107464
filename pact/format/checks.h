// SPDX-License-Identifier: Apache-2.0
// What the checks of all operations share: limits, messages, values and windows. Internal to
// format/.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "pact/format/model.h"

namespace pact::format {

inline constexpr std::int32_t kMaxExtent = 1 << 20;
inline constexpr std::int32_t kMaxSide = (1 << 16) - 1;
inline constexpr std::int32_t kMaxKernel = 1 << 10;
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;
inline constexpr std::size_t kMaxNodes = 1 << 14;
inline constexpr std::size_t kMaxRank = 8;
// What one image may ask of the runtime in all its values together.
inline constexpr std::int64_t kMaxAllElements = std::int64_t{1} << 30;
// Channels of all values, once for each input of their node. The runtime keeps parameters of each,
// also where many share one in the file.
inline constexpr std::int64_t kMaxAllChannels = std::int64_t{1} << 24;

template <typename... Parts>
inline Error violation(const Parts&... parts) {
  return make_error(ErrorCode::Corrupt, parts...);
}

inline Status expect(bool condition, std::string_view expectation) {
  if (condition) return {};
  return violation("expected ", expectation);
}

inline Status check_floats(std::span<const float> values, std::int64_t count,
                           std::string_view what) {
  if (static_cast<std::int64_t>(values.size()) != count) {
    return violation("expected ", count, " entries of ", what, ", found ", values.size());
  }
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
    return violation("expected finite numbers in ", what);
  }
  return {};
}

inline Status check_value(const Value& value) {
  for (const std::int32_t extent : {value.channels, value.height, value.width}) {
    if (extent < 1 || extent > kMaxExtent) {
      return violation("expected extents from 1 to ", kMaxExtent, ", found ", extent);
    }
  }
  PACT_CHECK_OK(expect(value.height <= kMaxSide && value.width <= kMaxSide,
                       "images of at most 65535 rows and columns"));
  PACT_CHECK_OK(expect(value.pixels() <= kMaxElements && value.elements() <= kMaxElements,
                       "a value of at most 2^31 elements"));
  switch (value.element) {
    case Element::F32:
    case Element::Pixel:
    case Element::Accumulator:
      return {};
    case Element::Level:
      PACT_CHECK_OK(numeric::check(value.grid));
      PACT_CHECK_OK(expect(value.scale > 0 && std::isfinite(value.scale), "a positive scale"));
      if (value.grid.bits == numeric::kStreamBits) {
        return expect(value.grid == numeric::symmetric_grid(numeric::kStreamBits),
                      "a symmetric grid of 16 bits");
      }
      return expect(value.grid.step == 1, "an activation grid that holds zero");
  }
  return violation("expected a known element type, found ", static_cast<int>(value.element));
}

inline Status check_slide(std::int32_t in, std::int32_t out, std::int32_t kernel,
                          std::int32_t stride, std::int32_t padding, std::int32_t dilation) {
  for (const std::int32_t extent : {kernel, stride, dilation}) {
    PACT_CHECK_OK(
        expect(extent >= 1 && extent <= kMaxKernel, "kernels, strides and dilations of 1 to 1024"));
  }
  const std::int32_t reach = dilation * (kernel - 1) + 1;
  PACT_CHECK_OK(expect(in + padding >= reach, "a kernel that fits its input"));
  return expect(out == (in + padding - reach) / stride + 1, "a shape that follows from the kernel");
}

inline Status check_padding(const Padding& padding) {
  for (const std::int32_t pad : {padding.top, padding.left, padding.bottom, padding.right}) {
    PACT_CHECK_OK(expect(pad >= 0 && pad <= kMaxKernel, "padding from 0 to 1024"));
  }
  return {};
}

inline Status check_window(const Value& in, const Value& out, Pair kernel, Pair stride,
                           Padding padding, Pair dilation) {
  PACT_CHECK_OK(check_padding(padding));
  PACT_CHECK_OK(check_slide(in.height, out.height, kernel.y, stride.y, padding.top + padding.bottom,
                            dilation.y));
  return check_slide(in.width, out.width, kernel.x, stride.x, padding.left + padding.right,
                     dilation.x);
}

inline std::int64_t magnitude(const Value& value) {
  if (value.element == Element::Level) return value.grid.magnitude();
  return std::numeric_limits<std::int32_t>::max();
}

inline bool same_shape(const Value& a, const Value& b) {
  return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

inline bool is_integer(const Value& value) {
  return value.element == Element::Level || value.element == Element::Accumulator;
}

}  // namespace pact::format
