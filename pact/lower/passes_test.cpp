// SPDX-License-Identifier: Apache-2.0
// Each pass: text in, text out, and the same results before and after.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "pact/graph/evaluator.h"
#include "pact/graph/quantize.h"
#include "pact/lower/bounds.h"
#include "pact/lower/lower.h"

namespace pact::lower {
namespace {

using namespace graph;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kBlock = R"(network "block"
mean 0.5 0.5
std 0.25 0.25
%input = input() {channels=2 height=5 width=5}
%conv1.input = fake_quantize(%input) {scheme=range bits=8}
%conv1 = conv2d(%conv1.input) {out_channels=4 kernel=3x3 padding=1,1,1,1 weights=min-max/8/channel}
%bn1 = batch_norm(%conv1) {}
%relu1 = fake_quantize(%bn1) {scheme=pact bits=4}
%conv2 = conv2d(%relu1) {out_channels=4 kernel=3x3 padding=1,1,1,1 weights=sawb/4/channel}
%bn2 = batch_norm(%conv2) {}
%add = add(%bn2, %relu1) {}
%relu2 = fake_quantize(%add) {scheme=pact bits=8}
%pool = global_avg_pool(%relu2) {}
%flatten = flatten(%pool) {}
%linear.input = fake_quantize(%flatten) {scheme=pact bits=8}
%linear = linear(%linear.input) {out_features=3 weights=min-max/8/tensor}
)";

// Fills parameters with numbers that make every layer do something.
void fill(Network& network, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    for (const ParameterSlot& slot : network.parameter_slots(id)) {
      std::vector<float> values(static_cast<std::size_t>(element_count(slot.shape)));
      for (float& value : values) {
        value = uniform(random);
        if (slot.role == "alpha" || slot.role == "high" || slot.role == "range") value = 2;
        if (slot.role == "low") value = -2;
        if (slot.role == "running_var") value = 1 + value * value;
      }
      network.set_parameter(id, slot.role, Tensor::f32(slot.shape, std::move(values)));
    }
  }
}

Network block(unsigned seed = 1) {
  Network network = value_or_throw(parse(kBlock));
  fill(network, seed);
  return network;
}

std::vector<float> float_image(unsigned seed, std::vector<std::int32_t>* pixels) {
  std::mt19937 random(seed);
  std::vector<float> image;
  for (int i = 0; i < 2 * 5 * 5; ++i) {
    pixels->push_back(static_cast<std::int32_t>(random() % 256));
    image.push_back((static_cast<float>(pixels->back()) / 255.0F - 0.5F) / 0.25F);
  }
  return image;
}

std::vector<float> result_of(const Network& network, const Value& image) {
  return std::get<std::vector<float>>(value_or_throw(evaluate(network, image)));
}

TEST(Passes, EachKeepsTheResults) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Network network = block(seed);
    std::vector<std::int32_t> pixels;
    const std::vector<float> image = float_image(seed, &pixels);
    const auto expected = result_of(network, image);
    for (const Pass& pass : passes()) {
      network = value_or_throw(pass.run(network));
      const auto found =
          reads_pixels(network) ? result_of(network, pixels) : result_of(network, image);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        // One level of the last quantizer is worth about 0.01 in the result.
        EXPECT_NEAR(found[i], expected[i], 0.05F) << pass.name << ", seed " << seed;
      }
    }
  }
}

