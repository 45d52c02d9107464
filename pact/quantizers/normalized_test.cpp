// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/normalized.h"

#include <gtest/gtest.h>

namespace pact::quantizers {
namespace {

using torch::Tensor;

struct Trained {
  Tensor y;
  Tensor mean;
  Tensor var;
  std::vector<Tensor> gradients;  // of x, weight, bias, alpha
};

// One after the other: LibTorch's batch norm, then the clip.
Tensor in_turn(const Tensor& x, const BatchNormTensors& norm, const Tensor& alpha, int bits,
               Gradient gradient) {
  const Tensor y = torch::batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var,
                                     true, norm.momentum, norm.epsilon, false);
  return pact(y, alpha, bits, gradient);
}

template <typename Operation>
Trained run(const Operation& operation, const Tensor& x_in, Gradient gradient, const Tensor& g) {
  const std::int64_t channels = x_in.size(1);
  Tensor x = x_in.clone(at::MemoryFormat::Preserve).set_requires_grad(true);
  BatchNormTensors norm{.weight = torch::linspace(0.5, 1.5, channels),
                        .bias = torch::linspace(-0.3, 0.8, channels),
                        .running_mean = torch::zeros({channels}),
                        .running_var = torch::ones({channels})};
  norm.weight.set_requires_grad(true);
  norm.bias.set_requires_grad(true);
  Tensor alpha = torch::full({1}, 1.3F).set_requires_grad(true);
  const Tensor y = operation(x, norm, alpha, 4, gradient);
  y.backward(g);
  return {y.detach(),
          norm.running_mean,
          norm.running_var,
          {x.grad(), norm.weight.grad(), norm.bias.grad(), alpha.grad()}};
}

Tensor images(at::IntArrayRef shape) {
  torch::manual_seed(8);
  const Tensor spread = torch::linspace(0.1, 4, shape[1]).view({1, shape[1], 1, 1});
  return torch::randn(shape) * spread + spread * 3;
}

// The part of values that are a level apart: those that rounding decided otherwise.
double part_apart(const Tensor& a, const Tensor& b) {
  const Tensor apart = (a.to(torch::kFloat) - b.to(torch::kFloat)).abs() > 1.3F / 15 / 2;
  return apart.to(torch::kFloat).mean().item<double>();
}

double distance(const Tensor& a, const Tensor& b) {
  const Tensor wide = b.to(torch::kFloat);
  return ((a.to(torch::kFloat) - wide).norm() / (wide.norm() + 1e-3)).item<double>();
}

TEST(NormalizedPact, IsBatchNormAndThenPact) {
  const std::vector<std::vector<std::int64_t>> shapes = {
      {4, 1, 5, 7},    {4, 3, 5, 7},    {4, 16, 5, 7},   {4, 64, 5, 7},
      {4, 513, 5, 7},  {4, 1100, 5, 7}, {16, 8, 80, 80},  // pieces of runs: 7,
      {16, 3, 67, 71}, {8, 513, 12, 12}};                 // 2 and 3
  for (const auto& shape : shapes) {
    const Tensor x = images(shape);
    const Tensor g = torch::randn_like(x);
    // Of many values some lie on an edge of the clip, where rounding decides which side they are;
    // the gradient of alpha is one sum of both signs.
    const double on_edges = x.numel() < 20'000 ? 2e-4 : 0.015;
    for (const Gradient gradient : {Gradient::Pact, Gradient::PactPlus}) {
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        SCOPED_TRACE(shape[1]);
        const Trained ours = run(normalized_pact, x.contiguous(format), gradient, g);
        const Trained expected = run(in_turn, x.contiguous(format), gradient, g);
        EXPECT_LE(part_apart(ours.y, expected.y), 1e-4);
        EXPECT_TRUE(torch::allclose(ours.mean, expected.mean, 1e-5, 1e-6));
        EXPECT_TRUE(torch::allclose(ours.var, expected.var, 1e-4, 1e-6));
        for (std::size_t i = 0; i < ours.gradients.size(); ++i) {
          const bool of_alpha = i + 1 == ours.gradients.size();
          EXPECT_LE(distance(ours.gradients[i], expected.gradients[i]),
                    of_alpha ? 2 * on_edges : on_edges)
              << "gradient " << i;
        }
      }
    }
  }
}

