// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "pact/graph/evaluator.h"

namespace pact::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Builds the networks below, node by node.
class Builder {
 public:
  NodeId add(const std::string& name, const Operation& op, const std::vector<NodeId>& inputs) {
    return value_or_throw(network.add(name, op, inputs));
  }
  NodeId conv(const std::string& name, NodeId x, std::int64_t channels, std::int64_t stride = 1) {
    return add(name,
               Conv2d{.out_channels = channels,
                      .kernel = {3, 3},
                      .stride = {stride, stride},
                      .padding = {1, 1, 1, 1}},
               {x});
  }
  NodeId norm(const std::string& name, NodeId x) { return add(name, BatchNorm{}, {x}); }
  NodeId relu(const std::string& name, NodeId x) { return add(name, Relu{}, {x}); }
  void finish(NodeId x) {
    x = add("pool", GlobalAvgPool{}, {x});
    x = add("flatten", Flatten{}, {x});
    add("linear", Linear{.out_features = 3}, {x});
    for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
      for (const ParameterSlot& slot : network.parameter_slots(id)) {
        std::vector<float> values(static_cast<std::size_t>(element_count(slot.shape)));
        for (std::size_t i = 0; i < values.size(); ++i) {
          values[i] = slot.role == "running_var" ? 1.0F : 0.1F * static_cast<float>(i % 7) - 0.25F;
        }
        network.set_parameter(id, slot.role, Tensor::f32(slot.shape, values));
      }
    }
  }

  Network network;
};

// As cifar-resnet20-v1: activation after each addition; one block of each kind.
Network post_activation() {
  Builder b;
  b.network.name = "post";
  b.network.classes = {"x", "y", "z"};
  b.network.preprocessing = {{0.5F, 0.4F, 0.5F}, {0.25F, 0.25F, 0.125F}};
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.relu("relu1", b.norm("bn1", b.conv("conv1", x, 4)));
  NodeId y = b.relu("l1.relu1", b.norm("l1.bn1", b.conv("l1.conv1", x, 4)));
  y = b.norm("l1.bn2", b.conv("l1.conv2", y, 4));
  x = b.relu("l1.relu2", b.add("l1.add", Add{}, {y, x}));
  y = b.relu("l2.relu1", b.norm("l2.bn1", b.conv("l2.conv1", x, 8, 2)));
  y = b.norm("l2.bn2", b.conv("l2.conv2", y, 8));
  x = b.add("l2.shortcut", Shortcut{{2, 2}, 2, 2}, {x});
  b.finish(b.relu("l2.relu2", b.add("l2.add", Add{}, {y, x})));
  return b.network;
}

// As cifar-resnet20-v2: activation before each convolution, the sum is read by two nodes.
Network pre_activation() {
  Builder b;
  b.network.name = "pre";
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.relu("relu1", b.norm("bn1", b.conv("conv1", x, 4)));
  NodeId y = b.relu("l1.relu2", b.norm("l1.bn2", b.conv("l1.conv1", x, 4)));
  x = b.add("l1.add", Add{}, {b.conv("l1.conv2", y, 4), x});
  y = b.relu("l2.relu1", b.norm("l2.bn1", x));
  y = b.relu("l2.relu2", b.norm("l2.bn2", b.conv("l2.conv1", y, 8, 2)));
  x = b.add("l2.pool", AvgPool{{2, 2}, {2, 2}}, {x});
  x = b.add("l2.shortcut", Shortcut{{1, 1}, 2, 2}, {x});
  x = b.add("l2.add", Add{}, {b.conv("l2.conv2", y, 8), x});
  b.finish(b.relu("relu", b.norm("bn", x)));
  return b.network;
}

Network quantized(const Network& network, const QuantizePolicy& policy = {}) {
  Network result = value_or_throw(quantize(network, policy));
  value_or_throw(result.verify());
  return result;
}

const Node& at(const Network& network, const std::string& name) {
  const auto id = network.find(name);
  if (!id) throw_error(ErrorCode::NotFound, "no node ", name);
  return network.node(*id);
}

// "pact 4" for a quantizer, the name of the operation for any other node.
std::string kind(const Network& network, const std::string& name) {
  const Node& node = at(network, name);
  const auto* op = node.as<FakeQuantize>();
  if (op == nullptr) return std::string(graph::name(node.operation));
  const char* names[] = {"pact", "two-sided", "range", "stream"};
  return text(names[static_cast<int>(op->scheme)], " ", op->bits);
}

