// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pact::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Fills every parameter that is missing with `value`.
void fill(Network& network, float value) {
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    for (const ParameterSlot& slot : network.parameter_slots(id)) {
      const auto count = static_cast<std::size_t>(element_count(slot.shape));
      Tensor tensor = Tensor::f32(slot.shape, std::vector<float>(count, value));
      if (slot.type == ParameterType::I32)
        tensor = Tensor::i32(slot.shape, std::vector<int>(count, 1));
      if (slot.type == ParameterType::I64) {
        tensor = Tensor::i64(slot.shape, std::vector<std::int64_t>(count, 1));
      }
      network.set_parameter(id, slot.role, std::move(tensor));
    }
  }
}

// input 4x8x8 -> conv 6, 3x3, 2 groups, stride 2, bias -> bn -> relu -> flatten -> fc 5
Network small() {
  Network network;
  network.name = "small";
  const NodeId input = value_or_throw(network.add("input", Input{4, 8, 8}, {}));
  const NodeId conv = value_or_throw(network.add("conv",
                                                 Conv2d{.out_channels = 6,
                                                        .kernel = {3, 3},
                                                        .stride = {2, 2},
                                                        .padding = {1, 1, 1, 1},
                                                        .groups = 2,
                                                        .bias = Bias::Present},
                                                 {input}));
  const NodeId bn = value_or_throw(network.add("bn", BatchNorm{}, {conv}));
  const NodeId relu = value_or_throw(network.add("relu", Relu{}, {bn}));
  const NodeId flat = value_or_throw(network.add("flat", Flatten{}, {relu}));
  value_or_throw(network.add("fc", Linear{.out_features = 5}, {flat}));
  return network;
}

// Message of the error that adding gives; the node must not have been added.
std::string add_error(Network& network, const std::string& name, const Operation& operation,
                      const std::vector<NodeId>& inputs) {
  const std::size_t before = network.nodes().size();
  const Result<NodeId> id = network.add(name, operation, inputs);
  EXPECT_EQ(network.nodes().size(), before + (id ? 1 : 0));
  return id ? "no error" : id.error().message;
}

TEST(Network, AddInfersTheTypeOfEachValue) {
  const Network network = small();
  EXPECT_EQ(network.node(0).type.shape, (Shape{4, 8, 8}));
  EXPECT_EQ(network.node(1).type.shape, (Shape{6, 4, 4}));
  EXPECT_EQ(network.node(3).type.shape, (Shape{6, 4, 4}));
  EXPECT_EQ(network.node(4).type.shape, (Shape{96}));
  EXPECT_EQ(network.node(5).type.shape, (Shape{5}));
  for (const Node& node : network.nodes()) EXPECT_EQ(node.type.element, Element::F32);
}

TEST(Network, WindowsHaveTheShapesOfPyTorch) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{2, 11, 9}, {}));
  const auto shape = [&](const std::string& name, const Operation& op) {
    return network.node(value_or_throw(network.add(name, op, {in}))).type.shape;
  };
  EXPECT_EQ(shape("a", Conv2d{.out_channels = 3, .kernel = {3, 2}, .stride = {2, 3}}),
            (Shape{3, 5, 3}));
  EXPECT_EQ(shape("b", Conv2d{.out_channels = 1, .kernel = {3, 3}, .dilation = {2, 4}}),
            (Shape{1, 7, 1}));
  EXPECT_EQ(shape("c", Conv2d{.out_channels = 1, .kernel = {2, 2}, .padding = {1, 0, 2, 3}}),
            (Shape{1, 13, 11}));
  EXPECT_EQ(shape("d", MaxPool{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}}),
            (Shape{2, 6, 5}));
  EXPECT_EQ(shape("e", AvgPool{.kernel = {2, 2}, .stride = {2, 2}}), (Shape{2, 5, 4}));
  EXPECT_EQ(shape("f", GlobalAvgPool{}), (Shape{2, 1, 1}));
  EXPECT_EQ(shape("g", Shortcut{{2, 2}, 1, 3}), (Shape{6, 6, 5}));
  EXPECT_EQ(shape("h", Pad{{1, 2, 3, 4}, {2, 3}}), (Shape{2, 25, 31}));
  EXPECT_EQ(shape("i", Resize{{22, 5}, {2, 0.5F}, {}}), (Shape{2, 22, 5}));
}

