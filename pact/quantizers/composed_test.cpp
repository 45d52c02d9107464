// SPDX-License-Identifier: Apache-2.0
// Against the loops for the CPU, on the CPU.
#include "pact/quantizers/composed.h"

#include <gtest/gtest.h>

#include "pact/quantizers/weights.h"

namespace pact::quantizers {
namespace {

using numeric::Granularity;
using numeric::WeightScheme;
using numeric::WeightSpec;
using torch::Tensor;

constexpr Gradient kGradients[] = {Gradient::Pact, Gradient::PactPlus};

// Values and the gradients of all arguments.
template <typename Quantizer>
std::vector<Tensor> outcome(const Quantizer& quantizer, const std::vector<Tensor>& arguments,
                            const Tensor& upstream) {
  std::vector<Tensor> leaves;
  for (const Tensor& each : arguments) leaves.push_back(each.clone().set_requires_grad(true));
  const Tensor y = quantizer(leaves);
  y.backward(upstream);
  std::vector<Tensor> result{y.detach()};
  for (const Tensor& leaf : leaves) result.push_back(leaf.grad());
  return result;
}

// The same values and gradient of the first argument, the same sums but for their order.
void expect_same(const std::vector<Tensor>& ours, const std::vector<Tensor>& expected) {
  ASSERT_EQ(ours.size(), expected.size());
  EXPECT_EQ(ours[0].scalar_type(), expected[0].scalar_type());
  EXPECT_TRUE(torch::equal(ours[0], expected[0]));
  EXPECT_TRUE(torch::equal(ours[1], expected[1]));
  for (std::size_t i = 2; i < ours.size(); ++i) {
    EXPECT_TRUE(torch::allclose(ours[i], expected[i], 1e-4, 1e-4)) << ours[i] << expected[i];
  }
}

// Of several shapes and types, some values on the bounds of [-1.5, 2].
std::vector<Tensor> activations() {
  torch::manual_seed(3);
  Tensor image = torch::randn({3, 4, 5, 6}) * 2;
  image.view(-1).slice(0, 0, 4).copy_(torch::tensor({0.0F, 2.0F, -1.5F, -0.0F}));
  return {image, image.contiguous(at::MemoryFormat::ChannelsLast), image.flatten(1),
          image.to(torch::kBFloat16)};
}

TEST(Composed, PactIsThatOfTheCpu) {
  for (const Tensor& x : activations()) {
    const Tensor upstream = torch::randn(x.sizes()).to(x.scalar_type());
    for (const std::int64_t clips : {std::int64_t{1}, x.size(1)}) {
      const Tensor alpha = torch::linspace(2, 3, clips);
      for (const Gradient gradient : kGradients) {
        for (int bits = 1; bits <= 8; ++bits) {
          const auto ours = [&](const auto& in) {
            return composed::pact(in[0], in[1], bits, gradient);
          };
          const auto theirs = [&](const auto& in) { return pact(in[0], in[1], bits, gradient); };
          expect_same(outcome(ours, {x, alpha}, upstream), outcome(theirs, {x, alpha}, upstream));
        }
      }
    }
  }
}

TEST(Composed, TwoSidedIsThatOfTheCpu) {
  const Tensor low = torch::full({1}, -1.5F);
  const Tensor high = torch::full({1}, 2.0F);
  for (const Tensor& x : activations()) {
    const Tensor upstream = torch::randn(x.sizes()).to(x.scalar_type());
    for (const Gradient gradient : kGradients) {
      for (int bits = 1; bits <= 8; ++bits) {
        const auto ours = [&](const auto& in) {
          return composed::two_sided(in[0], in[1], in[2], bits, gradient);
        };
        const auto theirs = [&](const auto& in) {
          return two_sided(in[0], in[1], in[2], bits, gradient);
        };
        expect_same(outcome(ours, {x, low, high}, upstream),
                    outcome(theirs, {x, low, high}, upstream));
      }
    }
  }
}

TEST(Composed, StreamIsThatOfTheCpu) {
  const Tensor range = torch::full({1}, 1.5F);
  for (const Tensor& x : activations()) {
    const Tensor upstream = torch::randn(x.sizes()).to(x.scalar_type());
    const auto ours = [&](const auto& in) { return composed::stream(in[0], range); };
    const auto theirs = [&](const auto& in) { return stream(in[0], range); };
    expect_same(outcome(ours, {x}, upstream), outcome(theirs, {x}, upstream));
  }
}

TEST(Composed, WeightsAreThoseOfTheCpu) {
  torch::manual_seed(4);
  const Tensor weights = torch::randn({6, 4, 3, 3});
  const Tensor upstream = torch::randn({6, 4, 3, 3});
  for (const auto& [scheme, name] : numeric::kWeightSchemeNames) {
    if (scheme == WeightScheme::None) continue;
    for (const auto& [granularity, group_size, groups] :
         {std::tuple{Granularity::Tensor, 0, 1}, std::tuple{Granularity::Channel, 0, 6},
          std::tuple{Granularity::Group, 12, 18}}) {
      if (scheme == WeightScheme::DoReFa && granularity != Granularity::Tensor) continue;
      for (int bits = scheme == WeightScheme::MinMax ? 2 : 1; bits <= 8; ++bits) {
        const WeightSpec spec{scheme, bits, granularity, group_size};
        const Tensor given =
            numeric::has_given_scales(spec) ? torch::linspace(0.01, 0.3, groups) : Tensor{};
        const auto ours =
            outcome([&](const auto& in) { return composed::quantize_weights(in[0], spec, given); },
                    {weights}, upstream);
        const auto expected =
            outcome([&](const auto& in) { return quantize_weights(in[0], spec, given); }, {weights},
                    upstream);
        EXPECT_TRUE(torch::allclose(ours[0], expected[0], 1e-6, 0)) << name << " " << bits;
        EXPECT_TRUE(torch::allclose(ours[1], expected[1], 1e-4, 1e-5)) << name << " " << bits;
      }
    }
  }
}

TEST(Composed, WeightsOfZeroAreThoseOfTheCpu) {
  for (const WeightScheme scheme :
       {WeightScheme::DoReFa, WeightScheme::Sawb, WeightScheme::MinMax}) {
    const WeightSpec spec{.scheme = scheme, .bits = 4};
    const Tensor zeros = torch::zeros({2, 3});
    EXPECT_TRUE(
        torch::equal(composed::quantize_weights(zeros, spec, {}), quantize_weights(zeros, spec)));
  }
}

}  // namespace
}  // namespace pact::quantizers
