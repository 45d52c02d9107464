// SPDX-License-Identifier: Apache-2.0
// Counting codes: the runtime against the evaluator (must not differ at all), and the network
// before lowering (the trainer's fake quantization, or what an imported file means) against the
// integers (may differ by rounding).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pact/base/isa.h"
#include "pact/data/dataset.h"
#include "pact/graph/network.h"
#include "pact/runtime/model.h"

namespace pact::cli {

struct LayerCount {
  std::string name;
  std::int64_t compared = 0;
  std::int64_t runtime = 0;         // differing between runtime and evaluator
  std::int64_t fake_compared = 0;   // compared with the network before; 0 for layers it lacks
  std::int64_t fake_quantized = 0;  // differing between that and evaluator
  std::int64_t made_here = 0;       // of that, where the layer reads the evaluator's levels
};

struct Comparison {
  std::vector<LayerCount> layers;
  std::int64_t images = 0;
  bool says_made_here = true;          // not of an imported network
  std::int64_t outputs_differing = 0;  // floats, runtime against evaluator, compared as bits

  std::int64_t compared() const;
  std::int64_t runtime() const;
  std::int64_t fake_compared() const;
  std::int64_t fake_quantized() const;
  std::int64_t made_here() const;
};

/// The first `images` images of `dataset` through all three executors of one network.
/// `quantized`: before lowering; `lowered`: after; `model`: packed. Throws Exception.
struct Executors {
  const graph::Network& quantized;
  const graph::Network& lowered;
  const Model& model;
};
Comparison compare(const Executors& executors, const data::Dataset& dataset, std::int64_t images,
                   int threads, const std::function<void(double)>& progress = {});

/// The comparison as a table for people.
std::string table_of(const Comparison& comparison);

}  // namespace pact::cli
