// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pact/graph/quantize.h"
#include "pact/lower/lower.h"
#include "pact/models/models.h"

namespace pact::hardware {
namespace {

using graph::Network;
using testing::ElementsAre;
using testing::HasSubstr;

Network built(std::string_view name) {
  for (const models::ModelInfo& info : models::models()) {
    if (info.name == name) return value_or_throw(models::build(name, info.task));
  }
  throw_error(ErrorCode::NotFound, name);
}

// A chain: each node reads the one before it.
Network chain(std::vector<std::pair<std::string, graph::Operation>> nodes) {
  Network network;
  network.name = "chain";
  for (const auto& [name, operation] : nodes) {
    std::vector<graph::NodeId> inputs;
    if (!network.nodes().empty()) {
      inputs.push_back(static_cast<graph::NodeId>(network.nodes().size()) - 1);
    }
    value_or_throw(network.add(name, operation, inputs));
  }
  return network;
}

Workload of(const Network& network) { return value_or_throw(workload(network)); }

// Multiplications one at a time, from the shapes alone; shares no formula with the layer's counts.
std::int64_t counted_macs(const Network& network) {
  std::int64_t count = 0;
  for (const graph::Node& node : network.nodes()) {
    const auto* conv = node.as<graph::Conv2d>();
    if (conv == nullptr && node.as<graph::Linear>() == nullptr) continue;
    const graph::Shape& in = network.node(node.inputs[0]).type.shape;
    const graph::Shape& out = node.type.shape;
    if (conv == nullptr) {
      for (std::int64_t o = 0; o < out[0]; ++o) count += in[0];
      continue;
    }
    // Of one group and output channel; windows that hang over the edge count whole, as zeros do.
    for (std::int64_t y = -conv->padding.top;
         y + conv->dilation.y * (conv->kernel.y - 1) < in[1] + conv->padding.bottom;
         y += conv->stride.y) {
      for (std::int64_t x = -conv->padding.left;
           x + conv->dilation.x * (conv->kernel.x - 1) < in[2] + conv->padding.right;
           x += conv->stride.x) {
        count += conv->kernel.y * conv->kernel.x * (in[0] / conv->groups) * conv->out_channels;
      }
    }
  }
  return count;
}

std::int64_t weight_elements(const Network& network) {
  std::int64_t count = 0;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(network.nodes().size()); ++id) {
    for (const graph::ParameterSlot& slot : network.parameter_slots(id)) {
      if (slot.role == "weight" && slot.shape.size() > 1) count += graph::element_count(slot.shape);
    }
  }
  return count;
}

// MACs by hand: ResNet-20 of He et al. is 41 M; AlexNet in one column 714 M; ResNet-18 1.814 G;
// ResNet-50 4.089 G with the stride in the 3x3 layers, 3.858 G with it in the 1x1 layers. Weights
// as torchvision counts them, less biases and batch norm.
TEST(Workload, CountsAreThoseTakenByHand) {
  struct Expected {
    const char* network;
    std::int64_t macs;
    std::int64_t weights;
    std::size_t layers;
  };
  // ResNet-20: 16*3*9*1024 + 6*16*16*9*1024 + (32*16 + 5*32*32)*9*256 + (64*32 + 5*64*64)*9*64 +
  // 640
  constexpr std::int64_t kResNet20 = 442'368 + 14'155'776 + 12'976'128 + 12'976'128 + 640;
  constexpr std::int64_t kResNet20Weights = 432 + 13'824 + 50'688 + 202'752 + 640;
  // AlexNet: 64*3*121*3025 + 192*64*25*729 + 384*192*9*169 + 256*384*9*169 + 256*256*9*169
  //        + 9216*4096 + 4096*4096 + 4096*1000
  constexpr std::int64_t kAlexNet = 70'276'800 + 223'948'800 + 112'140'288 + 149'520'384 +
                                    99'680'256 + 37'748'736 + 16'777'216 + 4'096'000;
  constexpr std::int64_t kAlexNetWeights =
      23'232 + 307'200 + 663'552 + 884'736 + 589'824 + 37'748'736 + 16'777'216 + 4'096'000;
  constexpr Expected kExpected[] = {{"cifar-resnet20-v1", kResNet20, kResNet20Weights, 20},
                                    {"cifar-resnet20-v2", kResNet20, kResNet20Weights, 20},
                                    {"alexnet", kAlexNet, kAlexNetWeights, 8},
                                    {"resnet18", 1'814'073'344, 11'678'912, 21},
                                    {"resnet50", 4'089'184'256, 25'502'912, 54},
                                    {"resnet50-original", 3'857'973'248, 25'502'912, 54}};
  for (const Expected& expected : kExpected) {
    const Workload found = of(built(expected.network));
    EXPECT_EQ(found.macs(), expected.macs) << expected.network;
    EXPECT_EQ(found.weights(), expected.weights) << expected.network;
    EXPECT_EQ(found.layers.size(), expected.layers) << expected.network;
  }
}

TEST(Workload, CountsAreThoseOfAnIndependentCounter) {
  int examined = 0;
  for (const models::ModelInfo& info : models::models()) {
    const Network network = built(info.name);
    EXPECT_EQ(of(network).macs(), counted_macs(network)) << info.name;
    EXPECT_EQ(of(network).macs(), network.macs()) << info.name;
    EXPECT_EQ(of(network).weights(), weight_elements(network)) << info.name;
    ++examined;
  }
  EXPECT_GE(examined, 13);
}

TEST(Workload, KnowsGroupsStridesAndPositions) {
  const Workload found = of(chain({{"input", graph::Input{8, 6, 6}},
                                   {"a", graph::Conv2d{.out_channels = 16,
                                                       .kernel = {3, 3},
                                                       .stride = {2, 1},
                                                       .padding = {1, 1, 1, 1},
                                                       .groups = 4}},
                                   {"b", graph::Conv2d{.out_channels = 4}},
                                   {"flat", graph::Flatten{}},
                                   {"fc", graph::Linear{.out_features = 5}}}));
  ASSERT_EQ(found.layers.size(), 3U);
  const Layer& a = found.layers[0];
  EXPECT_EQ(a.weights(), 16 * 2 * 9);
  EXPECT_EQ(a.pixels, 3 * 6);
  EXPECT_EQ(a.macs(), 16 * 2 * 9 * 18);
  EXPECT_EQ(a.input_elements, 8 * 36);
  EXPECT_EQ(a.output_elements(), 16 * 18);
  EXPECT_EQ(a.position, Position::First);
  EXPECT_EQ(a.reader, 1U);
  EXPECT_EQ(found.layers[1].position, Position::Inner);
  EXPECT_EQ(found.layers[2].position, Position::Last);
  EXPECT_EQ(found.layers[2].reader, 2U);
  EXPECT_EQ(found.layers[2].kind, LayerKind::Linear);
  EXPECT_EQ(found.image_elements, 8 * 36);
}

TEST(Workload, ListsWhatItHasNoCostFor) {
  Network network = chain({{"input", graph::Input{8, 6, 6}},
                           {"conv", graph::Conv2d{.out_channels = 8}},
                           {"norm", graph::BatchNorm{}},
                           {"gate", graph::Pointwise{numeric::Function::Sigmoid}}});
  const auto add = [&](const char* name, const graph::Operation& operation,
                       std::vector<graph::NodeId> inputs) {
    return value_or_throw(network.add(name, operation, std::move(inputs)));
  };
  const graph::NodeId gated = add("gated", graph::Multiply{}, {2, 3});
  const graph::NodeId pool = add("pool", graph::GlobalAvgPool{}, {gated});
  const graph::NodeId flat = add("flat", graph::Flatten{}, {pool});
  add("probabilities", graph::Softmax{}, {flat});
  const Workload found = of(network);
  std::vector<std::string> names;
  for (const UncostedOperation& each : found.uncosted) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("gate", "gated", "probabilities"));
  EXPECT_EQ(found.uncosted[0].operation, "pointwise");
  EXPECT_EQ(found.uncosted[0].elements, 8 * 36);
  EXPECT_EQ(found.free_operations.at("batch_norm"), 1);
  EXPECT_EQ(found.free_operations.count("input"), 0U);
}

TEST(Workload, LoweredNetworksHaveTheirOwnBits) {
  Network network = built("demo-resnet");
  models::initialize(network, 1);
  network.preprocessing = {{0.5F}, {0.25F}};
  graph::QuantizePolicy policy;
  policy.inner.weights.bits = 2;
  policy.inner.activation_bits = 3;
  const Network quantized = value_or_throw(graph::quantize(network, policy));
  const Network lowered = value_or_throw(lower::lower(quantized));
  for (const Network* each : {&quantized, &lowered}) {
    const Workload found = of(*each);
    EXPECT_EQ(found.macs(), network.macs());
    EXPECT_EQ(own_bits(found), uniform_bits(found, {.weights = 2, .activations = 3}, 8));
  }
  EXPECT_EQ(of(lowered).layers[1].result, "layer1.0.relu1");
  EXPECT_EQ(of(network).layers[1].bits, (Bits{kFloatBits, kFloatBits}));
}

TEST(Workload, ANetworkWithoutLayersIsAnError) {
  const auto found = workload(chain({{"input", graph::Input{1, 2, 2}}, {"relu", graph::Relu{}}}));
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("expected convolutions or fully connected layers"));
}

}  // namespace
}  // namespace pact::hardware
