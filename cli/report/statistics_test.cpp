// SPDX-License-Identifier: Apache-2.0
#include "cli/report/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pact::cli::report {
namespace {

using testing::ElementsAre;

graph::Network one_quantizer(const graph::FakeQuantize& op, std::int64_t channels = 1) {
  graph::Network network;
  value_or_throw(
      network.add("image", graph::Input{.channels = channels, .height = 1, .width = 2}, {}));
  const graph::NodeId id = value_or_throw(network.add("act", op, {0}));
  for (const graph::ParameterSlot& slot : network.parameter_slots(id)) {
    network.set_parameter(
        id, slot.role,
        graph::Tensor::f32(slot.shape, std::vector<float>(static_cast<std::size_t>(
                                           graph::element_count(slot.shape)))));
  }
  return network;
}

graph::Network pact_network(float alpha) {
  graph::Network network = one_quantizer({.scheme = graph::ActivationScheme::Pact, .bits = 2});
  network.set_parameter(1, "alpha", graph::Tensor::f32({1}, {alpha}));
  return network;
}

TEST(Histogram, CountsBinsAndWhatLiesOutside) {
  Histogram histogram{.lowest = 0, .highest = 4, .counts = std::vector<std::int64_t>(4)};
  for (const double value :
       {0.0, 0.5, 1.0, 3.999, 4.0, 4.001, -0.001, std::numeric_limits<double>::quiet_NaN()}) {
    histogram.add(value);
  }
  EXPECT_THAT(histogram.counts, ElementsAre(2, 1, 0, 2));
  EXPECT_EQ(histogram.above, 1);
  EXPECT_EQ(histogram.below, 2);
}

TEST(ActivationCounter, ClipsAtAlphaAndAbove) {
  // Levels at 0, 1, 2, 3.
  ActivationCounter counter(pact_network(3.0F), 1);
  counter.add(std::vector<float>{-1.0F, 0.0F, 1.2F, 2.999F, 3.0F, 5.0F});
  const Quantization& result = counter.result();
  EXPECT_EQ(result.count, 6);
  EXPECT_EQ(result.clipped, 2);
  EXPECT_THAT(result.codes, ElementsAre(2, 1, 0, 3));
  EXPECT_DOUBLE_EQ(result.unused_share(), 0.25);
  // -1 is meant to be 0; 1.2 is off by 0.2, 5 by 2.
  EXPECT_NEAR(result.signal, 1.44 + 2.999 * 2.999 + 9 + 25, 1e-4);
  EXPECT_NEAR(result.noise, 0.04 + 1e-6 + 4, 1e-4);
  EXPECT_NEAR(result.decibels().value(), 10 * std::log10(result.signal / result.noise), 1e-9);
  EXPECT_NEAR(result.scale.value(), 1.0, 1e-6);
}

TEST(ActivationCounter, AlphaItselfIsClippedWhateverItIs) {
  for (const float alpha : {0.1F, 0.7F, 1.3F, 2.9F, 7.77F}) {
    ActivationCounter counter(pact_network(alpha), 1);
    counter.add(std::vector<float>{alpha, std::nextafter(alpha, 0.0F)});
    EXPECT_EQ(counter.result().clipped, 1) << alpha;
  }
}

TEST(ActivationCounter, EachChannelHasItsAlpha) {
  graph::Network network = one_quantizer({.scheme = graph::ActivationScheme::Pact,
                                          .bits = 2,
                                          .granularity = numeric::Granularity::Channel},
                                         2);
  network.set_parameter(1, "alpha", graph::Tensor::f32({2}, {3.0F, 30.0F}));
  ActivationCounter counter(network, 1);
  // Two images of two channels of two pixels.
  counter.add(std::vector<float>{3, 2, 3, 20, 4, 1, 40, 30});
  EXPECT_EQ(counter.result().clipped, 4);
  EXPECT_THAT(counter.result().codes, ElementsAre(1, 1, 2, 4) /* 3 of 30 is code 0 */);
  EXPECT_FALSE(counter.result().scale.has_value());
}

TEST(ActivationCounter, TwoSidedClipsBeyondHalfAStep) {
  graph::Network network = one_quantizer({.scheme = graph::ActivationScheme::TwoSided, .bits = 2});
  network.set_parameter(1, "low", graph::Tensor::f32({1}, {-1.0F}));
  network.set_parameter(1, "high", graph::Tensor::f32({1}, {2.0F}));
  ActivationCounter counter(network, 1);
  counter.add(std::vector<float>{-1.6F, -1.4F, 0, 2.4F, 2.6F});
  EXPECT_EQ(counter.result().clipped, 2);
  EXPECT_THAT(counter.result().codes, ElementsAre(2, 1, 0, 2));
}

TEST(ActivationCounter, RefusesClipsWithoutAGrid) {
  for (const float alpha : {0.0F, -1.0F, 1e-45F}) {
    EXPECT_THROW(ActivationCounter(pact_network(alpha), 1), Exception) << alpha;
  }
}

TEST(WeightQuantization, CountsClippedAndUnused) {
  const numeric::WeightSpec spec{.scheme = numeric::WeightScheme::Scaled, .bits = 2};
  // Levels -2 .. 1 times 0.5.
  const std::vector<float> weights{-1.0F, -1.2F, -1.3F, 0.1F, 0.7F, 0.8F};
  const Quantization result = weight_quantization(weights, 1, spec, std::vector<float>{0.5F});
  EXPECT_EQ(result.clipped, 2);
  EXPECT_THAT(result.codes, ElementsAre(3, 0, 1, 2));
  EXPECT_DOUBLE_EQ(result.unused_share(), 0.25);
  EXPECT_NEAR(result.noise, 0.04 + 0.09 + 0.01 + 0.04 + 0.09, 1e-6);
}

TEST(WeightQuantization, WithoutNoiseIsInfiniteAndWithoutSignalNone) {
  const numeric::WeightSpec spec{.scheme = numeric::WeightScheme::Scaled, .bits = 4};
  const std::vector<float> scale{1.0F};
  const std::vector<float> on_grid{-3, 0, 2};
  EXPECT_TRUE(std::isinf(weight_quantization(on_grid, 1, spec, scale).decibels().value()));
  const std::vector<float> zeros(3);
  EXPECT_FALSE(weight_quantization(zeros, 1, spec, scale).decibels().has_value());
}

TEST(WeightQuantization, DoReFaIsComparedWithSquashedWeights) {
  const numeric::WeightSpec spec{.scheme = numeric::WeightScheme::DoReFa, .bits = 8};
  std::vector<float> weights;
  for (int i = -50; i <= 50; ++i) weights.push_back(0.001F * static_cast<float>(i));
  const Quantization result = weight_quantization(weights, 1, spec);
  EXPECT_GT(result.decibels().value(), 40);
  EXPECT_EQ(result.clipped, 0);
  EXPECT_EQ(result.histogram.below + result.histogram.above, 0);
}

TEST(LayersOf, TellsFloatFromQuantizedAndWhatIsRead) {
  graph::Network network = pact_network(3.0F);
  const auto conv = [&](const std::string& name, const numeric::WeightSpec& spec,
                        graph::NodeId input) {
    const graph::NodeId id = value_or_throw(
        network.add(name, graph::Conv2d{.out_channels = 3, .weights = spec}, {input}));
    network.set_parameter(id, "weight", graph::Tensor::f32({3, 1, 1, 1}, {0.1F, -0.2F, 0.3F}));
  };
  conv("float", {}, 0);
  conv("quantized", {.scheme = numeric::WeightScheme::MinMax, .bits = 3}, 1);
  const std::vector<Layer> layers = layers_of(network);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_FALSE(layers[0].quantized.has_value());
  EXPECT_FALSE(layers[0].quantizer.has_value());
  EXPECT_EQ(layers[0].bytes, 12U);
  EXPECT_EQ(layers[0].macs, 6);
  EXPECT_EQ(layers[1].operation, "conv 1x1");
  EXPECT_EQ(layers[1].shape, "3x1x2");
  EXPECT_EQ(layers[1].grid, "s3");
  EXPECT_EQ(layers[1].bytes, 2U);  // 9 bits
  EXPECT_EQ(layers[1].quantizer, 1);
  EXPECT_EQ(layers[1].quantized->count, 3);
}

}  // namespace
}  // namespace pact::cli::report