TEST(NormalizedPact, OfBf16IsNearThatOfF32) {
  const Tensor x = images({8, 16, 31, 33}).to(torch::kBFloat16);
  const Tensor g = torch::randn({8, 16, 31, 33}).to(torch::kBFloat16);
  for (const Gradient gradient : {Gradient::Pact, Gradient::PactPlus}) {
    const Trained narrow = run(normalized_pact, x, gradient, g);
    const Trained wide = run(normalized_pact, x.to(torch::kFloat), gradient, g.to(torch::kFloat));
    ASSERT_EQ(narrow.y.scalar_type(), torch::kBFloat16);
    EXPECT_TRUE(torch::equal(narrow.y, wide.y.to(torch::kBFloat16)));
    EXPECT_TRUE(torch::equal(narrow.gradients[0], wide.gradients[0].to(torch::kBFloat16)));
    for (std::size_t i = 1; i < narrow.gradients.size(); ++i) {
      EXPECT_TRUE(torch::equal(narrow.gradients[i], wide.gradients[i]));
    }
  }
}

TEST(NormalizedPact, DoesNotDependOnTheNumberOfThreads) {
  const Tensor x = images({16, 8, 80, 80});
  const Tensor g = torch::randn_like(x);
  std::vector<Trained> outcomes;
  for (const int threads : {1, 2, 4}) {
    torch::set_num_threads(threads);
    outcomes.push_back(run(normalized_pact, x, Gradient::PactPlus, g));
  }
  for (const Trained& outcome : outcomes) {
    EXPECT_TRUE(torch::equal(outcome.y, outcomes[0].y));
    EXPECT_TRUE(torch::equal(outcome.mean, outcomes[0].mean));
    EXPECT_TRUE(torch::equal(outcome.var, outcomes[0].var));
    for (std::size_t i = 0; i < outcome.gradients.size(); ++i) {
      EXPECT_TRUE(torch::equal(outcome.gradients[i], outcomes[0].gradients[i]));
    }
  }
}

// The mean of a channel far from zero must not take its variance along.
TEST(NormalizedPact, KeepsTheVarianceOfChannelsFarFromZero) {
  const Tensor x = images({8, 4, 16, 16}) * 1e-2 + 100;
  const Trained ours = run(normalized_pact, x, Gradient::Pact, torch::randn_like(x));
  const Tensor exact = x.to(torch::kDouble).var({0, 2, 3}) * 0.1 + 0.9;
  EXPECT_TRUE(torch::allclose(ours.var.to(torch::kDouble), exact, 1e-6, 0));
}

TEST(NormalizedPact, RefusesOneValueAChannel) {
  EXPECT_THROW(
      run(normalized_pact, torch::ones({1, 3, 1, 1}), Gradient::Pact, torch::ones({1, 3, 1, 1})),
      c10::Error);
}

TEST(NormalizedPact, RefusesTensorsThatDoNotFit) {
  const Tensor x = images({2, 4, 3, 3});
  const auto norm = [](std::int64_t channels) {
    return BatchNormTensors{.weight = torch::ones({channels}),
                            .bias = torch::zeros({channels}),
                            .running_mean = torch::zeros({channels}),
                            .running_var = torch::ones({channels})};
  };
  EXPECT_THROW(normalized_pact(x, norm(4), torch::ones({4}), 4, Gradient::Pact), c10::Error);
  EXPECT_THROW(normalized_pact(x, norm(3), torch::ones({1}), 4, Gradient::Pact), c10::Error);
}

}  // namespace
}  // namespace pact::quantizers
