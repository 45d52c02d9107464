// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/activation_quantizers.h"

#include <gmock/gmock.h>

#include <limits>

namespace pact::graph {
namespace {

using testing::HasSubstr;

// An image of two channels and a quantizer with these clips.
Network network_of(const FakeQuantize& op, const std::map<std::string, std::vector<float>>& clips) {
  Network network;
  const NodeId image = value_or_throw(network.add("image", Input{2, 1, 1}, {}));
  const NodeId id = value_or_throw(network.add("clip", op, {image}));
  for (const auto& [role, values] : clips) {
    const auto count = static_cast<std::int64_t>(values.size());
    network.set_parameter(id, role, Tensor::f32({count}, values));
  }
  return network;
}

TEST(ActivationQuantizers, AreThoseOfTheClips) {
  const auto quantizers = value_or_throw(
      activation_quantizers(network_of({.scheme = ActivationScheme::Pact,
                                        .bits = 2,
                                        .granularity = numeric::Granularity::Channel},
                                       {{"alpha", {3, 6}}}),
                            1));
  ASSERT_EQ(quantizers.size(), 2U);
  EXPECT_EQ(quantizers[0].scale, 1.0F);
  EXPECT_EQ(quantizers[1].scale, 2.0F);
  EXPECT_EQ(quantizers[1].grid, numeric::unsigned_grid(2));
  const auto two_sided = value_or_throw(activation_quantizers(
      network_of({.scheme = ActivationScheme::TwoSided, .bits = 2}, {{"low", {-2}}, {"high", {1}}}),
      1));
  ASSERT_EQ(two_sided.size(), 1U);
  EXPECT_EQ(two_sided[0].grid, numeric::affine_grid(2, 2));
  const auto stream = value_or_throw(activation_quantizers(
      network_of({.scheme = ActivationScheme::Stream, .bits = numeric::kStreamBits},
                 {{"range", {32767}}}),
      1));
  EXPECT_EQ(stream[0].scale, 1.0F);
}

TEST(ActivationQuantizers, OfWhatHasCollapsedThereAreNone) {
  const auto expect_none = [](const FakeQuantize& op,
                              const std::map<std::string, std::vector<float>>& clips) {
    const auto result = activation_quantizers(network_of(op, clips), 1);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("node 'clip': expected clips"));
  };
  using Floats = std::numeric_limits<float>;
  for (const float alpha :
       {0.0F, -1.0F, Floats::denorm_min(), Floats::infinity(), Floats::quiet_NaN()}) {
    expect_none({.scheme = ActivationScheme::Pact, .bits = 4}, {{"alpha", {alpha}}});
    expect_none({.scheme = ActivationScheme::Stream, .bits = numeric::kStreamBits},
                {{"range", {alpha}}});
    expect_none({.scheme = ActivationScheme::TwoSided, .bits = 4},
                {{"low", {0}}, {"high", {alpha}}});
  }
  expect_none({.scheme = ActivationScheme::TwoSided, .bits = 4}, {{"low", {1}}, {"high", {2}}});
  expect_none({.scheme = ActivationScheme::TwoSided, .bits = 4}, {{"low", {-2}}, {"high", {-1}}});
}

}  // namespace
}  // namespace pact::graph
