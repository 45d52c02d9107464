// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/weights.h"

#include <gtest/gtest.h>

#include "pact/base/result.h"

namespace pact::quantizers {
namespace {

using numeric::Granularity;
using numeric::WeightScheme;
using numeric::WeightSpec;
using torch::Tensor;

Tensor gradient_of(const Tensor& weights, const WeightSpec& spec, const Tensor& upstream) {
  Tensor w = weights.clone().set_requires_grad(true);
  quantize_weights(w, spec).backward(upstream);
  return w.grad();
}

TEST(WeightQuantizer, ForwardIsTheScalarDefinition) {
  torch::manual_seed(1);
  const Tensor weights = torch::randn({6, 4, 3, 3});
  for (const WeightScheme scheme :
       {WeightScheme::DoReFa, WeightScheme::Sawb, WeightScheme::MinMax}) {
    for (int bits = 2; bits <= 8; ++bits) {
      const WeightSpec spec{.scheme = scheme, .bits = bits};
      const Tensor values = quantize_weights(weights, spec);
      const auto quantized = numeric::quantize_weights(
          {weights.data_ptr<float>(), static_cast<std::size_t>(weights.numel())}, 6, spec);
      ASSERT_TRUE(quantized.has_value());
      std::vector<float> expected(static_cast<std::size_t>(weights.numel()));
      numeric::dequantize_weights(*quantized, expected);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(values.data_ptr<float>()[i], expected[i]);
      }
    }
  }
}

TEST(WeightQuantizer, GivenScalesAreThoseOfTheScalarDefinitionAndClipTheGradient) {
  torch::manual_seed(4);
  const Tensor weights = torch::randn({3, 50});
  const Tensor scales = torch::tensor({0.1F, 0.3F, 0.5F});
  const WeightSpec spec{
      .scheme = WeightScheme::Scaled, .bits = 3, .granularity = Granularity::Channel};
  Tensor w = weights.clone().set_requires_grad(true);
  const Tensor values = quantize_weights(w, spec, scales);
  const Tensor steps = scales.unsqueeze(1);
  EXPECT_TRUE(torch::allclose(values, torch::clamp(torch::round(weights / steps), -4, 3) * steps));
  values.sum().backward();
  EXPECT_TRUE(torch::equal(w.grad(), (weights.abs() <= 4 * steps).to(torch::kFloat)));
}

TEST(WeightQuantizer, DoReFaGradientIsTheDerivativeWithoutRounding) {
  torch::manual_seed(2);
  const Tensor weights = torch::randn({3, 5});
  const Tensor upstream = torch::randn({3, 5});
  const Tensor ours = gradient_of(weights, {.scheme = WeightScheme::DoReFa, .bits = 4}, upstream);
  Tensor w = weights.clone().set_requires_grad(true);
  const Tensor squashed = torch::tanh(w);
  (squashed / squashed.abs().max()).backward(upstream);
  EXPECT_TRUE(torch::allclose(ours, w.grad(), 1e-4, 1e-5)) << ours - w.grad();
}

TEST(WeightQuantizer, DoReFaOfOneBitPassesTheGradientOn) {
  torch::manual_seed(5);
  const Tensor upstream = torch::randn({3, 5});
  const WeightSpec spec{.scheme = WeightScheme::DoReFa, .bits = 1};
  EXPECT_TRUE(torch::equal(gradient_of(torch::randn({3, 5}), spec, upstream), upstream));
}

TEST(WeightQuantizer, SawbStopsTheGradientBeyondItsClipAndSawbPlusDoesNot) {
  torch::manual_seed(3);
  const Tensor weights = torch::randn({4, 100});
  const Tensor upstream = torch::ones({4, 100});
  const WeightSpec spec{
      .scheme = WeightScheme::Sawb, .bits = 2, .granularity = Granularity::Channel};
  const Tensor stopped = gradient_of(weights, spec, upstream);
  for (std::int64_t c = 0; c < 4; ++c) {
    const float alpha = numeric::sawb_alpha({weights[c].data_ptr<float>(), 100}, 2);
    const Tensor expected = (weights[c].abs() <= alpha).to(torch::kFloat);
    EXPECT_TRUE(torch::equal(stopped[c], expected));
    EXPECT_LT(expected.sum().item<float>(), 100.0F) << "no weight lies beyond the clip";
  }
  const WeightSpec plus{
      .scheme = WeightScheme::SawbPlus, .bits = 2, .granularity = Granularity::Channel};
  EXPECT_TRUE(torch::equal(gradient_of(weights, plus, upstream), upstream));
}

TEST(WeightQuantizer, RefusesWeightsThatAreNotFinite) {
  const Tensor weights = torch::full({2, 2}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(quantize_weights(weights, {.scheme = WeightScheme::MinMax, .bits = 4}), Exception);
}

}  // namespace
}  // namespace pact::quantizers