TEST(Network, LevelsAndAccumulatorsFlowThroughIntegerOperations) {
  Network network;
  const numeric::Grid u4 = numeric::unsigned_grid(4);
  const NodeId in = value_or_throw(network.add(
      "in", Input{.channels = 2, .height = 4, .width = 4, .element = ImageElement::Pixels}, {}));
  EXPECT_EQ(network.node(in).type.element, Element::Pixel);
  const NodeId levels = value_or_throw(network.add("levels", Lookup{.grid = u4}, {in}));
  EXPECT_EQ(network.node(levels).type, (ValueType{Element::Level, {2, 4, 4}, u4}));
  const NodeId pooled =
      value_or_throw(network.add("pooled", MaxPool{{2, 2}, {2, 2}, {}}, {levels}));
  EXPECT_EQ(network.node(pooled).type, (ValueType{Element::Level, {2, 2, 2}, u4}));
  const NodeId sums = value_or_throw(network.add("sums", SumPool{{0, 0}, {}}, {pooled}));
  EXPECT_EQ(network.node(sums).type, (ValueType{Element::Accumulator, {2, 1, 1}, {}}));
  const NodeId again =
      value_or_throw(network.add("again", Requantize{.shift = 4, .grid = u4}, {sums}));
  EXPECT_EQ(network.node(again).type, (ValueType{Element::Level, {2, 1, 1}, u4}));
  const NodeId back = value_or_throw(network.add("back", Dequantize{}, {again}));
  EXPECT_EQ(network.node(back).type.element, Element::F32);
  EXPECT_THAT(add_error(network, "bad1", Relu{}, {levels}), HasSubstr("node 'bad1' (relu)"));
  EXPECT_THAT(add_error(network, "bad2", Conv2d{}, {in}), HasSubstr("element type"));
  EXPECT_THAT(add_error(network, "bad3", IntConv2d{}, {back}), HasSubstr("element type"));
  EXPECT_THAT(add_error(network, "bad4", Lookup{}, {levels}), HasSubstr("element type"));
  EXPECT_THAT(add_error(network, "bad5", Requantize{.shift = 4, .grid = u4}, {levels, sums}),
              HasSubstr("one shape"));
}

TEST(Network, AddErrorsNameTheNodeAndSayWhatWasFound) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{4, 8, 8}, {}));
  const NodeId flat = value_or_throw(network.add("flat", Flatten{}, {in}));
  const NodeId other = value_or_throw(network.add("other", Conv2d{.out_channels = 3}, {in}));
  struct Case {
    Operation operation;
    std::vector<NodeId> inputs;
    std::string expected;
  };
  const Case cases[] = {
      {Relu{}, {}, "expected 1 inputs, found 0"},
      {Relu{}, {in, in}, "found 2"},
      {Add{}, {in}, "expected 2 inputs"},
      {Add{}, {in, other}, "4x8x8 and 3x8x8"},
      {Input{}, {in}, "expected 0 inputs"},
      {Input{0, 8, 8}, {}, "an extent from 1"},
      {Input{3, -1, 8}, {}, "found -1"},
      {Input{1 << 20, 1 << 20, 1 << 20}, {}, "too large"},
      {Conv2d{}, {flat}, "channels x height x width, found 256"},
      {Conv2d{.kernel = {9, 9}}, {in}, "window of 9 does not fit an input of 8"},
      {Conv2d{.kernel = {3, 3}, .dilation = {4, 1}}, {in}, "window of 9"},
      {Conv2d{.kernel = {0, 1}}, {in}, "kernel, stride or dilation"},
      {Conv2d{.stride = {1, 0}}, {in}, "kernel, stride or dilation"},
      {Conv2d{.padding = {0, -1, 0, 0}}, {in}, "padding from 0"},
      {Conv2d{.out_channels = 0}, {in}, "out_channels"},
      {Conv2d{.out_channels = 6, .groups = 3}, {in}, "groups that divide 4 and 6"},
      {Conv2d{.out_channels = 3, .groups = 2}, {in}, "groups that divide 4 and 3"},
      {Conv2d{.groups = 0}, {in}, "groups from 1"},
      {Conv2d{.weights = {.scheme = numeric::WeightScheme::Sawb, .bits = 9}}, {in}, "found 9"},
      {Linear{}, {in}, "flat input, found 4x8x8"},
      {Linear{.out_features = 0}, {flat}, "out_features"},
      {BatchNorm{.epsilon = -1e-5F}, {in}, "epsilon"},
      {BatchNorm{.epsilon = std::numeric_limits<float>::quiet_NaN()}, {in}, "epsilon"},
      {MaxPool{{2, 2}, {2, 2}, {2, 0, 0, 0}}, {in}, "padding smaller than the kernel"},
      {Shortcut{{1, 1}, -1, 0}, {in}, "added channels"},
      {FakeQuantize{.bits = 9}, {in}, "bits from 1 to 8"},
      {FakeQuantize{.bits = 0}, {in}, "bits from 1 to 8"},
      {FakeQuantize{.scheme = ActivationScheme::Stream, .bits = 8}, {in}, "bits from 16"},
      {FakeQuantize{.scheme = ActivationScheme::TwoSided,
                    .granularity = numeric::Granularity::Channel},
       {in},
       "only pact"},
      {FakeQuantize{.granularity = numeric::Granularity::Group}, {in}, "no groups"},
      {Quantize{.grid = numeric::odd_grid(4)}, {in}, "holds zero"},
      {Relu{}, {17}, "found value 17"},
      {Relu{}, {-1}, "found value -1"},
  };
  for (const Case& c : cases) {
    const std::string message = add_error(network, "bad", c.operation, c.inputs);
    EXPECT_THAT(message, HasSubstr("node 'bad'"));
    EXPECT_THAT(message, HasSubstr(c.expected));
  }
  EXPECT_EQ(network.nodes().size(), 3U);
  EXPECT_FALSE(network.find("bad"));
}

