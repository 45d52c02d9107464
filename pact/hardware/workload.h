// SPDX-License-Identifier: Apache-2.0
// What a network asks of a machine: its layers with their multiplications, weights and activations.
// Made from any Network: float, fake-quantized or lowered. Networks in ONNX or packed files become
// Networks first (onnx/import.h, lower/lower.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"
#include "pact/hardware/machine.h"

namespace pact::hardware {

enum class LayerKind { Convolution, Linear };

/// Where a layer stands: it reads the image, it makes the result, or neither.
enum class Position { First, Inner, Last };

/// A convolution or a fully connected layer (one pixel, a filter of 1x1). Counts are of one image.
struct Layer {
  std::string name;
  std::string result;  // the requantization that its sums go into; empty if there is none
  LayerKind kind = LayerKind::Convolution;
  Position position = Position::Inner;
  std::int64_t input_channels = 1;
  std::int64_t output_channels = 1;
  std::int64_t groups = 1;
  graph::Pair kernel;
  graph::Pair stride;
  std::int64_t pixels = 1;  // of the output
  std::int64_t input_elements = 1;
  std::size_t reader = 0;  // the next layer that reads what it makes; itself: none
  Bits bits;               // that the network gives it; kFloatBits where it is not quantized

  /// Channels that one filter sees.
  std::int64_t filter_channels() const { return input_channels / groups; }
  /// Filters that see the same channels.
  std::int64_t group_outputs() const { return output_channels / groups; }
  std::int64_t output_elements() const { return output_channels * pixels; }
  std::int64_t weights() const { return output_channels * filter_channels() * kernel.y * kernel.x; }
  std::int64_t macs() const { return weights() * pixels; }
};

/// An operation with arithmetic that no machine here has a cost for.
struct UncostedOperation {
  std::string name;
  std::string operation;
  std::int64_t elements = 0;
};

struct Workload {
  std::string name;
  std::int64_t image_elements = 0;
  std::vector<Layer> layers;                   // in the order in which they run
  std::map<std::string, int> free_operations;  // done as values are written; how many of each
  std::vector<UncostedOperation> uncosted;     // functions, products of values, resizing, softmax

  std::int64_t macs() const;
  std::int64_t weights() const;
};

/// Error: a network without layers.
Result<Workload> workload(const graph::Network& network);

/// The bits that the network gives its layers.
std::vector<Bits> own_bits(const Workload& workload);

/// `inner` for all layers, but at least `outer` bits for those that read the image or make the
/// result, as the paper's machine runs them (section 6).
std::vector<Bits> uniform_bits(const Workload& workload, Bits inner, int outer);

}  // namespace pact::hardware