std::string reads(const Network& network, const std::string& name) {
  return network.node(at(network, name).inputs[0]).name;
}

const numeric::WeightSpec& weights(const Network& network, const std::string& name) {
  const Node& node = at(network, name);
  return node.as<Conv2d>() != nullptr ? node.as<Conv2d>()->weights : node.as<Linear>()->weights;
}

// Names of the nodes that `after` has and `before` has not.
std::vector<std::string> added(const Network& before, const Network& after) {
  std::vector<std::string> names;
  for (const Node& node : after.nodes()) {
    if (!before.find(node.name)) names.push_back(node.name);
  }
  return names;
}

LayerPolicy float_layer() { return {.precision = LayerPolicy::Precision::Float}; }

LayerPolicy bits(int weight_bits, int activation_bits) {
  LayerPolicy policy;
  policy.weights.bits = weight_bits;
  policy.activation_bits = activation_bits;
  return policy;
}

TEST(Quantize, PactTakesThePlaceOfEachReluWithTheBitsOfItsReaders) {
  const Network n = quantized(post_activation());
  for (const char* inner : {"relu1", "l1.relu1", "l1.relu2", "l2.relu1"})
    EXPECT_EQ(kind(n, inner), "pact 4");
  EXPECT_EQ(kind(n, "l2.relu2"), "pact 8");
  for (const Node& node : n.nodes()) EXPECT_EQ(node.as<Relu>(), nullptr) << node.name;
}

TEST(Quantize, AShortcutMayHaveMoreBitsThanTheLayersBesideIt) {
  const Network before = post_activation();
  QuantizePolicy policy;
  policy.shortcut_bits = 8;
  const Network n = quantized(before, policy);
  EXPECT_THAT(added(before, n),
              ElementsAre("conv1.input", "l1.conv1.input", "l2.conv1.input", "linear.input"));
  for (const char* shortcut : {"relu1", "l1.relu2"}) EXPECT_EQ(kind(n, shortcut), "pact 8");
  for (const char* inside : {"l1.relu1", "l2.relu1"}) EXPECT_EQ(kind(n, inside), "pact 4");
  EXPECT_EQ(kind(n, "l1.conv1.input"), "pact 4");
  EXPECT_EQ(reads(n, "l1.conv1.input"), "relu1");
  EXPECT_EQ(reads(n, "l1.conv1"), "l1.conv1.input");
  EXPECT_EQ(n.node(at(n, "l1.add").inputs[1]).name, "relu1");
  EXPECT_EQ(reads(n, "l2.shortcut"), "l1.relu2");
}

TEST(Quantize, OnlyWhatAnAdditionReadsIsAShortcut) {
  Builder b;
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.relu("relu1", b.conv("conv1", x, 4));
  NodeId y = b.relu("relu2", b.norm("bn", x));
  y = b.add("relu6", Pointwise{numeric::Function::Clip, 0, 6}, {b.conv("conv2", y, 4)});
  const NodeId gate = b.add("gate", Pointwise{numeric::Function::Sigmoid}, {b.conv("deep", y, 4)});
  b.finish(b.add("add", Add{}, {b.add("scaled", Multiply{}, {gate, x}), y}));
  QuantizePolicy policy;
  policy.shortcut_bits = 8;
  const Network n = quantized(b.network, policy);
  EXPECT_EQ(kind(n, "relu1"), "pact 4");  // read by a norm and a product
  EXPECT_EQ(kind(n, "relu2"), "pact 4");
  EXPECT_EQ(kind(n, "relu6.pact"), "pact 8");
  EXPECT_EQ(reads(n, "deep"), "deep.input");
  EXPECT_EQ(n.parameter(*n.find("deep.input"), "alpha").floats()[0], 6);  // the bound
}

TEST(Quantize, ShortcutsOfFewerBitsThanTheLayersAskForChangeNothing) {
  QuantizePolicy policy;
  policy.shortcut_bits = policy.inner.activation_bits;
  EXPECT_EQ(added(post_activation(), quantized(post_activation(), policy)),
            added(post_activation(), quantized(post_activation())));
}