// Branches that are concatenated, a clip before PACT, channels that are cut and shuffled.
constexpr const char* kBranches = R"(network "branches"
mean 0.5 0.5
std 0.25 0.25
%input = input() {channels=2 height=5 width=5}
%conv1 = conv2d(%input) {out_channels=4 kernel=3x3 padding=1,1,1,1}
%clip = pointwise(%conv1) {function=clip a=0 b=6}
%left = conv2d(%clip) {out_channels=2 kernel=1x1}
%right = conv2d(%clip) {out_channels=4 kernel=3x3 padding=1,1,1,1}
%joined = concat(%left, %right) {}
%bn = batch_norm(%joined) {}
%relu = relu(%bn) {}
%conv2 = conv2d(%relu) {out_channels=4}
%part = slice(%conv2) {first=0 count=2}
%rest = slice(%conv2) {first=2 count=2}
%conv3 = conv2d(%rest) {out_channels=2 kernel=3x3 padding=1,1,1,1}
%bn3 = batch_norm(%conv3) {}
%both = concat(%part, %bn3) {}
%pooled = max_pool(%both) {kernel=3x3 stride=1x1 padding=1,1,1,1}
%shuffled = rearrange(%pooled) {view=2x2x25 order=1x0x2 shape=4x5x5}
%conv4 = conv2d(%shuffled) {out_channels=3}
%relu4 = relu(%conv4) {}
%pool = global_avg_pool(%relu4) {}
%flatten = flatten(%pool) {}
%linear = linear(%flatten) {out_features=3}
)";

TEST(Passes, ConcatenationsBecomeIntegers) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Network floats = value_or_throw(parse(kBranches));
    fill(floats, seed);
    Network network = value_or_throw(quantize(floats, {.alpha = 2}));
    std::vector<std::int32_t> pixels;
    const std::vector<float> image = float_image(seed, &pixels);
    const auto expected = result_of(network, image);
    for (const Pass& pass : passes()) {
      network = value_or_throw(pass.run(network));
      const bool after_reading = reads_pixels(network);
      const auto found = after_reading ? result_of(network, pixels) : result_of(network, image);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 0.08F) << pass.name << ", seed " << seed;
      }
    }
    // All is integer between the table of pixels and the result.
    for (const Node& node : network.nodes()) {
      const bool is_float = node.type.element == Element::F32;
      EXPECT_TRUE(!is_float || node.as<Dequantize>() != nullptr) << print(network);
    }
  }
}

// A decoder: levels among zeros, nearest pixels, and a quantizer behind a concatenation of both.
constexpr const char* kDecoder = R"(network "decoder"
mean 0.5 0.5
std 0.25 0.25
%input = input() {channels=2 height=5 width=5}
%conv1 = conv2d(%input) {out_channels=4 kernel=3x3 stride=2x2 padding=1,1,1,1}
%relu1 = relu(%conv1) {}
%spread = pad(%relu1) {padding=1,1,1,1 spread=2x2}
%conv2 = conv2d(%spread) {out_channels=3 kernel=3x3}
%bn2 = batch_norm(%conv2) {}
%wider = pad(%bn2) {padding=0,0,1,1}
%relu2 = relu(%conv1) {}
%up = resize(%relu2) {size=6x6 scale=2x2 coordinates=asymmetric rounding=floor}
%both = concat(%up, %wider) {}
%relu3 = relu(%both) {}
%conv4 = conv2d(%relu3) {out_channels=3}
%small = resize(%conv4) {size=3x4 scale=0.5x0.7}
%bn5 = batch_norm(%small) {}
%relu5 = relu(%bn5) {}
%pool = global_avg_pool(%relu5) {}
%flatten = flatten(%pool) {}
%linear = linear(%flatten) {out_features=3}
)";

// A block with half as many pixels and twice as many channels, which its shortcut pools and pads.
constexpr const char* kPooledShortcut = R"(network "pooled shortcut"
mean 0.5 0.5
std 0.25 0.25
%input = input() {channels=2 height=5 width=5}
%wide = resize(%input) {size=6x6 scale=1.2x1.2 coordinates=asymmetric rounding=floor}
%conv1 = conv2d(%wide) {out_channels=4 kernel=3x3 padding=1,1,1,1}
%bn1 = batch_norm(%conv1) {}
%relu1 = relu(%bn1) {}
%conv2 = conv2d(%relu1) {out_channels=8 kernel=3x3 stride=2x2 padding=1,1,1,1}
%avg = avg_pool(%conv1) {kernel=2x2 stride=2x2}
%shortcut = shortcut(%avg) {before=1 after=3}
%add = add(%conv2, %shortcut) {}
%bn3 = batch_norm(%add) {}
%relu3 = relu(%bn3) {}
%pool = global_avg_pool(%relu3) {}
%flatten = flatten(%pool) {}
%linear = linear(%flatten) {out_features=3}
)";

