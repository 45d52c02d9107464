// SPDX-License-Identifier: Apache-2.0
#include "pact/train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace pact::train {
namespace {

constexpr const char* kFirst = "optimizer.first.";
constexpr const char* kSecond = "optimizer.second.";
constexpr const char* kAverage = "optimizer.average.";

graph::Tensor to_tensor(const torch::Tensor& tensor) {
  const torch::Tensor here = tensor.cpu().contiguous();
  const float* values = here.data_ptr<float>();
  return graph::Tensor::f32(tensor.sizes().vec(),
                            std::vector<float>(values, values + tensor.numel()));
}

void from_tensor(const std::map<std::string, graph::Tensor>& tensors, const std::string& name,
                 torch::Tensor& target) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.data.index() != 0 ||
      found->second.floats().size() != static_cast<std::size_t>(target.numel())) {
    throw_error(ErrorCode::Corrupt, "checkpoint: expected ", target.numel(), " floats '", name,
                "'");
  }
  target.copy_(torch::tensor(found->second.floats()).view(target.sizes()));
}

}  // namespace

Optimizer::Optimizer(const nn::Module& module, const OptimizerOptions& options)
    : options_(options) {
  for (const auto& [name, tensor] : module.tensors()) {
    if (module.role(name) == nn::Role::Buffer) continue;
    Entry entry{
        .value = tensor, .role = module.role(name), .first = {}, .second = {}, .average = {}};
    entry.first = torch::zeros_like(tensor);
    if (options.kind == OptimizerKind::Adam) entry.second = torch::zeros_like(tensor);
    if (options.average > 0) entry.average = tensor.detach().clone();
    entries_[name] = std::move(entry);
  }
}

double Optimizer::decay(nn::Role role) const {
  switch (role) {
    case nn::Role::Weight:
      return options_.weight_decay;
    case nn::Role::Norm:
      return options_.norm_decay;
    case nn::Role::Clip:
      return options_.alpha_decay;
    case nn::Role::Buffer:
      return 0;
  }
  return 0;
}

void Optimizer::step(double rate) {
  const torch::NoGradGuard guard;
  ++steps_;
  // The first steps leave where training began, which calibration may not yet have known.
  const auto steps = static_cast<double>(steps_);
  const double kept = std::min(options_.average, steps / (9 + steps));
  for (auto& [name, entry] : entries_) {
    const torch::Tensor& upstream = entry.value.grad();
    if (!upstream.defined()) continue;
    const double lambda = decay(entry.role);
    const torch::Tensor gradient = lambda > 0 ? upstream.add(entry.value, lambda) : upstream;
    const double scaled =
        rate * options_.learning_rate * (entry.role == nn::Role::Clip ? options_.alpha_rate : 1.0);
    if (options_.kind == OptimizerKind::Sgd) {
      step_sgd(entry, gradient, scaled);
    } else {
      step_adam(entry, gradient, scaled);
    }
    if (entry.role == nn::Role::Clip) keep_clip(name, entry);
    if (entry.average.defined()) entry.average.lerp_(entry.value, 1 - kept);
  }
  check_clips();
}

void Optimizer::step_sgd(Entry& entry, const torch::Tensor& gradient, double rate) {
  entry.first.mul_(options_.momentum).add_(gradient);
  entry.value.add_(entry.first, -rate);
}

void Optimizer::step_adam(Entry& entry, const torch::Tensor& gradient, double rate) {
  entry.first.mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
  entry.second.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const auto steps = static_cast<double>(steps_);
  const double first_correction = 1 - std::pow(options_.beta1, steps);
  const double second_correction = 1 - std::pow(options_.beta2, steps);
  const torch::Tensor root =
      entry.second.sqrt().div_(std::sqrt(second_correction)).add_(options_.epsilon);
  entry.value.addcdiv_(entry.first, root, -rate / first_correction);
}

// Clips stay on their side of zero.
void Optimizer::keep_clip(const std::string& name, Entry& entry) const {
  if (name.ends_with(".low")) {
    entry.value.clamp_max_(-options_.alpha_floor);
  } else {
    entry.value.clamp_min_(options_.alpha_floor);
  }
}

// A clip that is no number any more cannot be helped. All at once: asking makes a device wait.
void Optimizer::check_clips() const {
  std::vector<torch::Tensor> clips;
  for (const auto& [name, entry] : entries_) {
    if (entry.role == nn::Role::Clip) clips.push_back(entry.value);
  }
  const auto is_finite = [](const torch::Tensor& x) {
    return torch::isfinite(x).all().item<bool>();
  };
  if (clips.empty() || is_finite(torch::cat(clips))) return;
  for (const auto& [name, entry] : entries_) {
    if (entry.role != nn::Role::Clip || is_finite(entry.value)) continue;
    throw_error(ErrorCode::Corrupt, "training: '", name,
                "' is not finite any more; lower the learning rate");
  }
}

void Optimizer::zero_gradients() {
  for (auto& [name, entry] : entries_) entry.value.mutable_grad().reset();
}

void Optimizer::take_averages() {
  const torch::NoGradGuard guard;
  for (auto& [name, entry] : entries_) {
    if (entry.average.defined()) entry.value.copy_(entry.average);
  }
}

std::map<std::string, graph::Tensor> Optimizer::state() const {
  std::map<std::string, graph::Tensor> result;
  for (const auto& [name, entry] : entries_) {
    result[kFirst + name] = to_tensor(entry.first);
    if (entry.second.defined()) result[kSecond + name] = to_tensor(entry.second);
    if (entry.average.defined()) result[kAverage + name] = to_tensor(entry.average);
  }
  return result;
}

void Optimizer::set_state(const std::map<std::string, graph::Tensor>& tensors, std::int64_t steps) {
  steps_ = steps;
  for (auto& [name, entry] : entries_) {
    from_tensor(tensors, kFirst + name, entry.first);
    if (entry.second.defined()) from_tensor(tensors, kSecond + name, entry.second);
    if (entry.average.defined()) from_tensor(tensors, kAverage + name, entry.average);
  }
}

}  // namespace pact::train