TEST(Quantize, LayersBehindAPooledShortcutShareAQuantizerOfTheirBits) {
  Builder b;
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.add("pool1", MaxPool{{2, 2}, {2, 2}}, {b.relu("relu1", b.conv("conv1", x, 4))});
  const NodeId one = b.conv("one", x, 4);
  const NodeId two = b.conv("two", x, 4);
  const NodeId wide = b.conv("wide", x, 4);
  x = b.add("add1", Add{}, {one, x});
  x = b.add("add2", Add{}, {b.add("add3", Add{}, {two, wide}), x});
  b.finish(b.relu("relu2", x));
  QuantizePolicy policy{
      .overrides = {{"wide", bits(8, 8)}, {"one", bits(2, 2)}, {"two", bits(2, 2)}}};
  policy.shortcut_bits = 8;
  // What some layer reads in as many bits anyway needs nothing of its own.
  EXPECT_EQ(reads(quantized(b.network, policy), "one"), "pool1");
  policy.overrides[0].policy = bits(3, 3);
  const Network n = quantized(b.network, policy);
  EXPECT_EQ(kind(n, "relu1"), "pact 8");
  EXPECT_EQ(reads(n, "one"), "one.input");
  EXPECT_EQ(reads(n, "two"), "one.input");
  EXPECT_EQ(reads(n, "wide"), "wide.input");
  EXPECT_EQ(kind(n, "one.input"), "pact 2");
  EXPECT_EQ(kind(n, "wide.input"), "pact 3");
}

TEST(Quantize, FirstInnerAndLastLayersHaveTheirWeights) {
  const Network n = quantized(post_activation());
  const QuantizePolicy policy;
  EXPECT_EQ(weights(n, "conv1"), policy.first.weights);
  EXPECT_EQ(weights(n, "linear"), policy.last.weights);
  for (const char* inner : {"l1.conv1", "l1.conv2", "l2.conv1", "l2.conv2"}) {
    EXPECT_EQ(weights(n, inner), policy.inner.weights) << inner;
  }
  EXPECT_EQ(policy.first.weights.bits, 8);
  EXPECT_EQ(policy.first.weights.scheme, numeric::WeightScheme::MinMax);
  EXPECT_EQ(policy.inner.weights.bits, 4);
}

TEST(Quantize, ALayerIsFirstBehindAPooledImage) {
  Builder b;
  const NodeId image = b.add("input", Input{3, 8, 8}, {});
  b.finish(b.conv("one", b.add("means", AvgPool{{2, 2}, {2, 2}}, {image}), 4));
  EXPECT_EQ(weights(quantized(b.network), "one"), QuantizePolicy{}.first.weights);
}

TEST(Quantize, TheImageAndTheClassifierGetQuantizersOfTheirOwn) {
  const Network before = post_activation();
  const Network n = quantized(before);
  EXPECT_THAT(added(before, n), ElementsAre("conv1.input", "linear.input"));
  EXPECT_EQ(kind(n, "conv1.input"), "range 8");
  EXPECT_EQ(reads(n, "conv1"), "conv1.input");
  EXPECT_EQ(kind(n, "linear.input"), "pact 8");  // an average of values that are not negative
  EXPECT_EQ(reads(n, "linear"), "linear.input");
  EXPECT_EQ(reads(n, "linear.input"), "flatten");
}

TEST(Quantize, TheRangeOfTheImageIsThatOfNormalisedPixels) {
  const Network n = quantized(post_activation());
  EXPECT_FLOAT_EQ(n.parameter(*n.find("conv1.input"), "low").floats()[0], -4.0F);  // -0.5 / 0.125
  EXPECT_FLOAT_EQ(n.parameter(*n.find("conv1.input"), "high").floats()[0], 4.0F);
}

TEST(Quantize, ASumThatTwoNodesReadBecomesAStream) {
  const Network before = pre_activation();
  const Network n = quantized(before);
  EXPECT_THAT(added(before, n), ElementsAre("conv1.input", "l1.add.stream", "linear.input"));
  EXPECT_EQ(kind(n, "l1.add.stream"), "stream 16");
  EXPECT_EQ(reads(n, "l2.bn1"), "l1.add.stream");
  EXPECT_EQ(reads(n, "l2.pool"), "l1.add.stream");
  EXPECT_EQ(reads(n, "l1.add.stream"), "l1.add");
  EXPECT_EQ(reads(n, "bn"), "l2.add");  // one reader: no stream
  for (const char* inner : {"relu1", "l1.relu2", "l2.relu1", "l2.relu2"})
    EXPECT_EQ(kind(n, inner), "pact 4");
  EXPECT_EQ(kind(n, "relu"), "pact 8");
}