// A single channel whose pixels come from four, with a batch norm behind them.
constexpr const char* kSpread = R"(network "spread"
mean 0.5 0.5
std 0.25 0.25
%input = input() {channels=2 height=5 width=5}
%conv1 = conv2d(%input) {out_channels=4 kernel=3x3 padding=1,1,1,1}
%larger = rearrange(%conv1) {view=2x2x1x5x5 order=2x3x0x4x1 shape=1x10x10}
%bn = batch_norm(%larger) {}
%relu = relu(%bn) {}
%conv2 = conv2d(%relu) {out_channels=3 kernel=3x3}
)";

class Moved : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Passes, Moved, testing::Values(kDecoder, kPooledShortcut, kSpread));

TEST_P(Moved, AsIntegers) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Network floats = value_or_throw(parse(GetParam()));
    fill(floats, seed);
    Network network = value_or_throw(quantize(floats, {.alpha = 2}));
    std::vector<std::int32_t> pixels;
    const std::vector<float> image = float_image(seed, &pixels);
    const auto expected = result_of(network, image);
    for (const Pass& pass : passes()) {
      network = value_or_throw(pass.run(network));
      const bool after_reading = reads_pixels(network);
      const auto found = after_reading ? result_of(network, pixels) : result_of(network, image);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 0.08F) << pass.name << ", seed " << seed;
      }
    }
    for (const Node& node : network.nodes()) {
      const bool is_float = node.type.element == Element::F32;
      EXPECT_TRUE(!is_float || node.as<Dequantize>() != nullptr) << print(network);
    }
  }
}

constexpr const char* kFlat = R"(network "flat"
mean 0.5 0.25
std 0.25 0.5
%input = input() {channels=2 height=5 width=5}
%flatten = flatten(%input) {}
%fc1 = linear(%flatten) {out_features=8}
%relu1 = relu(%fc1) {}
%fc2 = linear(%relu1) {out_features=3}
)";

// The codes of a flattened image come from a table of its pixels, and are the same codes.
TEST(Passes, AFlattenedImageIsQuantizedFirst) {
  Network floats = value_or_throw(parse(kFlat));
  fill(floats, 3);
  Network network = value_or_throw(quantize(floats, {.alpha = 2}));
  const Network exposed = value_or_throw(expose_levels(value_or_throw(split(network))));
  const Network lowered = value_or_throw(lower(network));
  EXPECT_THAT(print(lowered), Not(HasSubstr("normalized")));
  std::vector<std::int32_t> pixels;
  std::vector<float> image = float_image(3, &pixels);
  for (std::size_t i = 0; i < image.size(); ++i) {
    const bool second = i >= image.size() / 2;
    image[i] = (static_cast<float>(pixels[i]) / 255.0F - (second ? 0.25F : 0.5F)) /
               (second ? 0.5F : 0.25F);
  }
  const auto codes_of = [](const Network& n, const Value& x) {
    std::vector<std::int32_t> codes;
    value_or_throw(evaluate(n, x, [&](NodeId id, const Value& value) {
      if (n.node(id).name == "fc1.input") codes = std::get<std::vector<std::int32_t>>(value);
    }));
    return codes;
  };
  const auto expected = codes_of(exposed, image);
  ASSERT_EQ(expected.size(), 50U);
  EXPECT_EQ(codes_of(lowered, pixels), expected);
}

