// SPDX-License-Identifier: Apache-2.0
// What quantizers do to the values that they read: histograms, codes used, values clipped, signal
// to noise. Positions are in levels (value / scale), so that channels with scales of their own
// share one picture.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pact/graph/network.h"
#include "pact/numeric/activations.h"

namespace pact::cli::report {

/// Counts in bins of equal width over [lowest, highest]; what lies outside (or is no number) is
/// counted apart.
struct Histogram {
  double lowest = 0;
  double highest = 1;
  std::vector<std::int64_t> counts;
  std::int64_t below = 0;
  std::int64_t above = 0;

  void add(double value);
};

/// What became of the values that one quantizer has read.
struct Quantization {
  numeric::Grid grid;
  /// Positions at or beyond which a value is clipped.
  double low_end = 0;
  double high_end = 0;
  /// Value of one level; none where channels differ.
  std::optional<double> scale;
  Histogram histogram;              // of positions
  std::vector<std::int64_t> codes;  // how often each occurred
  std::int64_t count = 0;
  std::int64_t clipped = 0;
  double signal = 0;  // sums of squares
  double noise = 0;

  /// A value: what was meant, where it lies, and the level that stands for it.
  struct Sample {
    double meant = 0;
    double position = 0;
    std::int32_t level = 0;
    double value = 0;  // of the level
  };
  void add(const Sample& sample);

  /// Fraction of values that were clipped; 0 of none.
  double clipped_share() const;
  /// Fraction of codes that no value got.
  double unused_share() const;
  /// Signal to quantization noise in dB; none without signal, infinite without noise.
  std::optional<double> decibels() const;
};

/// Weights against what they are quantized to. Clipped: beyond the last level by more than
/// rounding. For DoReFa, which squashes them first, the squashed weights. `given` as
/// numeric::quantize_weights takes it; throws its Error.
Quantization weight_quantization(std::span<const float> weights, std::size_t outputs,
                                 const numeric::WeightSpec& spec,
                                 std::span<const float> given = {});

/// Counts what an activation quantizer of a network reads. PACT stands for a ReLU: a negative value
/// is meant to be 0, and one is clipped at alpha and above. Others clip what lies beyond the last
/// level by more than rounding.
class ActivationCounter {
 public:
  ActivationCounter(const graph::Network& network, graph::NodeId quantizer);

  /// values: [image][channel][row][column].
  void add(std::span<const float> values);
  const Quantization& result() const { return result_; }

 private:
  bool pact_;
  std::vector<numeric::ActivationQuantizer> quantizers_;  // one, or one a channel
  std::vector<double> clips_;                             // where PACT clips
  std::size_t channel_size_;
  Quantization result_;
};

/// A layer with weights.
struct Layer {
  std::string name;
  std::string operation;  // "conv 3x3"
  std::string shape;      // of what it makes
  std::string grid;       // of its weights: "odd4"; "f32"
  int bits = 32;
  std::int64_t macs = 0;
  std::int64_t weights = 0;
  std::uint64_t bytes = 0;                 // of its weights, packed
  std::optional<Quantization> quantized;   // none: float weights
  Histogram values;                        // of float weights
  std::optional<graph::NodeId> quantizer;  // of the activations that it reads
};

/// The layers with weights of a network that has not been lowered, in order.
std::vector<Layer> layers_of(const graph::Network& network);

}  // namespace pact::cli::report
