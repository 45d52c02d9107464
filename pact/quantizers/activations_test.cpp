// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/activations.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "pact/numeric/activations.h"

namespace pact::quantizers {
namespace {

using torch::Tensor;

struct Outcome {
  Tensor y;
  Tensor gx;
  Tensor first;   // gradient of alpha or low
  Tensor second;  // gradient of high
};

Outcome run_pact(const Tensor& x_in, const Tensor& alpha_in, int bits, Gradient gradient,
                 const Tensor& upstream) {
  Tensor x = x_in.clone().set_requires_grad(true);
  Tensor alpha = alpha_in.clone().set_requires_grad(true);
  Tensor y = pact(x, alpha, bits, gradient);
  y.backward(upstream);
  return {y.detach(), x.grad(), alpha.grad(), {}};
}

Tensor row(std::vector<float> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return torch::tensor(values).view({1, n});
}

TEST(Pact, ForwardIsTheScalarDefinitionForEveryWidth) {
  torch::manual_seed(1);
  const Tensor x = torch::randn({3, 5, 7, 9}) * 3;
  for (int bits = 1; bits <= 8; ++bits) {
    const Tensor y = pact(x, torch::full({1}, 2.5F), bits, Gradient::Pact);
    const auto quantizer = numeric::pact_quantizer(bits, 2.5F);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      ASSERT_EQ(y.data_ptr<float>()[i], numeric::fake_quantize(quantizer, x.data_ptr<float>()[i]))
          << bits << " bits, element " << i;
    }
  }
}

TEST(Pact, PaperGradientAtEveryBoundary) {
  // x below 0, at 0, inside, at alpha, above; alpha = 2.
  const Tensor x = row({-1.0F, 0.0F, 0.7F, 2.0F, 3.0F});
  const Tensor g = row({1.0F, 2.0F, 4.0F, 8.0F, 16.0F});
  const Outcome out = run_pact(x, torch::full({1}, 2.0F), 4, Gradient::Pact, g);
  EXPECT_TRUE(torch::equal(out.gx, row({0.0F, 2.0F, 4.0F, 0.0F, 0.0F})));
  EXPECT_FLOAT_EQ(out.first.item<float>(), 24.0F);
}

TEST(Pact, PlusAddsTheResidualInside) {
  const float alpha = 2.0F;
  const float n = 15.0F;
  const Tensor x = row({-1.0F, 0.0F, 0.7F, 1.3F, 2.0F, 3.0F});
  const Tensor g = row({1.0F, 2.0F, 4.0F, -3.0F, 8.0F, 16.0F});
  const Outcome out = run_pact(x, torch::full({1}, alpha), 4, Gradient::PactPlus, g);
  EXPECT_TRUE(torch::equal(out.gx, row({0.0F, 0.0F, 4.0F, -3.0F, 0.0F, 0.0F})));
  double expected = 24.0;
  for (const auto& [value, upstream] : {std::pair{0.7, 4.0}, std::pair{1.3, -3.0}}) {
    const double z = value * n / alpha;
    expected += upstream * (std::nearbyint(z) - z) / n;
  }
  EXPECT_NEAR(out.first.item<double>(), expected, 1e-5);
}

TEST(Pact, PlusEqualsAutogradThroughTheScale) {
  torch::manual_seed(2);
  const Tensor x = torch::randn({4, 6, 5, 5});
  const Tensor g = torch::randn({4, 6, 5, 5});
  const Outcome ours = run_pact(x, torch::full({1}, 1.1F), 3, Gradient::PactPlus, g);
  Tensor alpha = torch::full({1}, 1.1F).set_requires_grad(true);
  const Tensor y = torch::minimum(torch::relu(x), alpha);
  const Tensor scaled = y * 7 / alpha;
  ((scaled + (scaled.round() - scaled).detach()) * alpha / 7).backward(g);
  EXPECT_NEAR(ours.first.item<double>(), alpha.grad().item<double>(), 1e-3);
}

TEST(Pact, OneAlphaAChannelIsOneTensorAChannelInBothMemoryFormats) {
  torch::manual_seed(3);
  const Tensor alphas = torch::tensor({0.5F, 1.0F, 2.0F});
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Tensor x = torch::randn({2, 3, 6, 7}).contiguous(format);
    const Tensor g = torch::randn({2, 3, 6, 7});
    const Outcome all = run_pact(x, alphas, 4, Gradient::PactPlus, g);
    for (std::int64_t c = 0; c < 3; ++c) {
      const Outcome one = run_pact(x.narrow(1, c, 1), alphas.narrow(0, c, 1), 4, Gradient::PactPlus,
                                   g.narrow(1, c, 1));
      EXPECT_TRUE(torch::equal(all.y.narrow(1, c, 1), one.y));
      EXPECT_TRUE(torch::equal(all.gx.narrow(1, c, 1), one.gx));
      EXPECT_NEAR(all.first[c].item<double>(), one.first.item<double>(), 1e-4);
    }
  }
}

TEST(Pact, LoopsTakeAsManyThreadsAsLibTorchHas) {
  torch::set_num_threads(3);
  std::set<int> threads;
  std::mutex mutex;
  at::parallel_for(0, 3, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(at::get_thread_num());
  });
  EXPECT_EQ(threads.size(), 3);
}