TEST(Network, ANameInUseIsAnError) {
  Network network = small();
  EXPECT_THAT(add_error(network, "conv", Relu{}, {0}),
              HasSubstr("node 'conv': the name is in use"));
  EXPECT_EQ(network.find("conv"), NodeId{1});
}

TEST(Network, NamesHoldOnlyTheListedCharacters) {
  Network network;
  value_or_throw(network.add("in", Input{}, {}));
  for (const std::string bad : {"", "a b", "a\"", "a\n", "%a", "a(b", "a=b", "\xC3\xA9"}) {
    EXPECT_THAT(add_error(network, bad, Relu{}, {0}), HasSubstr("node name")) << bad;
  }
  EXPECT_THAT(add_error(network, std::string(513, 'x'), Relu{}, {0}), HasSubstr("node name"));
  EXPECT_EQ(add_error(network, "layer1.0/Conv_2-x:0", Relu{}, {0}), "no error");
}

TEST(Network, ConsumersListsEachReaderOnceInOrder) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{}, {}));
  const NodeId twice = value_or_throw(network.add("twice", Add{}, {in, in}));
  const NodeId relu = value_or_throw(network.add("relu", Relu{}, {in}));
  value_or_throw(network.add("sum", Add{}, {relu, twice}));
  EXPECT_THAT(network.consumers(in), ElementsAre(twice, relu));
  EXPECT_THAT(network.consumers(relu), ElementsAre(3));
  EXPECT_TRUE(network.consumers(3).empty());
}

TEST(Network, TheOutputIsTheLastNodeUnlessSet) {
  Network network = small();
  EXPECT_EQ(network.output(), 5);
  network.set_output(3);
  EXPECT_EQ(network.output(), 3);
}

TEST(Network, ParameterSlotsAreTheDocumentedOnes) {
  const Network network = small();
  const auto slots = [&](NodeId id) {
    std::vector<std::string> result;
    for (const auto& slot : network.parameter_slots(id)) {
      result.push_back(slot.role + " " + to_string(slot.shape));
    }
    return result;
  };
  EXPECT_TRUE(slots(0).empty());
  EXPECT_THAT(slots(1), ElementsAre("weight 6x2x3x3", "bias 6"));
  EXPECT_THAT(slots(2), ElementsAre("weight 6", "bias 6", "running_mean 6", "running_var 6"));
  EXPECT_TRUE(slots(3).empty());
  EXPECT_THAT(slots(5), ElementsAre("weight 5x96", "bias 5"));
  EXPECT_EQ(Network::parameter_name(network.node(1), "weight"), "conv.weight");
}

