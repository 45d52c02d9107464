// SPDX-License-Identifier: Apache-2.0
// What a packed file says, as plain structs. Arrays are views into the file's memory, which the
// Model keeps alive; reading copies no weights. A Model that `read` returned is consistent: every
// check that the runtime relies on has passed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "pact/base/file.h"
#include "pact/base/result.h"
#include "pact/numeric/functions.h"
#include "pact/numeric/grid.h"
#include "pact/numeric/resize.h"

namespace pact::format {

inline constexpr int kVersion = 1;
inline constexpr std::size_t kMaxInputs = 64;  // of a node

enum class Element { F32, Pixel, Level, Accumulator };
enum class PoolKind { Sum, Max, Average };
/// What an average divides by: the image's pixels in the window, or all of the window.
enum class AverageOver { Image, Window };

struct Pair {
  std::int32_t y = 1;
  std::int32_t x = 1;
};
struct Padding {
  std::int32_t top = 0;
  std::int32_t left = 0;
  std::int32_t bottom = 0;
  std::int32_t right = 0;
  bool operator==(const Padding&) const = default;
};

/// Type of a value of one image. `grid` is set for Element::Level.
struct Value {
  Element element = Element::F32;
  std::int32_t channels = 1;
  std::int32_t height = 1;
  std::int32_t width = 1;
  numeric::Grid grid;
  float scale = 1;  // of levels: what one is worth, above 0, for people and exporters

  std::int64_t pixels() const { return std::int64_t{height} * width; }
  std::int64_t elements() const { return pixels() * channels; }
};

struct Input {};
/// 256 entries a channel: codes of the value's grid or floats, one of them empty.
struct Lookup {
  std::span<const std::uint8_t> codes;
  std::span<const float> floats;

  bool integer() const { return !codes.empty(); }
};
/// Fully connected layers are convolutions of 1x1 images. `packed` (grid.bits bits a weight) for
/// integer layers, else `weights`; [out][in/groups][kernel row][kernel column]. Float sums are
/// taken in double precision in the order (row, column, channel), bias first, and rounded once.
struct Conv {
  Pair kernel;
  Pair stride;
  Padding padding;
  Pair dilation;
  std::int32_t groups = 1;
  numeric::Grid grid;
  std::span<const std::byte> packed;
  std::span<const float> weights;
  std::span<const float> bias;

  bool integer() const { return !packed.empty(); }
};
/// Averages: sum in double precision by rows, divided by a number of pixels, rounded once.
struct Pool {
  PoolKind kind = PoolKind::Max;
  Pair kernel;
  Pair stride;
  Padding padding;
  AverageOver over = AverageOver::Image;
};
/// Every stride-th pixel; channels from `before` on, the others are level 0.
struct Shortcut {
  Pair stride;
  std::int32_t before = 0;
};
/// [channel][row][column] order becomes the channels.
struct Flatten {};
/// numeric/requantize.h. `multiplier` is [input][channel] for the first `per_channel` inputs, then
/// [input]. `offset` is [channel], in units of 2^offset_shift.
struct Requantize {
  std::int32_t shift = 1;
  std::int32_t offset_shift = 0;
  std::int32_t per_channel = 1;
  std::span<const std::int32_t> multiplier;
  std::span<const std::int32_t> offset;

