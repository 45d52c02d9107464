// SPDX-License-Identifier: Apache-2.0
// The operations of a network, as one struct of attributes each. `fields` lists the attributes of
// an operation by name; printing and parsing are made from that list, so there is no second one.
//
// Shapes are per image: {channels, height, width}, or {features} after Flatten.
// F = f32 value, L = integer levels on a grid, A = 32-bit accumulator.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <variant>

#include "pact/graph/tensor.h"
#include "pact/numeric/functions.h"
#include "pact/numeric/grid.h"
#include "pact/numeric/resize.h"
#include "pact/numeric/weights.h"

namespace pact::graph {

struct Pair {
  std::int64_t y = 1;
  std::int64_t x = 1;
  bool operator==(const Pair&) const = default;
};

/// Factors of rows and columns.
struct Scale {
  float y = 1;
  float x = 1;
  bool operator==(const Scale&) const = default;
};

struct Padding {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t bottom = 0;
  std::int64_t right = 0;
  bool operator==(const Padding&) const = default;
};

enum class Bias { Absent, Present };

/// What an activation quantizer clips to.
enum class ActivationScheme {
  Pact,      // [0, alpha], trained; replaces a ReLU
  TwoSided,  // [low, high], trained
  Range,     // [low, high], fixed (the range of normalised pixels)
  Stream     // 16-bit fixed point over an observed [-range, range]
};

/// How alpha learns (quantizers/): the paper's 0/1 gradient, or with the residual term (PACT+).
enum class AlphaGradient { Pact, PactPlus };

/// Levels of the grid that a normalised pixel takes, or its normalised float.
enum class PixelTable { Levels, Floats };

/// What the image's elements are: floats, or bytes that Lookup reads.
enum class ImageElement { Normalized, Pixels };

/// The image: normalised floats, or pixels in lowered networks.
struct Input {
  std::int64_t channels = 3;
  std::int64_t height = 1;
  std::int64_t width = 1;
  ImageElement element = ImageElement::Normalized;
  bool operator==(const Input&) const = default;
};

/// Convolution, F -> F, with weights that are fake-quantized as `weights` says.
/// Parameters: weight {out_channels, in/groups, kernel.y, kernel.x}; bias {out_channels};
/// weight_scale {groups of weights} for schemes with given scales.
/// A float sum is taken in double precision in the order (row, column, channel) and rounded once.
struct Conv2d {
  std::int64_t out_channels = 1;
  Pair kernel;
  Pair stride;
  Padding padding;
  Pair dilation;
  std::int64_t groups = 1;
  Bias bias = Bias::Absent;
  numeric::WeightSpec weights;
  bool operator==(const Conv2d&) const = default;
};

/// Fully connected, like Conv2d. Parameters: weight {out_features, in}; bias {out_features}.
struct Linear {
  std::int64_t out_features = 1;
  Bias bias = Bias::Present;
  numeric::WeightSpec weights;
  bool operator==(const Linear&) const = default;
};

/// What batch norm divides by in training: the statistics of the batch (which it keeps running
/// averages of), or those that it has.
enum class Statistics { Batch, Fixed };

/// F -> F per channel: (x - running_mean) * weight / sqrt(running_var + epsilon) + bias. Parameters
/// weight, bias, running_mean, running_var: {channels}. Any affine function of each channel is one
/// with fixed statistics.
struct BatchNorm {
  float epsilon = 1e-5F;
  Statistics statistics = Statistics::Batch;
  bool operator==(const BatchNorm&) const = default;
};

/// F -> F.
struct Relu {
  bool operator==(const Relu&) const = default;
};

/// F, F -> F of one shape.
struct Add {
  bool operator==(const Add&) const = default;
};

/// Of one type, F, L or A; padding never wins.
struct MaxPool {
  Pair kernel;
  Pair stride;
  Padding padding;
  bool operator==(const MaxPool&) const = default;
};

/// What an average divides by: the pixels of the image in its window, or all of the window.
enum class AverageOver { Image, Window };

/// F -> F.
struct AvgPool {
  Pair kernel;
  Pair stride;
  Padding padding;
  AverageOver over = AverageOver::Image;
  bool operator==(const AvgPool&) const = default;
};

/// F -> F, {c, h, w} -> {c, 1, 1}.
struct GlobalAvgPool {
  bool operator==(const GlobalAvgPool&) const = default;
};

/// {c, h, w} -> {c * h * w}; any type.
struct Flatten {
  bool operator==(const Flatten&) const = default;
};

/// Shortcut without weights: every stride-th pixel, zero channels before and after; any type but
/// pixels.
struct Shortcut {
  Pair stride;
  std::int64_t before = 0;
  std::int64_t after = 0;
  bool operator==(const Shortcut&) const = default;
};

/// Zeros: spread - 1 rows and columns of them between neighbours, then `padding` around; F or L.
/// {c, h, w} -> {c, (h - 1) * spread.y + 1 + top + bottom, the same of the columns}.
struct Pad {
  Padding padding;
  Pair spread;
  bool operator==(const Pad&) const = default;
};

/// Images of size.y rows and size.x columns (numeric/resize.h). Nearest: F or L; Linear: F -> F.
struct Resize {
  Pair size;
  Scale scale;
  numeric::ResizeRule rule;
  bool operator==(const Resize&) const = default;
};

/// F -> F, a function of each element with coefficients `a` and `b` (numeric/functions.h).
struct Pointwise {
  numeric::Function function = numeric::Function::Clip;
  float a = 0;
  float b = 0;
  bool operator==(const Pointwise&) const = default;
};

/// F, F -> F: products of two values of one shape, or of each channel with an element of {c, 1, 1}.
struct Multiply {
  bool operator==(const Multiply&) const = default;
};

/// Values of one type and size of image -> their channels one after the other; any type but pixels.
struct Concat {
  bool operator==(const Concat&) const = default;
};

/// `count` channels from `first` on; any type but pixels.
struct Slice {
  std::int64_t first = 0;
  std::int64_t count = 1;
  bool operator==(const Slice&) const = default;
};

/// Takes the elements as a tensor of extents `view`, permutes the extents (extent i of the result
/// is extent order[i] of the view), and takes the result as `shape`, {c, h, w} or {features}:
/// reshape, transpose, channel shuffle, depth to space. Any type but pixels.
struct Rearrange {
  Shape view;
  Shape order;
  Shape shape;
  bool operator==(const Rearrange&) const = default;
};

/// F -> F: exp(x) over the sum of exp over the channels, of each pixel.
struct Softmax {
  bool operator==(const Softmax&) const = default;
};

/// F -> F, the float value of the level (numeric/activations.h). Parameters: alpha {1} or
/// {channels} for Pact; low and high {1} for TwoSided and Range; range {1} for Stream.
struct FakeQuantize {
  ActivationScheme scheme = ActivationScheme::Pact;
  int bits = 4;
  numeric::Granularity granularity = numeric::Granularity::Tensor;
  AlphaGradient gradient = AlphaGradient::Pact;
  bool operator==(const FakeQuantize&) const = default;
};

// ---- operations of lowered networks

// `scale` below is the value of one level, for people and exporters; no arithmetic uses it.

/// Bytes -> L or F through one table of 256 entries a channel. Parameter table {channels, 256}.
struct Lookup {
  PixelTable table = PixelTable::Levels;
  numeric::Grid grid;
  float scale = 1;
  bool operator==(const Lookup&) const = default;
};

/// L -> A. Parameter weight as Conv2d's, levels on `weights`.
struct IntConv2d {
  std::int64_t out_channels = 1;
  Pair kernel;
  Pair stride;
  Padding padding;
  Pair dilation;
  std::int64_t groups = 1;
  numeric::Grid weights;
  bool operator==(const IntConv2d&) const = default;
};

/// L -> A. Parameter weight {out_features, in}, levels on `weights`.
struct IntLinear {
  std::int64_t out_features = 1;
  numeric::Grid weights;
  bool operator==(const IntLinear&) const = default;
};

/// Sum over windows, L -> A; kernel {0, 0} means the whole image.
struct SumPool {
  Pair kernel;
  Pair stride;
  bool operator==(const SumPool&) const = default;
};

/// One or more L or A of one shape -> L on `grid` (numeric/requantize.h). Parameters: multiplier
/// {inputs, channels} i32, offset {channels} i64.
struct Requantize {
  int shift = 1;
  numeric::Grid grid;
  float scale = 1;
  bool operator==(const Requantize&) const = default;
};

/// F -> L: level = clamp(round(x * inverse[c])). Parameter inverse {channels}.
struct Quantize {
  numeric::Grid grid;
  float scale = 1;
  bool operator==(const Quantize&) const = default;
};

/// One or more L or A of one shape -> F: sum_t v_t * scale[t][c] + offset[c], in double precision
/// in that order, rounded once. Parameters: scale {inputs, channels} f32, offset {channels} f32.
struct Dequantize {
  bool operator==(const Dequantize&) const = default;
};

using Operation = std::variant<Input, Conv2d, Linear, BatchNorm, Relu, Add, MaxPool, AvgPool,
                               GlobalAvgPool, Flatten, Shortcut, Pad, Resize, Pointwise, Multiply,
                               Concat, Slice, Rearrange, Softmax, FakeQuantize, Lookup, IntConv2d,
                               IntLinear, SumPool, Requantize, Quantize, Dequantize>;

/// Name of each alternative of Operation, in its order, as the text form spells it.
inline constexpr std::array<std::string_view, std::variant_size_v<Operation>> kOperationNames{
    "input",      "conv2d",        "linear",          "batch_norm", "relu",       "add",
    "max_pool",   "avg_pool",      "global_avg_pool", "flatten",    "shortcut",   "pad",
    "resize",     "pointwise",     "multiply",        "concat",     "slice",      "rearrange",
    "softmax",    "fake_quantize", "lookup",          "int_conv2d", "int_linear", "sum_pool",
    "requantize", "quantize",      "dequantize"};

inline std::string_view name(const Operation& operation) {
  return kOperationNames[operation.index()];
}

/// Calls visit(name, attribute) for each attribute of an operation, const or not.
template <typename Op, typename Visit>
void fields(Op& op, Visit visit) {
  using T = std::remove_const_t<Op>;
  if constexpr (std::is_same_v<T, Input>) {
    visit("channels", op.channels), visit("height", op.height), visit("width", op.width);
    visit("element", op.element);
  } else if constexpr (std::is_same_v<T, Conv2d> || std::is_same_v<T, IntConv2d>) {
    visit("out_channels", op.out_channels), visit("kernel", op.kernel), visit("stride", op.stride);
    visit("padding", op.padding), visit("dilation", op.dilation), visit("groups", op.groups);
    if constexpr (std::is_same_v<T, Conv2d>) visit("bias", op.bias);
    visit("weights", op.weights);
  } else if constexpr (std::is_same_v<T, Linear>) {
    visit("out_features", op.out_features), visit("bias", op.bias), visit("weights", op.weights);
  } else if constexpr (std::is_same_v<T, IntLinear>) {
    visit("out_features", op.out_features), visit("weights", op.weights);
  } else if constexpr (std::is_same_v<T, BatchNorm>) {
    visit("epsilon", op.epsilon), visit("statistics", op.statistics);
  } else if constexpr (std::is_same_v<T, MaxPool>) {
    visit("kernel", op.kernel), visit("stride", op.stride), visit("padding", op.padding);
  } else if constexpr (std::is_same_v<T, AvgPool>) {
    visit("kernel", op.kernel), visit("stride", op.stride), visit("padding", op.padding);
    visit("over", op.over);
  } else if constexpr (std::is_same_v<T, Pointwise>) {
    visit("function", op.function), visit("a", op.a), visit("b", op.b);
  } else if constexpr (std::is_same_v<T, Slice>) {
    visit("first", op.first), visit("count", op.count);
  } else if constexpr (std::is_same_v<T, Rearrange>) {
    visit("view", op.view), visit("order", op.order), visit("shape", op.shape);
  } else if constexpr (std::is_same_v<T, SumPool>) {
    visit("kernel", op.kernel), visit("stride", op.stride);
  } else if constexpr (std::is_same_v<T, Shortcut>) {
    visit("stride", op.stride), visit("before", op.before), visit("after", op.after);
  } else if constexpr (std::is_same_v<T, Pad>) {
    visit("padding", op.padding), visit("spread", op.spread);
  } else if constexpr (std::is_same_v<T, Resize>) {
    visit("size", op.size), visit("scale", op.scale);
    visit("interpolation", op.rule.interpolation), visit("coordinates", op.rule.coordinates);
    visit("rounding", op.rule.rounding);
  } else if constexpr (std::is_same_v<T, FakeQuantize>) {
    visit("scheme", op.scheme), visit("bits", op.bits), visit("granularity", op.granularity);
    visit("gradient", op.gradient);
  } else if constexpr (std::is_same_v<T, Lookup>) {
    visit("table", op.table), visit("grid", op.grid), visit("scale", op.scale);
  } else if constexpr (std::is_same_v<T, Requantize>) {
    visit("shift", op.shift), visit("grid", op.grid), visit("scale", op.scale);
  } else if constexpr (std::is_same_v<T, Quantize>) {
    visit("grid", op.grid), visit("scale", op.scale);
  }
}

}  // namespace pact::graph