TEST(Network, ParameterSlotsOfQuantizersFollowTheirScheme) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{3, 2, 2}, {}));
  const auto slots = [&](const FakeQuantize& op) {
    const std::string name = text("q", network.nodes().size());
    std::vector<std::string> result;
    for (const auto& slot : network.parameter_slots(value_or_throw(network.add(name, op, {in})))) {
      result.push_back(slot.role + " " + to_string(slot.shape));
    }
    return result;
  };
  EXPECT_THAT(slots({.scheme = ActivationScheme::Pact}), ElementsAre("alpha 1"));
  EXPECT_THAT(slots({.granularity = numeric::Granularity::Channel}), ElementsAre("alpha 3"));
  EXPECT_THAT(slots({.scheme = ActivationScheme::TwoSided}), ElementsAre("low 1", "high 1"));
  EXPECT_THAT(slots({.scheme = ActivationScheme::Range}), ElementsAre("low 1", "high 1"));
  EXPECT_THAT(slots({.scheme = ActivationScheme::Stream, .bits = 16}), ElementsAre("range 1"));
}

TEST(Verify, AcceptsANetworkWithAllItsParameters) {
  Network network = small();
  fill(network, 0.5F);
  const Status status = network.verify();
  EXPECT_TRUE(status) << status.error().message;
}

TEST(Verify, EachFaultIsAnErrorThatNamesTheParameter) {
  struct Case {
    void (*damage)(Network&);
    std::string expected;
  };
  const Case cases[] = {
      {[](Network& n) { n.parameters().erase("fc.bias"); }, "'fc.bias' (5) is missing"},
      {[](Network& n) {
         n.parameters()["other.weight"] = Tensor::f32({2}, {1, 2});
       },
       "'other.weight' (2) belongs to no node"},
      {[](Network& n) { n.parameters()["relu.weight"] = Tensor::f32({1}, {1}); }, "'relu.weight'"},
      {[](Network& n) {
         n.parameters()["fc.bias"] = Tensor::f32({4}, {1, 2, 3, 4});
       },
       "'fc.bias': expected 5, found 4"},
      {[](Network& n) {
         n.parameters()["fc.bias"] = Tensor::f32({1, 5}, {1, 2, 3, 4, 5});
       },
       "found 1x5"},
      {[](Network& n) {
         n.parameters()["fc.bias"] = Tensor::f32({5}, {1, 2, 3});
       },
       "'fc.bias'"},
      {[](Network& n) {
         n.parameters()["fc.bias"] = Tensor::i32({5}, {1, 2, 3, 4, 5});
       },
       "another element type"},
      {[](Network& n) {
         n.parameters()["bn.bias"].floats()[3] = std::numeric_limits<float>::quiet_NaN();
       },
       "'bn.bias': expected finite"},
      {[](Network& n) {
         n.parameters()["conv.weight"].floats()[0] = -std::numeric_limits<float>::infinity();
       },
       "'conv.weight': expected finite"},
      {[](Network& n) { n.set_output(99); }, "the output does not exist"},
  };
  for (const Case& c : cases) {
    Network network = small();
    fill(network, 0.5F);
    c.damage(network);
    const Status status = network.verify();
    ASSERT_FALSE(status) << c.expected;
    EXPECT_THAT(status.error().message, HasSubstr(c.expected));
  }
}

TEST(Verify, RefusesScalesThatAreNotPositive) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{3, 2, 2}, {}));
  const NodeId flat = value_or_throw(network.add("flat", Flatten{}, {in}));
  const numeric::WeightSpec given{.scheme = numeric::WeightScheme::Scaled};
  const Linear layer{.out_features = 2, .weights = given};
  const NodeId fc = value_or_throw(network.add("fc", layer, {flat}));
  fill(network, 0.5F);
  ASSERT_TRUE(network.verify());
  for (const float scale : {0.0F, -0.5F, 1e-45F}) {
    network.set_parameter(fc, "weight_scale", Tensor::f32({1}, {scale}));
    const Status status = network.verify();
    ASSERT_FALSE(status) << scale;
    EXPECT_THAT(status.error().message,
                HasSubstr("'fc.weight_scale': expected scales that are positive and finite"));
  }
}

TEST(Verify, RefusesANetworkWithoutNodes) { EXPECT_FALSE(Network().verify()); }

TEST(Verify, RefusesASecondInput) {
  Network n;
  value_or_throw(n.add("a", Input{1, 2, 2}, {}));
  EXPECT_TRUE(n.verify());
  value_or_throw(n.add("b", Input{1, 2, 2}, {}));
  EXPECT_THAT(n.verify().error().message, HasSubstr("node 'b': expected one input"));
}