// Zeros beside values with an offset are no levels, and pixels between levels are none either.
TEST(Passes, PaddingOfAnOffsetAndLinearPixelsStayFloat) {
  for (const char* op : {"pad(%bn1) {padding=1,0,0,0 spread=2x1}",
                         "resize(%relu1) {size=7x9 scale=1.4x1.8 interpolation=linear}"}) {
    SCOPED_TRACE(op);
    std::string source = kBlock;
    source.replace(source.find("%conv2 ="), std::string::npos,
                   text("%moved = ", op, "\n%pool = avg_pool(%moved) {kernel=2x2}\n"));
    Network network = value_or_throw(parse(source));
    fill(network, 4);
    const Network lowered = value_or_throw(lower(network));
    const Node& moved = lowered.node(*lowered.find("moved"));
    EXPECT_EQ(moved.type.element, Element::F32);
    EXPECT_NE(lowered.node(moved.inputs[0]).as<Dequantize>(), nullptr);
    std::vector<std::int32_t> pixels;
    const auto image = float_image(5, &pixels);
    const auto expected = result_of(network, image);
    const auto found = result_of(lowered, pixels);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 0.05F);
  }
}

TEST(Passes, AnImageMayBeTheSecondInput) {
  Network network = value_or_throw(parse(R"(network "joined"
mean 0.5 0.5
std 0.25 0.25
%input = input() {channels=2 height=5 width=5}
%conv = conv2d(%input) {out_channels=2 kernel=3x3 padding=1,1,1,1}
%joined = concat(%conv, %input) {}
%sum = avg_pool(%joined) {kernel=2x2}
)"));
  fill(network, 4);
  std::vector<std::int32_t> pixels;
  const auto image = float_image(5, &pixels);
  EXPECT_EQ(result_of(value_or_throw(lower(network)), pixels), result_of(network, image));
}

TEST(Passes, AClipBelowAlphaStays) {
  Network floats = value_or_throw(parse(kBranches));
  fill(floats, 3);
  const auto clips = [&](float alpha) {
    Network quantized = value_or_throw(quantize(floats, {}));
    quantized.set_parameter(*quantized.find("clip.pact"), "alpha", Tensor::f32({1}, {alpha}));
    const Network lowered = value_or_throw(lower(quantized));
    return std::count_if(lowered.nodes().begin(), lowered.nodes().end(),
                         [](const Node& node) { return node.as<Pointwise>() != nullptr; });
  };
  const auto starting = [&](float alpha) {
    const Network quantized = value_or_throw(quantize(floats, {.alpha = alpha}));
    return quantized.parameter(*quantized.find("clip.pact"), "alpha").floats()[0];
  };
  EXPECT_EQ(starting(10), 6);
  EXPECT_EQ(starting(4), 4);
  EXPECT_EQ(clips(6), 0);
  EXPECT_EQ(clips(6.09F), 0) << "6 is still the highest level";
  EXPECT_EQ(clips(7), 1);
}

TEST(Passes, ExposeLevelsIsExact) {
  const Network before = block();
  const Network after = value_or_throw(expose_levels(before));
  std::vector<std::int32_t> pixels;
  const auto image = float_image(3, &pixels);
  EXPECT_EQ(result_of(after, image), result_of(before, image));
  EXPECT_THAT(print(after), Not(HasSubstr("fake_quantize")));
}

TEST(Passes, TextOfTheLoweredNetwork) {
  const Network lowered = value_or_throw(lower(block()));
  const std::string text = print(lowered);
  EXPECT_THAT(text, HasSubstr("%input = input() {channels=2 height=5 width=5 element=pixels}"));
  EXPECT_THAT(text, HasSubstr("%conv1.input = lookup(%input)"));
  EXPECT_THAT(text, HasSubstr("%relu2 = requantize(%conv2, %relu1)"));
  EXPECT_THAT(text, HasSubstr("%pool = sum_pool(%relu2)"));
  EXPECT_THAT(text, HasSubstr("%linear.value = dequantize(%linear)"));
  for (const char* gone : {"batch_norm", "fake_quantize",
                           "conv2d(%relu1) {out_channels=4 kernel=3x3 stride=1x1 "
                           "padding=1,1,1,1 dilation=1x1 groups=1 bias"}) {
    EXPECT_THAT(text, Not(HasSubstr(gone)));
  }
  EXPECT_EQ(print(value_or_throw(parse(text))), text);
}

TEST(Passes, BatchNormNeverTouchesTheWeights) {
  Network plain = block();
  Network scaled = block();
  for (float& gamma : scaled.parameters().at("bn2.weight").floats()) gamma *= -7;
  EXPECT_EQ(value_or_throw(lower(plain)).parameters().at("conv2.weight"),
            value_or_throw(lower(scaled)).parameters().at("conv2.weight"));
}

TEST(Passes, FullPrecisionEdgesStayFloat) {
  std::string source = kBlock;
  source.replace(source.find("%conv1.input"), source.find("%conv1 =") - source.find("%conv1.input"),
                 "");
  source.replace(source.find("(%conv1.input)"), 14, "(%input)");
  source.replace(source.find(" weights=min-max/8/channel"), 26, "");
  Network network = value_or_throw(parse(source));
  fill(network, 4);
  const Network lowered = value_or_throw(lower(network));
  EXPECT_THAT(print(lowered), HasSubstr("%conv1 = conv2d(%input.normalized)"));
  EXPECT_THAT(print(lowered), HasSubstr("%relu1 = quantize(%bn1)"));
  std::vector<std::int32_t> pixels;
  const auto image = float_image(5, &pixels);
  const auto expected = result_of(network, image);
  const auto found = result_of(lowered, pixels);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 0.05F);
}

