// SPDX-License-Identifier: Apache-2.0
// The opponent: the convolutions and fully connected layers of a network in oneDNN, 8-bit
// activations and weights, and nothing else. What it takes is the least that a network built on
// oneDNN could take: no pooling, no addition, no conversion of layouts, no framework.
#pragma once

#include <dnnl.hpp>
#include <vector>

#include "pact/format/model.h"

namespace pact::bench {

class OneDnn {
 public:
  /// Primitives for every layer with weights, each with memory of its own, in the layouts that
  /// oneDNN prefers.
  OneDnn(const format::Model& model, int batch);

  void run();
  std::size_t layers() const { return layers_.size(); }

 private:
  struct Layer {
    dnnl::primitive primitive;
    std::unordered_map<int, dnnl::memory> arguments;
  };
  void add(const dnnl::primitive& primitive, const dnnl::memory::desc& source,
           const dnnl::memory::desc& weights, const dnnl::memory::desc& target,
           const dnnl::memory::desc& scratchpad);
  dnnl::memory filled(const dnnl::memory::desc& description);

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Layer> layers_;
};

}  // namespace pact::bench