TEST(Quantize, ParametersOfTheFloatNetworkAreKeptAndQuantizersStartAtAlpha) {
  const Network before = pre_activation();
  QuantizePolicy policy;
  policy.alpha = 6.5F;
  const Network n = quantized(before, policy);
  for (const auto& [name, tensor] : before.parameters())
    EXPECT_EQ(n.parameters().at(name), tensor) << name;
  EXPECT_EQ(n.parameters().at("l1.relu2.alpha"), Tensor::f32({1}, {6.5F}));
  EXPECT_EQ(n.parameters().at("l1.add.stream.range"), Tensor::f32({1}, {6.5F}));
  EXPECT_EQ(n.name, before.name);
}

TEST(Quantize, NameClassesPreprocessingAndShapesAreKept) {
  const Network before = post_activation();
  const Network n = quantized(before);
  EXPECT_EQ(n.name, before.name);
  EXPECT_EQ(n.classes, before.classes);
  EXPECT_EQ(n.preprocessing, before.preprocessing);
  for (const Node& node : before.nodes()) EXPECT_EQ(at(n, node.name).type, node.type) << node.name;
  EXPECT_EQ(n.node(n.output()).name, "linear");
}

TEST(Quantize, TheAlphaPolicyReachesEveryPact) {
  QuantizePolicy policy;
  policy.gradient = AlphaGradient::PactPlus;
  policy.alpha_granularity = numeric::Granularity::Channel;
  const Network n = quantized(post_activation(), policy);
  EXPECT_EQ(n.parameters().at("l2.relu1.alpha").shape, (Shape{8}));
  EXPECT_EQ(at(n, "l2.relu1").as<FakeQuantize>()->gradient, AlphaGradient::PactPlus);
}

TEST(Quantize, FloatFirstAndLastLayersStayAsTheyAre) {
  QuantizePolicy policy;
  policy.first = float_layer();
  policy.last = float_layer();
  const Network before = post_activation();
  const Network n = quantized(before, policy);
  EXPECT_TRUE(added(before, n).empty());
  EXPECT_EQ(weights(n, "conv1").scheme, numeric::WeightScheme::None);
  EXPECT_EQ(weights(n, "linear").scheme, numeric::WeightScheme::None);
  EXPECT_EQ(reads(n, "conv1"), "input");
  EXPECT_EQ(reads(n, "linear"), "flatten");
  EXPECT_EQ(kind(n, "l1.relu1"), "pact 4");
  EXPECT_EQ(weights(n, "l1.conv1").bits, 4);
}

TEST(Quantize, WeightsAloneOrActivationsAloneAreQuantizedWhereTheOthersStayFloats) {
  QuantizePolicy policy;
  policy.first = policy.last = float_layer();
  policy.inner.weights.scheme = numeric::WeightScheme::None;
  const Network before = post_activation();
  const Network activations = quantized(before, policy);
  EXPECT_TRUE(added(before, activations).empty());
  EXPECT_EQ(kind(activations, "l1.relu1"), "pact 4");
  EXPECT_EQ(weights(activations, "l1.conv1").scheme, numeric::WeightScheme::None);

  policy.inner = bits(2, kFloatBits);
  const Network plain = quantized(before, policy);
  EXPECT_TRUE(added(before, plain).empty());
  EXPECT_EQ(kind(plain, "l1.relu1"), "relu");
  EXPECT_EQ(kind(plain, "l1.relu2"), "relu");  // an addition reads it, too
  EXPECT_EQ(weights(plain, "l1.conv1").bits, 2);
  EXPECT_EQ(reads(plain, "l1.conv1"), reads(before, "l1.conv1"));
}

TEST(Quantize, AReluThatOnlyFloatLayersReadStaysARelu) {
  QuantizePolicy policy;
  policy.overrides = {{"l1.conv2", float_layer()}};
  const Network n = quantized(post_activation(), policy);
  EXPECT_EQ(kind(n, "l1.relu1"), "relu");
  EXPECT_EQ(weights(n, "l1.conv2").scheme, numeric::WeightScheme::None);
  EXPECT_EQ(kind(n, "relu1"), "pact 4");
}

