// SPDX-License-Identifier: Apache-2.0
// For tests of format/: a small model with every operation, and what building models by hand takes.
#pragma once

#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "pact/format/model.h"
#include "pact/numeric/pack.h"

namespace pact::format {

// Keeps `values` for the rest of the program, as models only view them.
template <typename T>
std::span<const T> keep(std::vector<T> values) {
  static std::deque<std::vector<T>> kept;
  return kept.emplace_back(std::move(values));
}

inline Value value(Element element, std::int32_t channels, std::int32_t size) {
  return {.element = element, .channels = channels, .height = size, .width = size};
}
inline Value levels(const numeric::Grid& grid, std::int32_t channels, std::int32_t size) {
  Value result = value(Element::Level, channels, size);
  result.grid = grid;
  result.scale = 0.125F;
  return result;
}

inline std::span<const std::byte> packed(const numeric::Grid& grid, std::size_t count) {
  std::vector<std::uint8_t> codes(count);
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = static_cast<std::uint8_t>(i * 5 % static_cast<std::size_t>(grid.codes));
  }
  return keep(numeric::pack(codes, grid.bits));
}

// Where each operation stands in sample_model().
enum Place : std::size_t {
  kInput,
  kLookup,
  kConv,
  kRequantize,
  kMaxPool,
  kShortcut,
  kSumPool,
  kFloatLookup,
  kBatchNorm,
  kRelu,
  kAdd,
  kAveragePool,
  kQuantize,
  kFlatten,
  kLinear,
  kJoin,
  kDequantize,
  kPointwise,
  kMultiply,
  kConcat,
  kSlice,
  kRearrange,
  kSoftmax,
  kFloatConv,
  kPad,
  kNearest,
  kLinearResize
};

/// A small model with every operation; what its views look into is kept for good.
inline Model sample_model() {
  using numeric::Coordinates;
  using numeric::Interpolation;
  using numeric::NearestRounding;
  const auto stream = numeric::symmetric_grid(numeric::kStreamBits);
  const auto u4 = numeric::unsigned_grid(4);
  const auto u2 = numeric::unsigned_grid(2);
  std::vector<std::uint8_t> table(256);
  std::vector<float> float_table(256);
  for (int i = 0; i < 256; ++i) {
    table[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i / 16);
    float_table[static_cast<std::size_t>(i)] = static_cast<float>(i) / 255;
  }
  const auto floats = [](std::vector<float> values) { return keep(std::move(values)); };
  const auto ints = [](std::vector<std::int32_t> values) { return keep(std::move(values)); };
  Model model{.name = "sample",
              .tool = "model_test",
              .recipe = "[train]",
              .mean = floats({0.5F}),
              .std = floats({0.25F}),
              .classes = {"cat", "dog", ""}};
  model.nodes = {
      {"image", Input{}, {}, value(Element::Pixel, 1, 4)},
      {"lookup", Lookup{keep(table), {}}, {kInput}, levels(u4, 1, 4)},
      {"conv",
       Conv{.kernel = {3, 3},
            .padding = {1, 1, 1, 1},
            .grid = numeric::odd_grid(2),
            .packed = packed(numeric::odd_grid(2), 18)},
       {kLookup},
       value(Element::Accumulator, 2, 4)},
      {"requantize",
       Requantize{8, 3, 1, ints({3, -4}), ints({100, -5})},
       {kConv},
       levels(u2, 2, 4)},
      {"max_pool",
       Pool{PoolKind::Max, {2, 2}, {2, 2}, {0, 0, 1, 1}},
       {kRequantize},
       levels(u2, 2, 2)},
      {"shortcut", Shortcut{{2, 2}, 1}, {kLookup}, levels(u4, 3, 2)},
      {"sum_pool",
       Pool{PoolKind::Sum, {2, 2}, {1, 1}, {}},
       {kMaxPool},
       value(Element::Accumulator, 2, 1)},
      {"float_lookup", Lookup{{}, keep(float_table)}, {kInput}, value(Element::F32, 1, 4)},
      {"batch_norm",
       BatchNorm{floats({2}), floats({-1}), floats({0.5F}), floats({4}), 1e-3F},
       {kFloatLookup},
       value(Element::F32, 1, 4)},
      {"relu", Relu{}, {kBatchNorm}, value(Element::F32, 1, 4)},
      {"add", Add{}, {kRelu, kFloatLookup}, value(Element::F32, 1, 4)},
      {"average",
       Pool{PoolKind::Average, {3, 3}, {2, 2}, {}, AverageOver::Window},
       {kAdd},
       value(Element::F32, 1, 1)},
      {"quantize", Quantize{floats({300})}, {kAveragePool}, levels(stream, 1, 1)},
      {"flatten", Flatten{}, {kShortcut}, levels(u4, 12, 1)},
      {"linear",
       Conv{.grid = numeric::symmetric_grid(3), .packed = packed(numeric::symmetric_grid(3), 12)},
       {kFlatten},
       value(Element::Accumulator, 1, 1)},
      {"join",
       Requantize{4, 0, 1, ints({9, -2}), ints({1 << 10})},
       {kLinear, kQuantize},
       levels(stream, 1, 1)},
      {"dequantize",
       Dequantize{floats({0.5F, 0.25F}), floats({1})},
       {kJoin, kLinear},
       value(Element::F32, 1, 1)},
      {"pointwise",
       Pointwise{numeric::Function::LeakyRelu, 0.25F, 0},
       {kDequantize},
       value(Element::F32, 1, 1)},
      {"multiply", Multiply{}, {kAdd, kPointwise}, value(Element::F32, 1, 4)},
      {"concat", Concat{}, {kMultiply, kRelu, kMultiply}, value(Element::F32, 3, 4)},
      {"slice", Slice{1}, {kConcat}, value(Element::F32, 2, 4)},
      {"rearrange", Rearrange{{2, 4, 4}, {1, 0, 2}}, {kSlice}, value(Element::F32, 32, 1)},
      {"softmax", Softmax{}, {kRearrange}, value(Element::F32, 32, 1)},
      {"head",
       Conv{.weights = floats(std::vector<float>(96, 0.125F)), .bias = floats({0.5F, 0, -0.5F})},
       {kSoftmax},
       value(Element::F32, 3, 1)},
      {"pad", Pad{{1, 0, 0, 1}, {2, 2}}, {kMaxPool}, levels(u2, 2, 4)},
      {"nearest",
       Resize{
           {Interpolation::Nearest, Coordinates::Asymmetric, NearestRounding::Ceil}, 0.5F, 0.75F},
       {kPad},
       levels(u2, 2, 3)},
      {"linear_resize",
       Resize{
           {Interpolation::Linear, Coordinates::AlignCorners, NearestRounding::PreferFloor}, 2, 2},
       {kAdd},
       value(Element::F32, 1, 8)},
  };
  model.output = kFloatConv;
  return model;
}

}  // namespace pact::format
