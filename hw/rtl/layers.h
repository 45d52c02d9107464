// SPDX-License-Identifier: Apache-2.0
// The convolutions of a packed network with all that goes into them and comes out of them for one
// image, as the graph evaluator computes it: what the array is given, and what it is held against.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pact/graph/network.h"
#include "pact/numeric/requantize.h"

namespace pact::rtl {

/// A convolution and the requantization that follows it. All elements are codes, not levels.
struct Layer {
  std::string name;  // of the convolution
  graph::IntConv2d convolution;
  graph::ValueType input_type;
  graph::ValueType output_type;  // of the requantization
  numeric::Grid residual_grid;
  std::vector<std::int32_t> input;      // [channel][row][column]
  std::vector<std::int32_t> weights;    // [output channel][input channel][row][column]
  std::vector<std::int32_t> residuals;  // as the output, or empty
  std::vector<std::int32_t> output;     // [channel][row][column]: what the evaluator computed
  // Term 0 is the convolution, term 1 the residual, if there is one.
  numeric::Requantization requantization;

  std::size_t filter_size() const { return weights.size() / channels(); }
  std::size_t channels() const { return static_cast<std::size_t>(output_type.channels()); }
  std::size_t pixels() const { return static_cast<std::size_t>(output_type.channel_size()); }
};

/// What the array is fed for each pixel of the output: [pixel][input of the filter], in the order
/// of the weights; what lies outside the image has the code of level 0.
std::vector<std::int32_t> windows(const Layer& layer);

/// The integers that a column of the array holds for one output channel (requantize.sv).
struct Constants {
  std::int32_t multiplier = 0;
  std::int32_t residual_multiplier = 0;
  std::int64_t offset = 0;
};
Constants constants(const Layer& layer, std::size_t channel);

/// An image, and where it comes from.
struct Image {
  std::vector<std::int32_t> pixels;
  std::string origin;
};

/// The first test image of CIFAR-10 if PACT_DATA has it, else pixels from a seed.
Image cifar_image();

/// The ungrouped convolutions of `file` that one requantization reads, with at most one residual.
Result<std::vector<Layer>> evaluate_layers(const std::filesystem::path& file, const Image& image);

}  // namespace pact::rtl
