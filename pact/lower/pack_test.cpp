// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "pact/format/model.h"
#include "pact/graph/quantize.h"
#include "pact/lower/lower.h"
#include "pact/models/models.h"

namespace pact::lower {
namespace {

using namespace graph;

struct Sizes {
  std::size_t file = 0;
  double expected = 0;  // sum of weights x bits / 8, and floats of full-precision layers
};

Sizes sizes(int bits, LayerPolicy::Precision edges) {
  Network network = value_or_throw(models::build("cifar-resnet20-v1", {3, 32, 32, 10}));
  models::initialize(network, 1);
  network.preprocessing = {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}};
  QuantizePolicy policy;
  policy.inner.weights.scheme = numeric::WeightScheme::Sawb;
  policy.inner.weights.bits = bits;
  policy.inner.activation_bits = std::max(2, bits);
  policy.first.precision = policy.last.precision = edges;
  const Network lowered = value_or_throw(lower(value_or_throw(quantize(network, policy))));
  Sizes result;
  result.file = value_or_throw(pack(lowered, {})).size();
  for (NodeId id = 0; id < static_cast<NodeId>(lowered.nodes().size()); ++id) {
    const Node& node = lowered.node(id);
    const auto add = [&](int width) {
      result.expected +=
          static_cast<double>(element_count(lowered.parameter(id, "weight").shape)) * width / 8;
    };
    if (const auto* op = node.as<IntConv2d>()) add(op->weights.bits);
    if (const auto* op = node.as<IntLinear>()) add(op->weights.bits);
    if (node.as<Conv2d>() != nullptr || node.as<Linear>() != nullptr) add(32);
  }
  return result;
}

// What is not weights: requantizations (12 or 16 bytes a channel), pixel tables, names, structure.
// It does not depend on the width; on networks of usual size it vanishes.
TEST(Pack, FileHoldsKBitsAWeightForEveryWidth) {
  const Sizes eight = sizes(8, LayerPolicy::Precision::Quantized);
  const double overhead = static_cast<double>(eight.file) - eight.expected;
  EXPECT_LT(overhead, 24000);
  for (int bits = 1; bits <= 7; ++bits) {
    const Sizes s = sizes(bits, LayerPolicy::Precision::Quantized);
    EXPECT_NEAR(static_cast<double>(s.file), s.expected + overhead, 200) << bits << " bits";
  }
  const Sizes with_floats = sizes(4, LayerPolicy::Precision::Float);
  EXPECT_LT(static_cast<double>(with_floats.file), with_floats.expected + overhead);
}

TEST(Pack, KeepsWhatAUserNeeds) {
  Network network = value_or_throw(models::build("demo-resnet", {1, 28, 28, 2}));
  models::initialize(network, 1);
  network.preprocessing = {{0.3F}, {0.4F}};
  network.classes = {"cat", "dog"};
  const Network lowered = value_or_throw(lower(value_or_throw(quantize(network, {}))));
  const auto bytes = value_or_throw(pack(lowered, {.recipe = "seed = 1", .source = "a test"}));
  const auto model = value_or_throw(format::read(bytes));
  EXPECT_EQ(model.name, "demo-resnet");
  EXPECT_EQ(model.recipe, "seed = 1");
  EXPECT_EQ(model.source, "a test");
  EXPECT_EQ(model.classes, (std::vector<std::string_view>{"cat", "dog"}));
  EXPECT_EQ(model.mean[0], 0.3F);
  EXPECT_EQ(model.std[0], 0.4F);
  EXPECT_EQ(value_or_throw(pack(lowered, {.recipe = "seed = 1", .source = "a test"})), bytes);
}

TEST(Pack, RefusesANetworkThatIsNotLowered) {
  Network network = value_or_throw(models::build("demo-resnet", {1, 28, 28, 2}));
  models::initialize(network, 1);
  EXPECT_FALSE(pack(value_or_throw(quantize(network, {})), {}).has_value());
}

}  // namespace
}  // namespace pact::lower
