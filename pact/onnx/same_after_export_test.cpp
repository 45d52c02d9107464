// SPDX-License-Identifier: Apache-2.0
// Integer networks whose scales, signs and grids an exporter could lose: exported, imported and
// lowered, each computes the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "pact/onnx/same_results_test.h"

namespace pact::onnx {
namespace {

using namespace graph;
using testing::HasSubstr;

// Parses, and fills parameters with numbers of all sizes: clips and scales positive, weights beyond
// the levels of 4 bits on both sides, factors of batch norm of either sign, the second one 0.
Network filled(const std::string& source) {
  Network network = value_or_throw(parse(source));
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    const bool is_norm = network.node(id).as<BatchNorm>() != nullptr;
    for (const ParameterSlot& slot : network.parameter_slots(id)) {
      std::vector<float> values(static_cast<std::size_t>(element_count(slot.shape)));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = uniform(random);
        if (slot.role == "weight" && is_norm && i == 1) values[i] = 0;
        if (slot.role == "alpha") values[i] = 1 + 0.5F * static_cast<float>(i);
        if (slot.role == "running_var") values[i] = 1 + values[i] * values[i];
        if (slot.role == "weight_scale") values[i] = 0.1F;
        if (slot.role == "inverse") values[i] = 4;
        if (network.node(id).as<Dequantize>() != nullptr) {
          values[i] = slot.role == "scale" ? 0.25F : 0;
        }
      }
      network.set_parameter(id, slot.role, Tensor::f32(slot.shape, std::move(values)));
    }
  }
  return network;
}

constexpr const char* kHead = R"(network "exported"
mean 0.5 0.5
std 0.25 0.25
%image = input() {channels=2 height=4 width=4}
)";
constexpr const char* kTail = R"(%tail = global_avg_pool(%last) {}
%result = flatten(%tail) {}
)";

std::size_t lowest_levels(const Network& lowered, const char* layer, std::int32_t lowest) {
  const auto& levels = lowered.parameter(*lowered.find(layer), "weight").ints();
  return static_cast<std::size_t>(std::count(levels.begin(), levels.end(), lowest));
}

// Levels of k bits begin with one that has no opposite, which a negative factor would ask for.
TEST(SameAfterExport, LayersWithNegativeFactorsAndOnesOfZero) {
  for (const int bits : {4, 8}) {
    SCOPED_TRACE(bits);
    Network network = filled(kHead +
                             text(R"(%x = quantize(%image) {grid=u8 scale=0.25}
%x.value = dequantize(%x) {}
%conv = conv2d(%x.value) {out_channels=6 kernel=3x3 weights=scaled/)",
                                  bits, R"(/tensor}
%bn = batch_norm(%conv) {}
%last = fake_quantize(%bn) {scheme=pact bits=4}
)") + kTail);
    const float scale = bits == 4 ? 0.1F : 1.0F / 128;
    network.set_parameter(*network.find("conv"), "weight_scale", Tensor::f32({1}, {scale}));
    network.parameters().at("conv.weight").floats()[2 * 18] = -1;
    const Network lowered = value_or_throw(lower::lower(network));
    EXPECT_GT(lowest_levels(lowered, "conv", -(1 << (bits - 1))), 0U);
    expect_same_after_export(lowered);
  }
}

TEST(SameAfterExport, GridsWithoutTheLowestIntegerOfTheirBits) {
  for (const char* grid : {"s4", "s8", "a4-3", "a4-8", "u5"}) {
    SCOPED_TRACE(grid);
    // Of 4 bits the pixels leave the grid on both sides, of 8 the sums do.
    const std::string quantizer = text("{grid=", grid, " scale=0.25}\n");
    const Network network = filled(kHead +
                                   text("%x = quantize(%image) ", quantizer,
                                        R"(%x.value = dequantize(%x) {}
%conv = conv2d(%x.value) {out_channels=3 weights=min-max/8/tensor}
%bn = batch_norm(%conv) {}
%more = pointwise(%bn) {function=clip a=-900 b=900}
%y = quantize(%more) )",
                                        quantizer, "%last = dequantize(%y) {}\n") +
                                   kTail);
    expect_same_after_export(value_or_throw(lower::lower(network)));
  }
}

TEST(SameAfterExport, ElementsOfAFlatValueWithFactorsOfTheirOwn) {
  const Network network = filled(kHead + std::string(R"(%x = quantize(%image) {grid=u8 scale=0.25}
%x.value = dequantize(%x) {}
%conv = conv2d(%x.value) {out_channels=3 kernel=3x3 weights=min-max/8/channel}
%flat = flatten(%conv) {}
%bn = batch_norm(%flat) {}
%relu = fake_quantize(%bn) {scheme=pact bits=4}
%result = linear(%relu) {out_features=3 weights=min-max/8/channel}
)"));
  const Network lowered = value_or_throw(lower::lower(network));
  ASSERT_EQ(lowered.node(*lowered.find("flat")).type.element, Element::Accumulator);
  expect_same_after_export(lowered);
}

TEST(SameAfterExport, ADepthwiseLayerOfChannelsWithScalesOfTheirOwn) {
  Network network = filled(kHead + std::string(R"(%x = quantize(%image) {grid=u8 scale=0.25}
%x.value = dequantize(%x) {}
%left = conv2d(%x.value) {out_channels=2 weights=min-max/8/tensor}
%left.relu = fake_quantize(%left) {scheme=pact bits=4 granularity=channel}
%right = conv2d(%x.value) {out_channels=2 weights=min-max/8/tensor}
%right.relu = fake_quantize(%right) {scheme=pact bits=4}
%both = concat(%left.relu, %right.relu) {}
%conv = conv2d(%both) {out_channels=4 kernel=3x3 groups=4 weights=min-max/4/channel}
%last = fake_quantize(%conv) {scheme=pact bits=4}
)") + kTail);
  network.set_parameter(*network.find("right.relu"), "alpha", Tensor::f32({1}, {0.3F}));
  for (const char* weights : {"right.weight", "conv.weight"}) {
    for (float& weight : network.parameters().at(weights).floats()) weight = std::abs(weight);
  }
  const Network lowered = value_or_throw(lower::lower(network));
  ASSERT_NE(lowered.node(*lowered.find("conv")).as<IntConv2d>(), nullptr);
  expect_same_after_export(lowered);
}

TEST(SameAfterExport, AnImageOfSeveralStepsIsRefused) {
  Network network = filled(kHead +
                           std::string("%x = quantize(%image) {grid=u8 scale=0.25}\n"
                                       "%last = dequantize(%x) {}\n") +
                           kTail);
  network.set_parameter(1, "inverse", Tensor::f32({2}, {4, 2}));
  const Network lowered = value_or_throw(lower::lower(network));
  EXPECT_THAT(export_quantized(lowered).error().message,
              HasSubstr("node 'x': its channels are quantized in different steps"));
}

}  // namespace
}  // namespace pact::onnx