TEST(Quantize, OverridesApplyByPatternAndTheLastThatMatchesWins) {
  QuantizePolicy policy;
  policy.overrides = {{"l2.*", bits(2, 3)}, {"*.conv2", bits(5, 6)}, {"linear", bits(7, 7)}};
  const Network n = quantized(post_activation(), policy);
  EXPECT_EQ(weights(n, "l2.conv1").bits, 2);
  EXPECT_EQ(weights(n, "l2.conv2").bits, 5);
  EXPECT_EQ(weights(n, "l1.conv2").bits, 5);
  EXPECT_EQ(weights(n, "l1.conv1").bits, 4);
  EXPECT_EQ(weights(n, "linear").bits, 7);
  EXPECT_EQ(kind(n, "l1.relu2"), "pact 3");  // read by l2.conv1
  EXPECT_EQ(kind(n, "l2.relu1"), "pact 6");  // read by l2.conv2
  EXPECT_EQ(kind(n, "l2.relu2"), "pact 7");
  EXPECT_EQ(kind(n, "linear.input"), "pact 7");
}

TEST(Quantize, ALayerPatternThatMatchesNothingIsAnError) {
  for (const char* pattern : {"layer9.*", "relu1", "pool", ""}) {
    QuantizePolicy policy;
    policy.overrides = {{"conv1", bits(8, 8)}, {pattern, bits(2, 2)}};
    const auto result = quantize(post_activation(), policy);
    ASSERT_FALSE(result) << pattern;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(result.error().message,
                HasSubstr(text("no layer of 'post' matches '", pattern, "'")));
  }
}

TEST(Quantize, AQuantizedNetworkIsRefused) {
  const auto again = quantize(quantized(post_activation()), {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(again.error().message, HasSubstr("'post' is quantized already"));
}

TEST(Quantize, WidthsOutOfRangeAreErrorsThatNameTheNode) {
  QuantizePolicy policy;
  policy.inner = bits(9, 4);
  ASSERT_FALSE(quantize(post_activation(), policy));
  EXPECT_THAT(quantize(post_activation(), policy).error().message, HasSubstr("node 'l1.conv1'"));
  policy.inner = bits(4, 9);
  ASSERT_FALSE(quantize(post_activation(), policy));
  EXPECT_THAT(quantize(post_activation(), policy).error().message, HasSubstr("node 'relu1'"));
}

TEST(Quantize, AValueThatMayBeNegativeGetsATwoSidedQuantizerThatItsReadersShare) {
  Builder b;
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.norm("bn1", b.conv("conv1", x, 4));
  x = b.add("sum", Add{}, {b.conv("a", x, 4), b.conv("c", x, 4)});
  b.finish(x);
  const Network n = quantized(b.network);
  EXPECT_FALSE(n.find("bn1.stream"));
  EXPECT_EQ(kind(n, "a.input"), "two-sided 4");
  EXPECT_EQ(reads(n, "a"), "a.input");
  EXPECT_EQ(reads(n, "c"), "a.input");
  EXPECT_EQ(reads(n, "a.input"), "bn1");
  EXPECT_EQ(n.parameters().at("a.input.low"), Tensor::f32({1}, {-10}));
  EXPECT_EQ(n.parameters().at("a.input.high"), Tensor::f32({1}, {10}));
}

TEST(Quantize, EightBitsStayNearTheFloatNetwork) {
  const Network before = pre_activation();
  QuantizePolicy policy;
  policy.inner = QuantizePolicy::eight_bits();
  policy.alpha = 4;
  std::vector<float> image(3 * 8 * 8);
  for (std::size_t i = 0; i < image.size(); ++i)
    image[i] = static_cast<float>(i * 37 % 101) / 101.0F;
  const auto exact = std::get<std::vector<float>>(*evaluate(before, image));
  const auto near = std::get<std::vector<float>>(*evaluate(quantized(before, policy), image));
  policy.inner = bits(2, 2);
  const auto far = std::get<std::vector<float>>(*evaluate(quantized(before, policy), image));
  ASSERT_EQ(near.size(), 3U);
  double close_error = 0;
  double far_error = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    close_error += std::abs(near[i] - exact[i]);
    far_error += std::abs(far[i] - exact[i]);
  }
  EXPECT_LT(close_error, 0.05);
  EXPECT_GT(far_error, close_error);
}

TEST(Matches, AStarStandsForAnyText) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", "anything"));
  EXPECT_TRUE(matches("a*", "a"));
  EXPECT_TRUE(matches("layer1.*.conv*", "layer1.0.conv2"));
  EXPECT_TRUE(matches("*conv2", "layer1.0.conv2"));
  EXPECT_TRUE(matches("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(matches("**", "x"));
  EXPECT_TRUE(matches("*ab", "aab"));
  EXPECT_FALSE(matches("a*a", "a"));
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(300, 'a')));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_FALSE(matches("a*", "ba"));
  EXPECT_FALSE(matches("layer1.*", "layer10.0"));
  EXPECT_FALSE(matches("*conv2", "conv2x"));
  EXPECT_FALSE(matches("*a*b*", "xxbxxaxx"));
}