TEST(Network, HasAsManyNodesAsAPackedFile) {
  Network n;
  NodeId last = value_or_throw(n.add("in", Input{1, 1, 1}, {}));
  while (n.nodes().size() < kMaxNodes) {
    last = value_or_throw(n.add("n" + std::to_string(n.nodes().size()), Relu{}, {last}));
  }
  EXPECT_THAT(n.add("more", Relu{}, {last}).error().message, HasSubstr("at most 16384 nodes"));
}

TEST(Verify, RefusesALevelOffTheGrid) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{1, 2, 2, ImageElement::Pixels}, {}));
  const NodeId levels =
      value_or_throw(network.add("levels", Lookup{.grid = numeric::unsigned_grid(4)}, {in}));
  const NodeId conv = value_or_throw(
      network.add("conv", IntConv2d{.out_channels = 2, .weights = numeric::odd_grid(2)}, {levels}));
  fill(network, 0);
  ASSERT_TRUE(network.verify());
  network.set_parameter(conv, "weight", Tensor::i32({2, 1, 1, 1}, {3, 2}));
  ASSERT_FALSE(network.verify());
  EXPECT_THAT(network.verify().error().message,
              HasSubstr("'conv.weight': level 2 is not on its grid odd2"));
  network.set_parameter(conv, "weight", Tensor::i32({2, 1, 1, 1}, {3, -3}));
  ASSERT_TRUE(network.verify());
  std::vector<std::int32_t> table(256, 15);
  table[200] = 16;
  network.set_parameter(levels, "table", Tensor::i32({1, 256}, table));
  ASSERT_FALSE(network.verify());
  EXPECT_THAT(network.verify().error().message, HasSubstr("'levels.table': level 16"));
}

TEST(Network, MacsCountEachProductOnceAndFollowTheGroups) {
  const Network network = small();
  EXPECT_EQ(network.macs(0), 0);
  EXPECT_EQ(network.macs(1), 6 * 4 * 4 * (4 / 2) * 3 * 3);
  EXPECT_EQ(network.macs(2), 0);
  EXPECT_EQ(network.macs(5), 5 * 96);
  EXPECT_EQ(network.macs(), 6 * 4 * 4 * 2 * 9 + 5 * 96);
}

TEST(Network, MacsOfADepthwiseConvolutionHaveNoChannelFactor) {
  Network network;
  const NodeId in = value_or_throw(network.add("in", Input{8, 5, 5}, {}));
  const NodeId conv = value_or_throw(
      network.add("conv", Conv2d{.out_channels = 8, .kernel = {3, 3}, .groups = 8}, {in}));
  EXPECT_EQ(network.macs(conv), 8 * 3 * 3 * 9);
}

TEST(Infer, NamesWhatDoesNotFitTheOperationsThatMakeRowsAndColumns) {
  const ValueType image{Element::F32, {4, 3, 5}, {}};
  const ValueType levels{Element::Level, {4, 3, 5}, numeric::unsigned_grid(4)};
  const ValueType sums{Element::Accumulator, {4, 3, 5}, {}};
  const auto error = [](const Operation& op, const std::vector<ValueType>& inputs) {
    const auto type = infer(op, inputs);
    return type ? "no error" : type.error().message;
  };
  EXPECT_EQ(error(Pad{{1, 0, 0, 0}, {2, 2}}, {levels}), "no error");
  EXPECT_THAT(error(Pad{}, {image, image}), HasSubstr("expected 1 inputs, found 2"));
  EXPECT_THAT(error(Pad{}, {sums}), HasSubstr("does not fit this operation"));
  EXPECT_THAT(error(Pad{}, {{Element::F32, {60}, {}}}), HasSubstr("channels x height x width"));
  EXPECT_THAT(error(Pad{{0, 0, -1, 0}, {}}, {image}), HasSubstr("padding from 0 to 1024"));
  EXPECT_THAT(error(Pad{{0, 1025, 0, 0}, {}}, {image}), HasSubstr("found 1025"));
  EXPECT_THAT(error(Pad{{}, {1, 0}}, {image}), HasSubstr("a spread from 1 to 1024, found 0"));
  EXPECT_THAT(error(Pad{{}, {1025, 1}}, {image}), HasSubstr("a spread from 1 to 1024"));
  const ValueType large{Element::F32, {1, 2000, 1000}, {}};
  EXPECT_THAT(error(Pad{{}, {1024, 1}}, {large}), HasSubstr("an extent from 1 to 1048576"));
  EXPECT_THAT(error(Pad{{}, {500, 500}}, {large}), HasSubstr("is too large"));

  const Resize nearest{{6, 5}, {2, 1}, {}};
  Resize linear = nearest;
  linear.rule.interpolation = numeric::Interpolation::Linear;
  EXPECT_EQ(error(nearest, {levels}), "no error");
  EXPECT_EQ(error(linear, {image}), "no error");
  EXPECT_THAT(error(linear, {levels}), HasSubstr("does not fit this operation"));
  EXPECT_THAT(error(nearest, {sums}), HasSubstr("does not fit this operation"));
  EXPECT_THAT(error(Resize{{0, 5}, {}, {}}, {image}), HasSubstr("an extent from 1"));
  EXPECT_THAT(error(Resize{{1 << 20, 1 << 20}, {}, {}}, {image}), HasSubstr("is too large"));
  for (const float scale : {0.0F, -2.0F, INFINITY, NAN}) {
    EXPECT_THAT(error(Resize{{6, 5}, {2, scale}, {}}, {image}),
                HasSubstr("scales that are positive and finite, found 2 and "));
  }
}

