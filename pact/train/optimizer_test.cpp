// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the optimizers, beside LibTorch's own and beside formulas.
#include "pact/train/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "pact/graph/quantize.h"
#include "pact/models/models.h"

namespace pact::train {
namespace {

using torch::Tensor;

nn::Module quantized_module() {
  graph::Network network = value_or_throw(models::build("demo-resnet", {1, 28, 28, 10}));
  models::initialize(network, 3);
  graph::QuantizePolicy policy;
  return nn::Module(value_or_throw(graph::quantize(network, policy)));
}

// The same gradients for whatever `name` is a parameter of.
Tensor gradient_of(const std::string& name, const Tensor& like, int step) {
  torch::manual_seed(static_cast<std::uint64_t>(step) * 1000 +
                     std::hash<std::string>{}(name) % 997);
  return torch::randn_like(like) * 0.1;
}

// Every role has settings of its own, and clips are far from their floor.
const OptimizerOptions kOptions{.learning_rate = 0.05,
                                .momentum = 0.8,
                                .beta1 = 0.85,
                                .beta2 = 0.95,
                                .epsilon = 1e-5,
                                .weight_decay = 0.02,
                                .norm_decay = 0.003,
                                .alpha_decay = 0.1,
                                .alpha_rate = 0.25,
                                .alpha_floor = 1e-6};

double decay_of(nn::Role role) {
  if (role == nn::Role::Weight) return kOptions.weight_decay;
  return role == nn::Role::Norm ? kOptions.norm_decay : kOptions.alpha_decay;
}

// Takes 20 steps of a falling rate with ours and, a parameter at a time, with `make(tensor, role)`.
template <typename Make>
void expect_steps_of(OptimizerKind kind, const Make& make) {
  OptimizerOptions options = kOptions;
  options.kind = kind;
  const nn::Module module = quantized_module();
  std::map<std::string, Tensor> copies;
  for (const auto& [name, tensor] : module.tensors()) copies[name] = tensor.detach().clone();
  Optimizer ours(module, options);
  std::map<nn::Role, int> compared;
  std::map<std::string, decltype(make(Tensor{}, nn::Role::Weight))> theirs;
  for (auto& [name, copy] : copies) {
    if (module.role(name) == nn::Role::Buffer) continue;
    copy.set_requires_grad(true);
    theirs.emplace(name, make(copy, module.role(name)));
  }
  for (int step = 0; step < 20; ++step) {
    const double rate = 1 - 0.04 * step;
    for (const auto& [name, tensor] : module.tensors()) {
      if (module.role(name) == nn::Role::Buffer) continue;
      tensor.mutable_grad() = gradient_of(name, tensor.detach(), step);
      copies[name].mutable_grad() = tensor.grad().clone();
      auto& optimizer = *theirs.at(name);
      const double scale = module.role(name) == nn::Role::Clip ? kOptions.alpha_rate : 1;
      optimizer.param_groups()[0].options().set_lr(rate * scale * kOptions.learning_rate);
      optimizer.step();
    }
    ours.step(rate);
  }
  for (const auto& [name, tensor] : module.tensors()) {
    if (module.role(name) == nn::Role::Buffer) continue;
    EXPECT_TRUE(torch::allclose(tensor, copies[name], 1e-4, 1e-6)) << name;
    ++compared[module.role(name)];
  }
  EXPECT_EQ(compared.size(), 3U);
}

TEST(Optimizer, SgdIsThatOfLibTorchForEveryRole) {
  expect_steps_of(OptimizerKind::Sgd, [](const Tensor& tensor, nn::Role role) {
    return std::make_unique<torch::optim::SGD>(std::vector<Tensor>{tensor},
                                               torch::optim::SGDOptions(kOptions.learning_rate)
                                                   .momentum(kOptions.momentum)
                                                   .weight_decay(decay_of(role)));
  });
}

TEST(Optimizer, AdamIsThatOfLibTorchForEveryRole) {
  expect_steps_of(OptimizerKind::Adam, [](const Tensor& tensor, nn::Role role) {
    return std::make_unique<torch::optim::Adam>(std::vector<Tensor>{tensor},
                                                torch::optim::AdamOptions(kOptions.learning_rate)
                                                    .betas({kOptions.beta1, kOptions.beta2})
                                                    .eps(kOptions.epsilon)
                                                    .weight_decay(decay_of(role)));
  });
}

// A network whose values have both signs, so that clips have a low end.
nn::Module two_sided_module() {
  graph::Network network;
  const auto image = value_or_throw(network.add("image", graph::Input{1, 4, 4}, {}));
  const auto add = [&](const char* name, graph::NodeId input) {
    return value_or_throw(network.add(name, graph::Conv2d{.out_channels = 2}, {input}));
  };
  network.set_output(add("last", add("inner", add("first", image))));
  models::initialize(network, 1);
  return nn::Module(value_or_throw(graph::quantize(network, {})));
}

TEST(Optimizer, ClipsStopOnTheirSideOfZero) {
  const nn::Module module = two_sided_module();
  OptimizerOptions options = kOptions;
  options.alpha_floor = 0.125;
  Optimizer optimizer(module, options);
  const auto& low = module.tensors().at("inner.input.low");
  const auto& high = module.tensors().at("inner.input.high");
  low.mutable_grad() = torch::full_like(low.detach(), -1e6);
  high.mutable_grad() = torch::full_like(high.detach(), 1e6);
  optimizer.step(1);
  EXPECT_EQ(low.item<float>(), -0.125F);
  EXPECT_EQ(high.item<float>(), 0.125F);
}

TEST(Optimizer, ClipsStopAtTheirFloor) {
  const nn::Module module = quantized_module();
  OptimizerOptions options = kOptions;
  options.alpha_floor = 0.125;
  Optimizer optimizer(module, options);
  int clips = 0;
  for (const auto& [name, tensor] : module.tensors()) {
    if (module.role(name) == nn::Role::Buffer) continue;
    tensor.mutable_grad() =
        torch::full_like(tensor.detach(), module.role(name) == nn::Role::Clip ? 1e6 : 0.0);
  }
  optimizer.step(1);
  for (const auto& [name, tensor] : module.tensors()) {
    if (module.role(name) != nn::Role::Clip) continue;
    EXPECT_EQ(tensor.min().item<float>(), 0.125F) << name;
    EXPECT_EQ(tensor.max().item<float>(), 0.125F) << name;
    ++clips;
  }
  EXPECT_GT(clips, 2);
}

// The share of the past is at most `average`, and less in the first steps.
TEST(Optimizer, AveragesForgetWhereTrainingBegan) {
  const nn::Module module = quantized_module();
  OptimizerOptions options = kOptions;
  options.average = 0.3;
  const Tensor& weight = module.tensors().at("conv1.weight");
  Tensor expected = weight.detach().to(torch::kDouble);
  Optimizer optimizer(module, options);
  for (int step = 1; step <= 12; ++step) {
    weight.mutable_grad() = gradient_of("conv1.weight", weight.detach(), step);
    optimizer.step(1);
    const double kept = std::min(0.3, step / (9.0 + step));
    expected = kept * expected + (1 - kept) * weight.detach().to(torch::kDouble);
  }
  EXPECT_FALSE(torch::allclose(weight.detach().to(torch::kDouble), expected, 1e-5, 1e-7));
  optimizer.take_averages();
  EXPECT_TRUE(torch::allclose(weight.detach().to(torch::kDouble), expected, 1e-5, 1e-7));
}

}  // namespace
}  // namespace pact::train
