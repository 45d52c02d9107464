// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>

#include "pact/format/model.h"
#include "pact/graph/quantize.h"
#include "pact/lower/lower.h"
#include "pact/models/models.h"

namespace pact::lower {
namespace {

using namespace graph;

struct Sizes {
  double file = 0;
  double weights = 0;     // sum of weights x bits / 8
  double parameters = 0;  // the same of every parameter; those that are not weights have 32 bits
};

Sizes sizes(const std::string& name, int bits, LayerPolicy::Precision edges) {
  Network network = value_or_throw(models::build(name, {3, 32, 32, 10}));
  models::initialize(network, 1);
  network.preprocessing = {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}};
  QuantizePolicy policy;
  policy.inner.weights.scheme = numeric::WeightScheme::Sawb;
  policy.inner.weights.bits = bits;
  policy.inner.activation_bits = std::max(2, bits);
  policy.first.precision = policy.last.precision = edges;
  Sizes result;
  for (const auto& [parameter, tensor] : network.parameters()) {
    result.parameters += static_cast<double>(element_count(tensor.shape)) * 4;
  }
  const Network lowered = value_or_throw(lower(value_or_throw(quantize(network, policy))));
  result.file = static_cast<double>(value_or_throw(pack(lowered)).size());
  for (NodeId id = 0; id < static_cast<NodeId>(lowered.nodes().size()); ++id) {
    const Node& node = lowered.node(id);
    const auto add = [&](double width) {
      const auto count = static_cast<double>(element_count(lowered.parameter(id, "weight").shape));
      result.weights += count * width / 8;
      result.parameters += count * (width - 32) / 8;
    };
    if (const auto* op = node.as<IntConv2d>()) add(op->weights.bits);
    if (const auto* op = node.as<IntLinear>()) add(op->weights.bits);
    if (node.as<Conv2d>() != nullptr || node.as<Linear>() != nullptr) add(32);
  }
  return result;
}

// A float first layer reads 256 floats a channel in place of pixels. Two numbers a channel stand
// for the four of a batch norm; that pays for tables and names.
TEST(Pack, FileIsWithinThreePercentOfItsParametersForEveryWidth) {
  for (const char* name : {"cifar-resnet20-v1", "cifar-resnet56-v2"}) {
    for (int bits = 1; bits <= 8; ++bits) {
      for (const auto edges : {LayerPolicy::Precision::Quantized, LayerPolicy::Precision::Float}) {
        const Sizes s = sizes(name, bits, edges);
        const bool is_float = edges == LayerPolicy::Precision::Float;
        const double table = is_float ? 3 * 256 * 4 : 0;
        std::printf("| %s | %d | %s | %.0f | %.0f | %.0f | %.3f |\n", name, bits,
                    is_float ? "float" : "8 bits", s.weights, s.parameters + table, s.file,
                    s.file / (s.parameters + table));
        EXPECT_LT(s.file, 1.03 * s.parameters + table);
        EXPECT_GT(s.file, s.weights);
      }
    }
  }
}

TEST(Pack, KeepsWhatAUserNeeds) {
  Network network = value_or_throw(models::build("demo-resnet", {1, 28, 28, 2}));
  models::initialize(network, 1);
  network.preprocessing = {{0.3F}, {0.4F}};
  network.classes = {"cat", "dog"};
  const Network lowered = value_or_throw(lower(value_or_throw(quantize(network, {}))));
  const auto bytes = value_or_throw(pack(lowered, "seed = 1"));
  const auto model = value_or_throw(format::read(bytes));
  EXPECT_EQ(model.name, "demo-resnet");
  EXPECT_EQ(model.recipe, "seed = 1");
  EXPECT_EQ(model.classes, (std::vector<std::string_view>{"cat", "dog"}));
  EXPECT_EQ(model.mean[0], 0.3F);
  EXPECT_EQ(model.std[0], 0.4F);
  EXPECT_EQ(value_or_throw(pack(lowered, "seed = 1")), bytes);
}

TEST(Pack, UnpacksToTheNetworkThatWasPacked) {
  for (const char* name : {"cifar-resnet20-v1", "cifar-resnet20-v2", "demo-resnet"}) {
    for (const auto edges : {LayerPolicy::Precision::Quantized, LayerPolicy::Precision::Float}) {
      SCOPED_TRACE(name);
      Network network = value_or_throw(models::build(name, {3, 32, 32, 10}));
      models::initialize(network, 1);
      network.preprocessing = {{0.5F, 0.25F, 0.5F}, {0.25F, 0.25F, 0.5F}};
      network.classes = {"cat", "dog"};
      QuantizePolicy policy;
      policy.first.precision = policy.last.precision = edges;
      const Network lowered = value_or_throw(lower(value_or_throw(quantize(network, policy))));
      const auto bytes = value_or_throw(pack(lowered));
      const Network unpacked = value_or_throw(unpack(value_or_throw(format::read(bytes))));
      EXPECT_EQ(unpacked.classes, lowered.classes);
      EXPECT_EQ(unpacked.preprocessing, lowered.preprocessing);
      EXPECT_EQ(value_or_throw(pack(unpacked)), bytes);
      ASSERT_EQ(unpacked.nodes().size(), lowered.nodes().size());
      for (const auto& [parameter, tensor] : lowered.parameters()) {
        EXPECT_EQ(unpacked.parameters().at(parameter), tensor) << parameter;
      }
    }
  }
}

// The reader bounds sums that were moved by what made them, as lowering does.
TEST(Pack, SumsOfAPoolMayBeFlattenedBeforeTheyAreRequantized) {
  Network network = value_or_throw(parse(R"(network "pooled"
mean 0.5
std 0.25
%input = input() {channels=1 height=8 width=8}
%conv = conv2d(%input) {out_channels=4 kernel=3x3 padding=1,1,1,1}
%relu = relu(%conv) {}
%pool = avg_pool(%relu) {kernel=4x4 stride=4x4}
%flat = flatten(%pool) {}
%linear = linear(%flat) {out_features=3}
)"));
  models::initialize(network, 1);
  const Network lowered = value_or_throw(lower(value_or_throw(quantize(network, {}))));
  ASSERT_EQ(lowered.node(*lowered.find("flat")).type.element, Element::Accumulator);
  const auto bytes = value_or_throw(pack(lowered));
  EXPECT_EQ(value_or_throw(format::read(bytes)).nodes.size(), lowered.nodes().size());
}

// Squeeze and excitation: factors of channels, made by a linear layer, as an image of one pixel.
TEST(Pack, UnpacksFactorsThatALinearLayerMakes) {
  Network network = value_or_throw(parse(R"(network "excited"
mean 0.5
std 0.25
%input = input() {channels=1 height=4 width=4}
%conv = conv2d(%input) {out_channels=4 kernel=3x3}
%pool = global_avg_pool(%conv) {}
%flat = flatten(%pool) {}
%linear = linear(%flat) {out_features=4}
%factors = rearrange(%linear) {view=4 order=0 shape=4x1x1}
%result = multiply(%conv, %factors) {}
)"));
  models::initialize(network, 1);
  const Network lowered = value_or_throw(lower(network));
  const auto bytes = value_or_throw(pack(lowered));
  const Network unpacked = value_or_throw(unpack(value_or_throw(format::read(bytes))));
  EXPECT_EQ(value_or_throw(pack(unpacked)), bytes);
}

// A packed file does not say whether a single pixel has extents; only a linear layer is the same.
TEST(Pack, AConvolutionOfAFlatValueIsALinearLayerOrRefused) {
  for (const std::string convolution :
       {"kernel=1x1", "kernel=1x1 groups=2", "kernel=3x3 padding=1,1,1,1"}) {
    Network network = value_or_throw(parse(R"(network "flat"
mean 0.1
std 0.3
%image = input() {channels=1 height=2 width=2}
%levels = fake_quantize(%image) {scheme=range bits=8}
%pixel = rearrange(%levels) {view=4 order=0 shape=4x1x1}
%conv = conv2d(%pixel) {out_channels=4 )" + convolution +
                                           R"( weights=min-max/8/tensor}
%result = flatten(%conv) {}
)"));
    models::initialize(network, 1);
    network.set_parameter(1, "low", Tensor::f32({1}, {-1}));
    network.set_parameter(1, "high", Tensor::f32({1}, {1}));
    const auto bytes = value_or_throw(pack(value_or_throw(lower(network))));
    const auto unpacked = unpack(value_or_throw(format::read(bytes)));
    EXPECT_EQ(unpacked.has_value(), convolution == "kernel=1x1") << convolution;
  }
}

TEST(Pack, RefusesANetworkThatIsNotLowered) {
  Network network = value_or_throw(models::build("demo-resnet", {1, 28, 28, 2}));
  models::initialize(network, 1);
  EXPECT_FALSE(pack(value_or_throw(quantize(network, {}))).has_value());
}

}  // namespace
}  // namespace pact::lower