// An encoder of one layer and a decoder of two, the first of which reads what `decode` makes.
Network decoder(const Operation& decode) {
  Builder b;
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.relu("relu1", b.norm("bn1", b.conv("conv1", x, 4, 2)));
  x = b.add("decoded", decode, {x});
  b.finish(b.relu("relu2", b.conv("conv2", x, 4)));
  return b.network;
}

TEST(Quantize, LevelsStayLevelsAmongZerosAndAsNearestPixels) {
  for (const Operation& decode :
       {Operation(Pad{{1, 1, 1, 1}, {2, 2}}), Operation(Resize{{8, 8}, {2, 2}, {}})}) {
    const Network before = decoder(decode);
    const Network n = quantized(before);
    EXPECT_EQ(kind(n, "relu1"), "pact 4");
    EXPECT_THAT(added(before, n), ElementsAre("conv1.input", "linear.input"));
  }
  const Network before =
      decoder(Resize{{8, 8}, {2, 2}, {.interpolation = numeric::Interpolation::Linear}});
  const Network n = quantized(before);
  EXPECT_EQ(kind(n, "relu1"), "pact 4");
  EXPECT_THAT(added(before, n), ElementsAre("conv1.input", "conv2.input", "linear.input"));
  EXPECT_EQ(kind(n, "conv2.input"), "pact 4");  // between values that are not negative
}

TEST(Quantize, AReluThatAFloatClassifierReadsThroughAPoolStaysARelu) {
  QuantizePolicy policy;
  policy.last = float_layer();
  EXPECT_EQ(kind(quantized(post_activation(), policy), "l2.relu2"), "relu");
  EXPECT_EQ(kind(quantized(pre_activation(), policy), "relu"), "relu");
}

TEST(Quantize, FloatParametersAreThoseThatItWasGiven) {
  const Network before = post_activation();
  const Network n = quantized(before);
  EXPECT_NE(n.parameters(), before.parameters());
  EXPECT_EQ(float_parameters(n), before.parameters());
  QuantizePolicy policy;
  policy.inner.weights.scheme = numeric::WeightScheme::Scaled;
  EXPECT_EQ(float_parameters(quantized(before, policy)), before.parameters());
}

TEST(Quantize, RefusesAnIncompleteNormalisation) {
  Network network = post_activation();
  network.preprocessing = {{0.5F, 0.5F, 0.5F}, {0.25F}};
  EXPECT_FALSE(quantize(network, {}).has_value());
  network.preprocessing.std = {0.25F, 0.0F, 0.25F};
  EXPECT_FALSE(quantize(network, {}).has_value());
}

// As many paths as 2^40 lead through it.
TEST(Quantize, FollowsEveryNodeOnceWhereManyPathsMeet) {
  Builder b;
  NodeId x = b.add("input", Input{3, 8, 8}, {});
  x = b.relu("relu", b.conv("conv", x, 4));
  for (int i = 0; i < 40; ++i) {
    const std::string name = "d" + std::to_string(i);
    x = b.add(name + ".add", Add{}, {b.norm(name + ".a", x), b.norm(name + ".b", x)});
  }
  b.finish(x);
  EXPECT_TRUE(quantize(b.network, {}));
}

}  // namespace
}  // namespace pact::graph
