// SPDX-License-Identifier: Apache-2.0
// The array computes what the graph evaluator computes, code by code, in every convolution of the
// zoo networks that one requantization follows.
#include "hw/rtl/array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "Array2.h"
#include "Array4.h"
#include "Array8.h"

namespace pact::rtl {
namespace {

struct Outcome {
  std::int64_t compared = 0;
  std::int64_t differing = 0;
  std::int64_t cycles = 0;
};

template <typename Module, int kBits>
Outcome run(const Layer& layer) {
  const auto array = std::make_unique<Array<Module, kBits>>();
  const auto output = array->run(layer);
  Outcome outcome{.compared = static_cast<std::int64_t>(layer.output.size()),
                  .cycles = array->cycles()};
  EXPECT_EQ(output.size(), layer.output.size());
  for (std::size_t i = 0; i < output.size(); ++i) {
    outcome.differing += output[i] != layer.output[i] ? 1 : 0;
  }
  return outcome;
}

// The array of the layer's bits.
Outcome run(const Layer& layer) {
  switch (std::max(layer.convolution.weights.bits, layer.input_type.grid.bits)) {
    case 2:
      return run<Array2, 2>(layer);
    case 4:
      return run<Array4, 4>(layer);
    default:
      return run<Array8, 8>(layer);
  }
}

std::vector<Layer> zoo_layers(const std::string& name) {
  const Image image = cifar_image();
  std::printf("%s, image: %s\n", name.c_str(), image.origin.c_str());
  return value_or_throw(evaluate_layers(PACT_SOURCE_DIR "/zoo/" + name, image));
}

class ArrayOnZoo : public testing::TestWithParam<std::string> {};

TEST_P(ArrayOnZoo, NoCodeOfAnyConvolutionDiffers) {
  const std::vector<Layer> layers = zoo_layers(GetParam());
  EXPECT_EQ(layers.size(), 19);
  Outcome total;
  for (const Layer& layer : layers) {
    const Outcome outcome = run(layer);
    std::printf(
        "%-15s %3lld -> %2zu channels, %s x %s -> %s%s: %6lld cycles, %5lld codes compared, %lld "
        "differ\n",
        layer.name.c_str(), static_cast<long long>(layer.input_type.channels()), layer.channels(),
        name(layer.input_type.grid).c_str(), name(layer.convolution.weights).c_str(),
        name(layer.output_type.grid).c_str(), layer.residuals.empty() ? "" : " + residual",
        static_cast<long long>(outcome.cycles), static_cast<long long>(outcome.compared),
        static_cast<long long>(outcome.differing));
    EXPECT_EQ(outcome.differing, 0) << layer.name;
    total.compared += outcome.compared;
    total.differing += outcome.differing;
    total.cycles += outcome.cycles;
  }
  std::printf("%zu layers, %lld cycles, %lld codes compared, %lld differ\n", layers.size(),
              static_cast<long long>(total.cycles), static_cast<long long>(total.compared),
              static_cast<long long>(total.differing));
  EXPECT_GT(total.compared, 180000);
}

INSTANTIATE_TEST_SUITE_P(Networks, ArrayOnZoo,
                         testing::Values("cifar10-resnet20-v1-w4a4.pact",
                                         "cifar10-resnet20-v1-w2a2.pact"),
                         [](const auto& instance) { return instance.param.substr(20, 4); });

// Where the code is far from both ends, so that it must change.
void flip_residual(Layer& layer) {
  const auto middle = std::find_if(layer.output.begin(), layer.output.end(),
                                   [](std::int32_t code) { return code > 5 && code < 10; });
  ASSERT_NE(middle, layer.output.end());
  layer.residuals[static_cast<std::size_t>(middle - layer.output.begin())] ^= 8;
}

// The comparison above can fail: each change of one bit is seen.
TEST(Array, OneFlippedBitIsSeen) {
  const std::vector<Layer> layers = zoo_layers("cifar10-resnet20-v1-w4a4.pact");
  const Layer& whole = layers.at(2);
  ASSERT_EQ(whole.name, "layer1.0.conv2");
  const std::pair<const char*, std::function<void(Layer&)>> changes[] = {
      {"a bit of a weight", [](Layer& layer) { layer.weights[0] ^= 8; }},
      {"a bit of an activation", [](Layer& layer) { layer.input[400] ^= 8; }},
      {"a bit of a residual", flip_residual},
      {"a bit of a multiplier", [](Layer& l) { l.requantization.multipliers[0] ^= 1 << 28; }},
      {"a bit of an offset", [](Layer& l) { l.requantization.offsets[0] ^= 1LL << 32; }},
  };
  for (const auto& [what, change] : changes) {
    Layer layer = whole;
    change(layer);
    const Outcome outcome = run(layer);
    std::printf("%s of %s flipped: %lld codes compared, %lld differ\n", what, layer.name.c_str(),
                static_cast<long long>(outcome.compared),
                static_cast<long long>(outcome.differing));
    EXPECT_GT(outcome.differing, 0) << what;
  }
}

}  // namespace
}  // namespace pact::rtl