TEST(Passes, ErrorsNameTheNode) {
  Network collapsed = block();
  collapsed.parameters().at("relu1.alpha").floats()[0] = 0;
  EXPECT_THAT(lower(collapsed).error().message, HasSubstr("'relu1'"));

  std::string source = kBlock;
  source.replace(source.find("scheme=pact bits=4"), 18, "scheme=pact bits=4 granularity=channel");
  Network per_channel = value_or_throw(parse(source));
  fill(per_channel, 1);
  per_channel.parameters().at("relu1.alpha").floats() = {1, 2, 3, 4};
  EXPECT_THAT(lower(per_channel).error().message,
              HasSubstr("'conv2': its input has a clip per channel"));

  Network unnormalised = block();
  unnormalised.preprocessing = {};
  EXPECT_THAT(lower(unnormalised).error().message, HasSubstr("a mean and a std for each of 2"));
}

TEST(Bounds, RefuseSumsThatCouldLeave32Bits) {
  Network network;
  const NodeId image =
      value_or_throw(network.add("image", Input{1, 1, 1, ImageElement::Pixels}, {}));
  const NodeId levels = value_or_throw(
      network.add("levels", Lookup{PixelTable::Levels, numeric::unsigned_grid(8)}, {image}));
  network.set_parameter(levels, "table",
                        Tensor::i32({1, 256}, std::vector<std::int32_t>(256, 255)));
  const NodeId many = value_or_throw(network.add("many", Shortcut{{1, 1}, 0, 40000}, {levels}));
  const NodeId flat = value_or_throw(network.add("flat", Flatten{}, {many}));
  const NodeId sum = value_or_throw(network.add("sum", IntLinear{1, numeric::odd_grid(8)}, {flat}));
  network.set_parameter(sum, "weight",
                        Tensor::i32({1, 40001}, std::vector<std::int32_t>(40001, 255)));
  ASSERT_TRUE(network.verify().has_value());
  EXPECT_THAT(bounds(network).error().message, HasSubstr("node 'sum': expected sums of at most"));
  network.set_parameter(sum, "weight",
                        Tensor::i32({1, 40001}, std::vector<std::int32_t>(40001, 127)));
  EXPECT_TRUE(bounds(network).has_value());
}

}  // namespace
}  // namespace pact::lower