TEST(Infer, NamesWhatDoesNotFitTheOperationsThatMoveChannels) {
  const ValueType image{Element::F32, {4, 3, 5}, {}};
  const ValueType wider{Element::F32, {4, 3, 6}, {}};
  const ValueType pixels{Element::Pixel, {4, 3, 5}, {}};
  const ValueType levels{Element::Level, {4, 3, 5}, numeric::unsigned_grid(4)};
  const ValueType other_levels{Element::Level, {4, 3, 5}, numeric::unsigned_grid(5)};
  const auto error = [](const Operation& op, const std::vector<ValueType>& inputs) {
    const auto type = infer(op, inputs);
    return type ? "no error" : type.error().message;
  };
  EXPECT_EQ(error(Concat{}, {levels, levels}), "no error");
  EXPECT_THAT(error(Concat{}, {image, wider}), HasSubstr("inputs of one type and size"));
  EXPECT_THAT(error(Concat{}, {levels, other_levels}), HasSubstr("inputs of one type and size"));
  EXPECT_THAT(error(Concat{}, {levels, image}), HasSubstr("inputs of one type and size"));
  EXPECT_THAT(error(Concat{}, {pixels}), HasSubstr("does not fit this operation"));
  EXPECT_THAT(error(Slice{4, 1}, {image}), HasSubstr("first from 0 to 3, found 4"));
  EXPECT_THAT(error(Slice{2, 3}, {image}), HasSubstr("count from 1 to 2, found 3"));
  EXPECT_THAT(error(Multiply{}, {image, wider}), HasSubstr("factors of one shape"));
  EXPECT_THAT(error(Multiply{}, {image, levels}), HasSubstr("does not fit this operation"));
  EXPECT_THAT(error(Rearrange{{60}, {1}, {60}}, {image}), HasSubstr("an order's entry"));
  EXPECT_THAT(error(Rearrange{{6, 10}, {0, 0}, {60}}, {image}), HasSubstr("an order's entry"));
  EXPECT_THAT(error(Rearrange{{6, 10}, {0}, {60}}, {image}), HasSubstr("a view and a shape of 60"));
  EXPECT_THAT(error(Rearrange{{59}, {0}, {60}}, {image}), HasSubstr("a view and a shape of 60"));
  EXPECT_THAT(error(Rearrange{{60}, {0}, {6, 10}}, {image}), HasSubstr("a view and a shape of 60"));
  EXPECT_THAT(error(Pointwise{numeric::Function::Clip, 2, 1}, {image}),
              HasSubstr("expected bounds in order, found 2 and 1"));
  EXPECT_THAT(error(Pointwise{numeric::Function::LeakyRelu, INFINITY, 1}, {image}),
              HasSubstr("finite coefficients"));
  EXPECT_THAT(error(AvgPool{{2, 2}, {1, 1}, {2, 0, 0, 0}}, {image}),
              HasSubstr("padding smaller than the kernel"));
}

}  // namespace
}  // namespace pact::graph
