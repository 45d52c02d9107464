// SPDX-License-Identifier: Apache-2.0
#include "pact/nn/window_mean.h"

#include <gtest/gtest.h>

namespace pact::nn {
namespace {

TEST(WindowMean, IsAvgPoolWithItsGradient) {
  torch::manual_seed(1);
  for (const graph::Pair kernel : {graph::Pair{2, 2}, graph::Pair{3, 2}, graph::Pair{1, 4}}) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const torch::Tensor images = torch::randn({2, 5, 6, 8}).contiguous(format);
      torch::Tensor a = images.clone().set_requires_grad(true);
      torch::Tensor b = images.clone().set_requires_grad(true);
      const torch::Tensor ours = window_mean(a, kernel);
      const torch::Tensor expected = torch::avg_pool2d(b, {kernel.y, kernel.x});
      EXPECT_TRUE(torch::equal(ours, expected));
      const torch::Tensor g = torch::randn_like(expected);
      ours.backward(g);
      expected.backward(g);
      EXPECT_TRUE(torch::allclose(a.grad(), b.grad()));
    }
  }
}

TEST(WindowMean, IsOnlyForWindowsThatCoverTheImageOnce) {
  const torch::Tensor images = torch::zeros({1, 1, 6, 8});
  const auto fits = [&](const graph::AvgPool& op) { return has_own_windows(op, images); };
  EXPECT_TRUE(fits({.kernel = {2, 4}, .stride = {2, 4}}));
  EXPECT_FALSE(fits({.kernel = {2, 2}, .stride = {1, 2}}));
  EXPECT_FALSE(fits({.kernel = {4, 2}, .stride = {4, 2}}));
  EXPECT_FALSE(fits({.kernel = {2, 3}, .stride = {2, 3}}));
  EXPECT_FALSE(fits({.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1, 0, 0}}));
}

}  // namespace
}  // namespace pact::nn
