// SPDX-License-Identifier: Apache-2.0
// A parameter or a value: a shape and its elements, in row-major order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace pact::graph {

using Shape = std::vector<std::int64_t>;

/// Number of elements. Shapes are bounded where they enter (network.h), so this does not overflow.
inline std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

/// "3x32x32".
inline std::string to_string(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(extent);
  }
  return text.empty() ? "scalar" : text;
}

/// Parameters hold floats, 32-bit integers (levels, multipliers) or 64-bit ones (offsets).
struct Tensor {
  Shape shape;
  std::variant<std::vector<float>, std::vector<std::int32_t>, std::vector<std::int64_t>> data;

  static Tensor f32(Shape shape, std::vector<float> data) {
    return {std::move(shape), std::move(data)};
  }
  static Tensor i32(Shape shape, std::vector<std::int32_t> data) {
    return {std::move(shape), std::move(data)};
  }
  static Tensor i64(Shape shape, std::vector<std::int64_t> data) {
    return {std::move(shape), std::move(data)};
  }

  const std::vector<float>& floats() const { return std::get<0>(data); }
  std::vector<float>& floats() { return std::get<0>(data); }
  const std::vector<std::int32_t>& ints() const { return std::get<1>(data); }
  const std::vector<std::int64_t>& longs() const { return std::get<2>(data); }
  bool operator==(const Tensor&) const = default;
};

}  // namespace pact::graph