TEST(Pact, GradientsDoNotDependOnTheNumberOfThreads) {
  torch::manual_seed(4);
  const Tensor x = torch::randn({16, 8, 40, 40});
  const Tensor g = torch::randn_like(x);
  std::vector<Outcome> outcomes;
  for (const int threads : {1, 2, 4}) {
    torch::set_num_threads(threads);
    outcomes.push_back(run_pact(x, torch::full({1}, 0.9F), 4, Gradient::PactPlus, g));
  }
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(torch::equal(outcome.first, outcomes[0].first));
    EXPECT_TRUE(torch::equal(outcome.gx, outcomes[0].gx));
  }
}

TEST(Pact, RefusesAsManyAlphasAsFitNothing) {
  EXPECT_THROW(pact(torch::randn({2, 3, 4, 4}), torch::ones({2}), 4, Gradient::Pact), c10::Error);
}

TEST(TwoSided, GradientsGoToTheSideThatClips) {
  Tensor x = row({-3.0F, -1.0F, -0.4F, 0.9F, 2.0F, 5.0F}).set_requires_grad(true);
  Tensor low = torch::full({1}, -1.0F).set_requires_grad(true);
  Tensor high = torch::full({1}, 2.0F).set_requires_grad(true);
  const Tensor g = row({1.0F, 2.0F, 4.0F, 8.0F, 16.0F, 32.0F});
  two_sided(x, low, high, 4, Gradient::Pact).backward(g);
  EXPECT_TRUE(torch::equal(x.grad(), row({0.0F, 0.0F, 4.0F, 8.0F, 0.0F, 0.0F})));
  EXPECT_FLOAT_EQ(low.grad().item<float>(), 3.0F);
  EXPECT_FLOAT_EQ(high.grad().item<float>(), 48.0F);
}

// What comes out of bf16 is what f32 makes of the same values, to the nearest bf16.
TEST(Pact, OfBf16IsThatOfF32Rounded) {
  torch::manual_seed(6);
  const Tensor x = (torch::randn({3, 8, 31, 33}) * 2).to(torch::kBFloat16);
  const Tensor g = torch::randn({3, 8, 31, 33}).to(torch::kBFloat16);
  for (const auto& alpha : {torch::full({1}, 1.3F), torch::linspace(0.5, 3, 8)}) {
    for (const Gradient gradient : {Gradient::Pact, Gradient::PactPlus}) {
      const Outcome narrow = run_pact(x, alpha, 4, gradient, g);
      const Outcome wide = run_pact(x.to(torch::kFloat), alpha, 4, gradient, g.to(torch::kFloat));
      ASSERT_EQ(narrow.y.scalar_type(), torch::kBFloat16);
      EXPECT_TRUE(torch::equal(narrow.y, wide.y.to(torch::kBFloat16)));
      EXPECT_TRUE(torch::equal(narrow.gx, wide.gx.to(torch::kBFloat16)));
      EXPECT_TRUE(torch::allclose(narrow.first, wide.first, 1e-4, 1e-3));
    }
  }
}

TEST(TwoSided, ForwardIsTheScalarDefinitionAndKeepsZero) {
  torch::manual_seed(5);
  const Tensor x = torch::cat({torch::randn({1, 200}), torch::zeros({1, 1})}, 1);
  const Tensor y = two_sided(x, torch::full({1}, -0.7F), torch::full({1}, 1.9F), 5, Gradient::Pact);
  const auto quantizer = numeric::two_sided_quantizer(5, -0.7F, 1.9F);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    ASSERT_EQ(y.data_ptr<float>()[i], numeric::fake_quantize(quantizer, x.data_ptr<float>()[i]));
  }
  EXPECT_EQ(y.data_ptr<float>()[200], 0.0F);
}

TEST(Stream, LargestMagnitudeIsThatOfAllPieces) {
  torch::manual_seed(7);
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    Tensor x = torch::randn({2, 3, 150, 151}).to(type);
    const auto largest = [&] { return largest_magnitude(x).item<float>(); };
    EXPECT_EQ(largest(), x.abs().max().item<float>());
    x[1][2][149][150] = -9;
    EXPECT_EQ(largest(), 9.0F);
    x[0][1][2][3] = -INFINITY;
    EXPECT_EQ(largest(), INFINITY);
    x[1][0][0][0] = NAN;
    EXPECT_TRUE(std::isnan(largest()));
  }
}

TEST(Stream, PassesGradientsWithinItsRange) {
  Tensor x = row({-3.0F, -2.0F, 0.1F, 2.0F, 2.5F}).set_requires_grad(true);
  const Tensor y = stream(x, torch::full({1}, 2.0F));
  y.backward(torch::ones({1, 5}));
  EXPECT_TRUE(torch::equal(x.grad(), row({0.0F, 1.0F, 1.0F, 1.0F, 0.0F})));
  EXPECT_NEAR(y[0][2].item<float>(), 0.1F, 2.0F / 32767);
  EXPECT_FLOAT_EQ(y[0][4].item<float>(), 2.0F);
}

TEST(Stream, KeepsNothingWhereNothingLiesBeyond) {
  Tensor x = row({-2.0F, 0.1F, 2.0F}).set_requires_grad(true);
  const Tensor range = torch::full({1}, 2.0F);
  const Tensor y = stream(x, range, Beyond::Excluded);
  EXPECT_TRUE(torch::equal(y, stream(x, range)));
  const Tensor upstream = row({3.0F, -1.0F, 7.0F});
  y.backward(upstream);
  EXPECT_TRUE(torch::equal(x.grad(), upstream));
}

}  // namespace
}  // namespace pact::quantizers