  std::size_t multipliers(std::size_t inputs) const {
    return static_cast<std::size_t>(per_channel) * (offset.size() - 1) + inputs;
  }
  std::int32_t full_multiplier(std::size_t input, std::size_t channel) const {
    const auto first = static_cast<std::size_t>(per_channel);
    return input < first ? multiplier[input * offset.size() + channel]
                         : multiplier[first * offset.size() + input - first];
  }
  std::int64_t full_offset(std::size_t channel) const {
    return std::int64_t{offset[channel]} * (std::int64_t{1} << offset_shift);
  }
};
struct Quantize {
  std::span<const float> inverse;  // [channel]
};
/// sum_t v_t * scale[t][c] in double precision in that order, plus offset[c], rounded once.
struct Dequantize {
  std::span<const float> scale;
  std::span<const float> offset;
};
/// (x - mean) * (weight / sqrt(variance + epsilon)) + bias in double precision, rounded once.
struct BatchNorm {
  std::span<const float> weight;
  std::span<const float> bias;
  std::span<const float> mean;
  std::span<const float> variance;
  float epsilon = 1e-5F;
};
struct Relu {};
struct Add {};
/// numeric/functions.h.
struct Pointwise {
  numeric::Function function = numeric::Function::Clip;
  float a = 0;
  float b = 0;
};
/// Elements times elements, or each channel times the one element that the second input has for it.
struct Multiply {};
/// The channels of all inputs one after the other.
struct Concat {};
/// As many channels as the value has, from `first` on.
struct Slice {
  std::int32_t first = 0;
};
/// The elements in the order (channel, row, column) as a tensor of extents `view`, whose extents
/// are permuted: extent i of the result is extent order[i] of the view.
struct Rearrange {
  std::vector<std::int32_t> view;
  std::vector<std::uint8_t> order;
};
/// numeric/functions.h, over the channels of each pixel.
struct Softmax {};
/// Level 0: spread - 1 rows and columns between neighbouring pixels, then `padding` around.
struct Pad {
  Padding padding;
  Pair spread;
};
/// numeric/resize.h, to the height and width of the value.
struct Resize {
  numeric::ResizeRule rule;
  float scale_y = 1;
  float scale_x = 1;
};

using Operation = std::variant<Input, Lookup, Conv, Pool, Shortcut, Flatten, Requantize, Quantize,
                               Dequantize, BatchNorm, Relu, Add, Pointwise, Multiply, Concat, Slice,
                               Rearrange, Softmax, Pad, Resize>;

struct Node {
  std::string_view name;
  Operation operation;
  std::vector<std::int32_t> inputs;  // earlier nodes
  Value value;
};

/// What a node reads where the file does not say: the node before it, if there is one.
inline std::vector<std::int32_t> before(std::int32_t index) {
  return index == 0 ? std::vector<std::int32_t>{} : std::vector<std::int32_t>{index - 1};
}

struct Model {
  std::int32_t version = kVersion;
  std::string_view name;
  std::string_view tool;        // name and version of the program that wrote the file
  std::string_view recipe;      // text of the training recipe
  std::span<const float> mean;  // of the image's channels
  std::span<const float> std;
  std::vector<std::string_view> classes;
  std::vector<Node> nodes;  // the first is the Input; each reads earlier ones
  std::int32_t output = 0;
  std::shared_ptr<const void> memory;      // what the views look into
  std::shared_ptr<const MappedFile> file;  // the same, if it is one

  const Value& input_value() const { return nodes.front().value; }
  const Value& output_value() const { return nodes[static_cast<std::size_t>(output)].value; }
  const Value& input_of(const Node& node, std::size_t i = 0) const {
    return nodes[static_cast<std::size_t>(node.inputs[i])].value;
  }
  /// Multiplications and additions of one image in node `node`.
  std::int64_t macs(const Node& node) const;
  /// Gives back the memory that the weights of an integer convolution take in a mapped file; they
  /// can be read again.
  void release_weights(const Node& node) const;
};

/// Reads a packed file, mapped into memory. Errors: [file] what was expected, what was found.
Result<Model> read(const std::filesystem::path& path);

/// Reads a packed file from memory; `bytes` are copied.
Result<Model> read(std::span<const std::byte> bytes);

/// The bytes of the file of `model`; `read` gives it back.
std::vector<std::byte> write(const Model& model);

/// The checks of `read` beyond the encoding: shapes, sizes, grids, finite numbers, no overflow.
Status verify(const Model& model);

}  // namespace pact::format
