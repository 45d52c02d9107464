// SPDX-License-Identifier: Apache-2.0
// Functions of one element that float layers use: computed in double precision, rounded once.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace pact::numeric {

/// `a` and `b` are the coefficients of a Pointwise operation.
enum class Function {
  Clip,         // a <= x <= b
  LeakyRelu,    // x, or a x below zero
  HardSigmoid,  // a x + b, clipped to [0, 1]
  HardSwish,    // x times (x / 6 + 1/2, clipped to [0, 1])
  Sigmoid       // 1 / (1 + exp(-x))
};

struct FunctionName {
  Function function;
  std::string_view name;
};
inline constexpr std::array<FunctionName, 5> kFunctionNames{
    {{Function::Clip, "clip"},
     {Function::LeakyRelu, "leaky-relu"},
     {Function::HardSigmoid, "hard-sigmoid"},
     {Function::HardSwish, "hard-swish"},
     {Function::Sigmoid, "sigmoid"}}};

inline float apply(Function function, float a, float b, float x) {
  const auto wide = static_cast<double>(x);
  switch (function) {
    case Function::Clip:
      return std::min(std::max(x, a), b);
    case Function::LeakyRelu:
      return x < 0 ? static_cast<float>(wide * static_cast<double>(a)) : x;
    case Function::HardSigmoid:
      return static_cast<float>(
          std::clamp(wide * static_cast<double>(a) + static_cast<double>(b), 0.0, 1.0));
    case Function::HardSwish:
      return static_cast<float>(wide * std::clamp(wide / 6.0 + 0.5, 0.0, 1.0));
    case Function::Sigmoid:
      return static_cast<float>(1.0 / (1.0 + std::exp(-wide)));
  }
  return x;
}

/// Elements that lie `stride` apart.
template <typename T>
struct Strided {
  T* data;
  std::size_t count;
  std::size_t stride;
  T& operator[](std::size_t i) const { return data[i * stride]; }
};

/// exp(x - max) over its sum, in double precision in order, rounded once.
inline void softmax(Strided<const float> in, Strided<float> out) {
  float largest = in[0];
  for (std::size_t i = 1; i < in.count; ++i) largest = std::max(largest, in[i]);
  const auto power = [&](std::size_t i) {
    return std::exp(static_cast<double>(in[i]) - static_cast<double>(largest));
  };
  double sum = 0;
  for (std::size_t i = 0; i < in.count; ++i) sum += power(i);
  for (std::size_t i = 0; i < in.count; ++i) out[i] = static_cast<float>(power(i) / sum);
}

}  // namespace pact::numeric
