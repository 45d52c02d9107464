// SPDX-License-Identifier: Apache-2.0
// SGD with momentum and Adam over the parameters of a Module. LibTorch's own optimizers key their
// state by addresses, in a way that changed between versions; here state has the parameter's name,
// so a checkpoint is plain named tensors.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <string>

#include "pact/graph/tensor.h"
#include "pact/nn/module.h"
#include "pact/train/recipe.h"

namespace pact::train {

class Optimizer {
 public:
  Optimizer(const nn::Module& module, const OptimizerOptions& options);

  /// One update from the gradients; `rate` is the scheduled factor on the learning rate. Clips are
  /// then moved back to their floor where they passed it.
  void step(double rate);
  void zero_gradients();

  /// Parameters become the averages of what they were (options.average > 0). Batch norm's
  /// statistics are then those of other weights.
  void take_averages();

  /// State by name: "optimizer.momentum.<parameter>" and so on.
  std::map<std::string, graph::Tensor> state() const;

  /// The inverse; a tensor missing or of another size is an Exception.
  void set_state(const std::map<std::string, graph::Tensor>& tensors, std::int64_t steps);
  std::int64_t steps() const { return steps_; }

 private:
  struct Entry {
    torch::Tensor value;
    nn::Role role;
    torch::Tensor first;   // momentum, or Adam's first moment
    torch::Tensor second;  // Adam's second moment
    torch::Tensor average;
  };
  void step_sgd(Entry& entry, const torch::Tensor& gradient, double rate);
  void step_adam(Entry& entry, const torch::Tensor& gradient, double rate);
  void keep_clip(const std::string& name, Entry& entry) const;
  void check_clips() const;
  double decay(nn::Role role) const;

  OptimizerOptions options_;
  std::map<std::string, Entry> entries_;
  std::int64_t steps_ = 0;
};

}  // namespace pact::train
