// SPDX-License-Identifier: Apache-2.0
// Accuracy and levels of a float or fake-quantized network, computed with LibTorch.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pact/data/dataset.h"
#include "pact/graph/network.h"

namespace pact::train {

struct Evaluation {
  double top1 = 0;  // fraction
  std::int64_t images = 0;
  double seconds = 0;
};

/// Top-1 over a data set whose images fit the network. `threads` 0: all cores; `device` as in
/// TrainOptions. Throws Exception.
Evaluation evaluate(const graph::Network& network, const data::Dataset& dataset, int threads,
                    const std::string& device = "cpu");

/// Levels by the name of the node that makes them: [image][channel][row][column].
using Levels = std::map<std::string, std::vector<std::int32_t>>;

/// Levels of every fake-quantized activation. `pixels` holds `count` images as planes. What follows
/// an activation that is in `given` reads those levels instead. Throws Exception.
Levels fake_quantized_levels(const graph::Network& network, std::span<const std::uint8_t> pixels,
                             std::int64_t count, const Levels& given = {});

/// Called for each activation quantizer with the values that it reads:
/// [image][channel][row][column].
using QuantizerInputs = std::function<void(graph::NodeId quantizer, std::span<const float> values)>;

/// Runs `count` images, in `pixels` as planes, and shows what every quantizer reads, in no order
/// that means anything. Throws Exception.
void observe_quantizer_inputs(const graph::Network& network, std::span<const std::uint8_t> pixels,
                              std::int64_t count, const QuantizerInputs& observe);

/// Threads that prepare batches: `threads` if positive, else all cores where there are pictures to
/// decode, and one where there are not.
int loader_threads(const data::Dataset& dataset, int threads);

/// The normalisation of a network in the form that data/ takes.
data::Normalization normalization_of(const graph::Network& network);

/// Ok if the images and classes of `dataset` fit `network`; else throws Exception.
void check_fits(const graph::Network& network, const data::Dataset& dataset);

}  // namespace pact::train
