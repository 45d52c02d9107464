// SPDX-License-Identifier: Apache-2.0
// Lowering of the built-in networks under many policies.
#include "pact/lower/lower.h"

#include <gtest/gtest.h>

#include <random>

#include "pact/graph/evaluator.h"
#include "pact/graph/quantize.h"
#include "pact/models/models.h"

namespace pact::lower {
namespace {

using namespace graph;

struct Case {
  std::string model;
  int weight_bits;
  int activation_bits;
  numeric::WeightScheme scheme = numeric::WeightScheme::Sawb;
  LayerPolicy::Precision edges = LayerPolicy::Precision::Quantized;
  int shortcut_bits = 0;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.model << " W" << c.weight_bits << "A" << c.activation_bits << " scheme "
       << static_cast<int>(c.scheme) << " shortcuts " << c.shortcut_bits;
}

// A small network of the kind, with clips that its values reach.
Network quantized(const Case& c) {
  Network network = value_or_throw(models::build(c.model, {3, 12, 12, 10}));
  models::initialize(network, 3);
  network.preprocessing = {{0.4F, 0.5F, 0.6F}, {0.2F, 0.25F, 0.3F}};
  QuantizePolicy policy;
  policy.inner.weights.scheme = c.scheme;
  policy.inner.weights.bits = c.weight_bits;
  if (c.scheme == numeric::WeightScheme::DoReFa) {
    policy.inner.weights.granularity = numeric::Granularity::Tensor;
  }
  policy.inner.activation_bits = c.activation_bits;
  policy.first.precision = policy.last.precision = c.edges;
  policy.shortcut_bits = c.shortcut_bits;
  policy.alpha = 3;
  return value_or_throw(quantize(network, policy));
}

class Lowering : public testing::TestWithParam<Case> {};

// The lowered network rounds its sums once in fixed point, the quantized one in floats: nearly all
// levels agree, and none is further off than one.
TEST_P(Lowering, KeepsNearlyEveryLevel) {
  const Network network = quantized(GetParam());
  const Network lowered = value_or_throw(lower(network));
  std::mt19937 random(11);
  std::vector<std::int32_t> pixels;
  std::vector<float> image;
  for (std::size_t i = 0; i < 3 * 12 * 12; ++i) {
    const std::size_t c = i / 144;
    pixels.push_back(static_cast<std::int32_t>(random() % 256));
    image.push_back((static_cast<float>(pixels.back()) / 255.0F - network.preprocessing.mean[c]) /
                    network.preprocessing.std[c]);
  }
  std::map<std::string, std::vector<std::int32_t>> levels;
  value_or_throw(evaluate(lowered, pixels, [&](NodeId id, const Value& value) {
    if (const auto* ints = std::get_if<std::vector<std::int32_t>>(&value)) {
      levels[lowered.node(id).name] = *ints;
    }
  }));
  const Network exposed = value_or_throw(expose_levels(network));
  std::int64_t compared = 0;
  std::int64_t differing = 0;
  value_or_throw(evaluate(exposed, image, [&](NodeId id, const Value& value) {
    const auto* op = exposed.node(id).as<Quantize>();
    if (op == nullptr) return;
    const auto& expected = std::get<std::vector<std::int32_t>>(value);
    const auto& found = levels.at(exposed.node(id).name);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ++compared;
      differing += found[i] != expected[i] ? 1 : 0;
    }
  }));
  EXPECT_GT(compared, 3000);
  // One level that falls the other way moves its neighbours in later layers, the fine ones most.
  EXPECT_LT(static_cast<double>(differing), 0.02 * static_cast<double>(compared));
}

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const auto& [w, a] :
       std::vector<std::pair<int, int>>{{2, 2}, {3, 3}, {4, 4}, {5, 5}, {8, 8}, {2, 4}, {4, 8}}) {
    result.push_back({"cifar-resnet20-v1", w, a});
  }
  result.push_back({"cifar-resnet20-v2", 4, 4});
  result.push_back({"cifar-resnet20-v1", 4, 4, numeric::WeightScheme::DoReFa});
  result.push_back({"cifar-resnet20-v1", 4, 4, numeric::WeightScheme::MinMax});
  result.push_back(
      {"cifar-resnet20-v1", 4, 4, numeric::WeightScheme::Sawb, LayerPolicy::Precision::Float});
  result.push_back(
      {"cifar-resnet20-v2", 3, 3, numeric::WeightScheme::DoReFa, LayerPolicy::Precision::Float});
  result.push_back({"demo-resnet", 2, 2});
  result.push_back(
      {.model = "cifar-resnet20-v1", .weight_bits = 2, .activation_bits = 2, .shortcut_bits = 8});
  return result;
}
INSTANTIATE_TEST_SUITE_P(Networks, Lowering, testing::ValuesIn(cases()));

TEST(Lower, DepthwiseAndGroupedLayersLower) {
  const char* source = R"(network "mobile"
mean 0.5
std 0.25
%input = input() {channels=1 height=6 width=6}
%conv.input = fake_quantize(%input) {scheme=range bits=8}
%conv = conv2d(%conv.input) {out_channels=4 weights=min-max/8/tensor}
%relu = fake_quantize(%conv) {scheme=pact bits=4 granularity=channel}
%deep = conv2d(%relu) {out_channels=4 kernel=3x3 groups=4 padding=1,1,1,1 weights=sawb/4/channel}
%relu2 = fake_quantize(%deep) {scheme=pact bits=4}
%group = conv2d(%relu2) {out_channels=6 groups=2 weights=sawb/4/channel}
)";
  Network network = value_or_throw(parse(source));
  models::initialize(network, 5);
  for (auto& [name, tensor] : network.parameters()) {
    if (name.ends_with("alpha") || name.ends_with("high"))
      tensor.floats().assign(tensor.floats().size(), 2);
    if (name.ends_with("low")) tensor.floats().assign(1, -2);
  }
  network.parameters().at("relu.alpha").floats() = {1, 2, 3, 4};
  const auto lowered = lower(network);
  ASSERT_TRUE(lowered.has_value()) << lowered.error().message;
  std::mt19937 random(7);
  std::vector<std::int32_t> pixels;
  std::vector<float> image;
  for (int i = 0; i < 36; ++i) {
    pixels.push_back(static_cast<std::int32_t>(random() % 256));
    image.push_back((static_cast<float>(pixels.back()) / 255.0F - 0.5F) / 0.25F);
  }
  const auto expected =
      std::get<std::vector<float>>(value_or_throw(evaluate(network, Value(image))));
  const auto found = std::get<std::vector<float>>(value_or_throw(evaluate(*lowered, pixels)));
  ASSERT_EQ(found.size(), expected.size());
  int differing = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 0.3F);  // a level of the last quantizer is worth 2/15
    differing += std::abs(found[i] - expected[i]) > 1e-4F ? 1 : 0;
  }
  EXPECT_LE(differing, 4) << "of " << found.size();
}

}  // namespace
}  // namespace pact::lower
