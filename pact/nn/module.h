// SPDX-License-Identifier: Apache-2.0
// The LibTorch executor of a float (or fake-quantized) Network. It holds the parameters as tensors;
// `network()` gives them back as a Network that can be evaluated, saved or lowered.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "pact/graph/network.h"
#include "pact/nn/precision.h"
#include "pact/numeric/calibrate.h"

namespace pact::nn {

/// Train: batch norm uses and updates batch statistics, streams observe their range. Evaluate:
/// neither. Calibrate: as Evaluate without quantization (but by learned clips), and the other clips
/// are set from what is seen.
/// Reestimate: batch norm uses batch statistics and keeps their mean over the passes.
enum class Mode { Train, Evaluate, Calibrate, Reestimate };

/// Which optimizer group a parameter belongs to; Buffer: not trained.
enum class Role { Weight, Norm, Clip, Buffer };

class Module {
 public:
  /// `network` must verify() and hold operations of the training side only, and the CPU, if it is
  /// the device, must be one for `precision`; else throws Exception.
  explicit Module(graph::Network network, Precision precision = Precision::F32,
                  torch::Device device = torch::kCPU);

  /// images: {n, c, h, w}, normalised f32. Returns {n, classes} in f32, on the module's device.
  /// `tap` sees each node's value, and may replace it; batch norm and the clip behind it, one
  /// operation otherwise, are then two.
  using Tap = std::function<void(graph::NodeId, torch::Tensor&)>;
  torch::Tensor forward(const torch::Tensor& images, Mode mode, const Tap& tap = {});

  /// Sets the given scales of weights, and makes every clip tiny: the Calibrate passes that follow
  /// set it from what they see. Of several passes, Max and Percentile keep the largest clip,
  /// LeastError the mean; streams hold all they see. The parameters `learned` of quantizers stay as
  /// they are: weights that were trained with them are then quantized, too, while others are set.
  void begin_calibration(const numeric::Calibration& calibration,
                         std::set<std::string> learned = {});

  /// Forgets what batch norm kept: the Reestimate passes that follow set it anew.
  void begin_reestimation() { passes_ = 0; }

  const std::map<std::string, torch::Tensor>& tensors() const { return tensors_; }
  Role role(const std::string& name) const { return roles_.at(name); }

  /// The network with the current values of its parameters.
  graph::Network network() const;

 private:
  struct Forward;
  bool is_learned(const graph::Node& node, const char* role) const {
    return learned_.contains(graph::Network::parameter_name(node, role));
  }
  void find_joined();
  void calibrate_weights(const graph::Node& node, const numeric::WeightSpec& spec);
  const torch::Tensor& tensor(const graph::Node& node, const char* role) const {
    return tensors_.at(graph::Network::parameter_name(node, role));
  }

  graph::Network network_;
  Precision precision_;
  torch::Device device_;
  std::map<std::string, torch::Tensor> tensors_;
  std::map<std::string, Role> roles_;
  numeric::Calibration calibration_;
  std::set<std::string> learned_;           // parameters that calibration leaves alone
  std::set<graph::NodeId> joined_;          // batch norms and clips that train as one operation
  std::vector<graph::NodeId> last_reader_;  // of each node's value, after which it is dropped
  int passes_ = 0;                          // of Calibrate or Reestimate
};

}  // namespace pact::nn
