// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace pact::graph {
namespace {

using testing::HasSubstr;
using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;

constexpr numeric::Grid kWide{.bits = 16, .step = 1, .lowest = -32767, .codes = 65535};

// A network of one operation on a float image. For integer operations the image is quantized first:
// levels are the floats themselves.
class One {
 public:
  enum class Reads { Image, Levels };

  One(const Input& input, const Operation& op, Reads reads = Reads::Image,
      const numeric::Grid& grid = kWide) {
    NodeId x = value_or_throw(network.add("in", input, {}));
    if (reads == Reads::Levels) {
      x = value_or_throw(network.add("levels", Quantize{.grid = grid}, {x}));
      const Shape channels{input.channels};
      network.set_parameter(
          x, "inverse", Tensor::f32(channels, Floats(static_cast<std::size_t>(input.channels), 1)));
    }
    id = value_or_throw(network.add("op", op, {x}));
  }

  One& floats(const std::string& role, const Floats& values) {
    network.set_parameter(id, role, Tensor::f32(shape(role), values));
    return *this;
  }
  One& ints(const std::string& role, const Ints& values) {
    network.set_parameter(id, role, Tensor::i32(shape(role), values));
    return *this;
  }
  One& longs(const std::string& role, const std::vector<std::int64_t>& values) {
    network.set_parameter(id, role, Tensor::i64(shape(role), values));
    return *this;
  }

  template <typename T>
  std::vector<T> run(const Floats& image) const {
    value_or_throw(network.verify());
    return std::get<std::vector<T>>(value_or_throw(evaluate(network, image)));
  }
  Floats operator()(const Floats& image) const { return run<float>(image); }

  Network network;
  NodeId id = 0;

 private:
  Shape shape(const std::string& role) const {
    for (const auto& slot : network.parameter_slots(id)) {
      if (slot.role == role) return slot.shape;
    }
    throw_error(ErrorCode::InvalidArgument, "no role ", role);
  }
};

// The definition, on an image that is padded first: independent of the evaluator's index ranges.
template <typename Op, typename T, typename Sum>
std::vector<T> naive_conv(const Op& op, const Shape& in, const Shape& out,
                          const std::vector<T>& image, const std::vector<T>& weights,
                          const Floats& bias) {
  const std::int64_t height = in[1] + op.padding.top + op.padding.bottom;
  const std::int64_t width = in[2] + op.padding.left + op.padding.right;
  std::vector<Sum> padded(static_cast<std::size_t>(in[0] * height * width));
  for (std::int64_t c = 0; c < in[0]; ++c) {
    for (std::int64_t y = 0; y < in[1]; ++y) {
      for (std::int64_t x = 0; x < in[2]; ++x) {
        padded[static_cast<std::size_t>((c * height + y + op.padding.top) * width + x +
                                        op.padding.left)] =
            static_cast<Sum>(image[static_cast<std::size_t>((c * in[1] + y) * in[2] + x)]);
      }
    }
  }
  const std::int64_t depth = in[0] / op.groups;
  std::vector<T> result;
  for (std::int64_t o = 0; o < out[0]; ++o) {
    const std::int64_t start = o / (out[0] / op.groups) * depth;
    for (std::int64_t y = 0; y < out[1]; ++y) {
      for (std::int64_t x = 0; x < out[2]; ++x) {
        Sum sum = bias.empty() ? Sum{0} : static_cast<Sum>(bias[static_cast<std::size_t>(o)]);
        for (std::int64_t i = 0; i < op.kernel.y; ++i) {
          for (std::int64_t j = 0; j < op.kernel.x; ++j) {
            for (std::int64_t c = 0; c < depth; ++c) {
              const std::int64_t row = y * op.stride.y + i * op.dilation.y;
              const std::int64_t column = x * op.stride.x + j * op.dilation.x;
              sum +=
                  static_cast<Sum>(weights[static_cast<std::size_t>(
                      ((o * depth + c) * op.kernel.y + i) * op.kernel.x + j)]) *
                  padded[static_cast<std::size_t>(((start + c) * height + row) * width + column)];
            }
          }
        }
        result.push_back(static_cast<T>(sum));
      }
    }
  }
  return result;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t from(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  Floats floats(std::size_t count) {
    Floats values(count);
    for (float& v : values) v = static_cast<float>(from(-1000, 1000)) / 317.0F;
    return values;
  }
  template <typename Conv>
  Conv conv(std::int64_t groups) {
    return {.out_channels = groups * from(1, 3),
            .kernel = {from(1, 3), from(1, 3)},
            .stride = {from(1, 3), from(1, 3)},
            .padding = {from(0, 3), from(0, 3), from(0, 3), from(0, 3)},
            .dilation = {from(1, 3), from(1, 3)},
            .groups = groups};
  }

 private:
  std::mt19937 engine_;
};

TEST(Evaluator, ConvolutionAgreesWithTheDefinitionOnRandomShapes) {
  constexpr unsigned kSeed = 31;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t groups = random.from(1, 3);
    const Input input{groups * random.from(1, 3), random.from(7, 12), random.from(7, 12)};
    auto op = random.conv<Conv2d>(groups);
    if (random.from(0, 1) == 1) op.bias = Bias::Present;
    One one(input, op);
    const Shape out = one.network.node(one.id).type.shape;
    const auto filter =
        static_cast<std::size_t>(input.channels / groups * op.kernel.y * op.kernel.x);
    const Floats weights = random.floats(static_cast<std::size_t>(op.out_channels) * filter);
    one.floats("weight", weights);
    Floats bias;
    if (op.bias == Bias::Present) {
      bias = random.floats(static_cast<std::size_t>(op.out_channels));
      one.floats("bias", bias);
    }
    const Shape in{input.channels, input.height, input.width};
    const Floats image = random.floats(static_cast<std::size_t>(element_count(in)));
    ASSERT_EQ(one(image), (naive_conv<Conv2d, float, double>(op, in, out, image, weights, bias)))
        << "round " << round << "\n"
        << print(one.network);
  }
}

TEST(Evaluator, IntegerConvolutionAgreesWithTheDefinitionOnRandomShapes) {
  constexpr unsigned kSeed = 32;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t groups = random.from(1, 3);
    const Input input{groups * random.from(1, 3), random.from(7, 12), random.from(7, 12)};
    auto op = random.conv<IntConv2d>(groups);
    op.weights = numeric::odd_grid(4);
    One one(input, op, One::Reads::Levels, numeric::affine_grid(8, 100));
    const Shape out = one.network.node(one.id).type.shape;
    const auto filter =
        static_cast<std::size_t>(input.channels / groups * op.kernel.y * op.kernel.x);
    Ints weights(static_cast<std::size_t>(op.out_channels) * filter);
    for (auto& w : weights) w = static_cast<std::int32_t>(2 * random.from(-8, 7) + 1);
    one.ints("weight", weights);
    const Shape in{input.channels, input.height, input.width};
    Ints image(static_cast<std::size_t>(element_count(in)));
    for (auto& x : image) x = static_cast<std::int32_t>(random.from(-100, 155));
    ASSERT_EQ(one.run<std::int32_t>(Floats(image.begin(), image.end())),
              (naive_conv<IntConv2d, std::int32_t, std::int64_t>(op, in, out, image, weights, {})))
        << "round " << round << "\n"
        << print(one.network);
  }
}

TEST(Evaluator, ConvolutionOfAHandComputedExample) {
  One one({1, 3, 3}, Conv2d{.kernel = {2, 2}, .bias = Bias::Present});
  one.floats("weight", {1, 2, 3, 4}).floats("bias", {0.5F});
  EXPECT_EQ(one({1, 2, 3, 4, 5, 6, 7, 8, 9}), (Floats{37.5F, 47.5F, 67.5F, 77.5F}));
}

TEST(Evaluator, PaddingAndStrideOfAHandComputedExample) {
  One one({1, 2, 2}, Conv2d{.kernel = {2, 2}, .stride = {2, 1}, .padding = {1, 0, 1, 1}});
  one.floats("weight", {1, 10, 100, 1000});
  // rows: 0 0 0 / 1 2 0 / 3 4 0 / 0 0 0
  EXPECT_EQ(one({1, 2, 3, 4}), (Floats{2100, 200, 43, 4}));
}

TEST(Evaluator, DepthwiseAndGroupedConvolutionsReadTheirOwnChannels) {
  One depthwise({2, 1, 2}, Conv2d{.out_channels = 4, .groups = 2});
  depthwise.floats("weight", {1, 10, 100, 1000});
  EXPECT_EQ(depthwise({1, 2, 3, 4}), (Floats{1, 2, 10, 20, 300, 400, 3000, 4000}));
}

TEST(Evaluator, DilationSkipsPixels) {
  One one({1, 1, 5}, Conv2d{.kernel = {1, 2}, .dilation = {1, 3}});
  one.floats("weight", {1, 10});
  EXPECT_EQ(one({1, 2, 3, 4, 5}), (Floats{41, 52}));
}

TEST(Evaluator, ConvolutionUsesTheQuantizedWeights) {
  Conv2d op{.out_channels = 2};
  op.weights = {numeric::WeightScheme::MinMax, 2, numeric::Granularity::Channel, 0};
  One one({2, 1, 1}, op);
  one.floats("weight", {4, 1, -0.3F, 0.5F});  // -> 4 0, -0.5 0.5
  EXPECT_EQ(one({1, 10}), (Floats{4, 4.5F}));
}

TEST(Evaluator, LinearMultipliesAndAdds) {
  Network network;
  value_or_throw(network.add("in", Input{3, 1, 1}, {}));
  value_or_throw(network.add("flat", Flatten{}, {0}));
  const NodeId fc = value_or_throw(network.add("fc", Linear{.out_features = 2}, {1}));
  network.set_parameter(fc, "weight", Tensor::f32({2, 3}, {1, 2, 3, -1, 0, 1}));
  network.set_parameter(fc, "bias", Tensor::f32({2}, {100, 0}));
  EXPECT_EQ(std::get<Floats>(*evaluate(network, Floats{1, 10, 100})), (Floats{421, 99}));
}

TEST(Evaluator, BatchNormNormalisesPerChannel) {
  One one({2, 1, 2}, BatchNorm{.epsilon = 0.25F});
  one.floats("weight", {2, 1}).floats("bias", {1, -1});
  one.floats("running_mean", {3, 0}).floats("running_var", {0.75F, 3.75F});
  EXPECT_EQ(one({3, 4, 2, -4}), (Floats{1, 3, 0, -3}));
}

TEST(Evaluator, ElementwiseOperations) {
  EXPECT_EQ(One({1, 1, 3}, Relu{})({-1, 0, 2}), (Floats{0, 0, 2}));
  Network network;
  value_or_throw(network.add("in", Input{1, 1, 2}, {}));
  value_or_throw(network.add("relu", Relu{}, {0}));
  value_or_throw(network.add("sum", Add{}, {0, 1}));
  EXPECT_EQ(std::get<Floats>(*evaluate(network, Floats{-3, 4})), (Floats{-3, 8}));
}

TEST(Evaluator, PaddingOfAMaxPoolNeverWins) {
  One one({1, 2, 2}, MaxPool{{2, 2}, {2, 2}, {1, 1, 1, 1}});
  EXPECT_EQ(one({-1, -2, -3, -4}), (Floats{-1, -2, -3, -4}));
  One levels({1, 2, 2}, MaxPool{{3, 3}, {1, 1}, {1, 0, 1, 1}}, One::Reads::Levels);
  EXPECT_EQ(levels.run<std::int32_t>({-5, -7, -6, -9}), (Ints{-5, -5}));
}

TEST(Evaluator, PoolsAverageAndSum) {
  const Floats image{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60};  // 2 channels of 2 x 3
  EXPECT_EQ(One({2, 2, 3}, AvgPool{{2, 2}, {1, 1}})(image), (Floats{3, 4, 30, 40}));
  EXPECT_EQ(One({2, 2, 3}, GlobalAvgPool{})(image), (Floats{3.5F, 35}));
  One sum({2, 2, 3}, SumPool{{1, 2}, {1, 1}}, One::Reads::Levels);
  EXPECT_EQ(sum.run<std::int32_t>(image), (Ints{3, 5, 9, 11, 30, 50, 90, 110}));
  One whole({2, 2, 3}, SumPool{{0, 0}, {}}, One::Reads::Levels);
  EXPECT_EQ(whole.run<std::int32_t>(image), (Ints{21, 210}));
}

TEST(Evaluator, AveragesCountTheImageOrTheWindow) {
  const AvgPool over_image{{2, 2}, {1, 1}, {1, 0, 0, 1}, AverageOver::Image};
  EXPECT_THAT(One(Input{1, 2, 2}, over_image)({1, 2, 3, 4}),
              testing::ElementsAre(1.5F, 2, 2.5F, 3));
  AvgPool over_window = over_image;
  over_window.over = AverageOver::Window;
  EXPECT_THAT(One(Input{1, 2, 2}, over_window)({1, 2, 3, 4}),
              testing::ElementsAre(0.75F, 0.5F, 2.5F, 1.5F));
}

TEST(Evaluator, PointwiseFunctions) {
  const auto apply = [](numeric::Function function, float a, float b) {
    return One(Input{1, 1, 4}, Pointwise{function, a, b})({-4, -0.5F, 1, 8});
  };
  using numeric::Function;
  EXPECT_THAT(apply(Function::Clip, -1, 6), testing::ElementsAre(-1, -0.5F, 1, 6));
  EXPECT_THAT(apply(Function::LeakyRelu, 0.25F, 0), testing::ElementsAre(-1, -0.125F, 1, 8));
  EXPECT_THAT(apply(Function::HardSigmoid, 0.25F, 0.5F), testing::ElementsAre(0, 0.375F, 0.75F, 1));
  EXPECT_THAT(apply(Function::HardSwish, 0, 0), testing::ElementsAre(0, -5.0F / 24, 2.0F / 3, 8));
  EXPECT_THAT(apply(Function::Sigmoid, 0, 0),
              testing::ElementsAre(testing::FloatEq(0.01798621F), testing::FloatEq(0.37754067F),
                                   testing::FloatEq(0.7310586F), testing::FloatEq(0.99966465F)));
}

TEST(Evaluator, SlicesConcatenationsAndProductsGoByChannel) {
  Network n;
  const NodeId x = value_or_throw(n.add("x", Input{3, 1, 2}, {}));
  const NodeId tail = value_or_throw(n.add("tail", Slice{1, 2}, {x}));
  const NodeId joined = value_or_throw(n.add("joined", Concat{}, {tail, x}));
  const NodeId means = value_or_throw(n.add("means", GlobalAvgPool{}, {joined}));
  value_or_throw(n.add("scaled", Multiply{}, {joined, means}));
  EXPECT_THAT(std::get<Floats>(value_or_throw(evaluate(n, Floats{1, 3, 0, 2, 5, 5}))),
              testing::ElementsAre(0, 2, 25, 25, 2, 6, 0, 2, 25, 25));
  value_or_throw(n.add("squares", Multiply{}, {x, x}));
  n.set_output(*n.find("squares"));
  EXPECT_THAT(std::get<Floats>(value_or_throw(evaluate(n, Floats{1, 3, 0, 2, 5, -5}))),
              testing::ElementsAre(1, 9, 0, 4, 25, 25));
}

TEST(Evaluator, RearrangePermutesTheExtentsOfItsView) {
  const One transpose(Input{1, 2, 3}, Rearrange{{2, 3}, {1, 0}, {1, 3, 2}});
  EXPECT_THAT(transpose({1, 2, 3, 4, 5, 6}), testing::ElementsAre(1, 4, 2, 5, 3, 6));
  const One cycle(Input{2, 2, 2}, Rearrange{{2, 2, 2}, {2, 0, 1}, {8}});
  EXPECT_THAT(cycle({0, 1, 2, 3, 4, 5, 6, 7}), testing::ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
}

TEST(Evaluator, SoftmaxAddsUpToOneForEachPixelAndBearsLargeNumbers) {
  const One softmax(Input{2, 1, 2}, Softmax{});
  EXPECT_THAT(softmax({0, 3e38F, 0, -3e38F}), testing::ElementsAre(0.5F, 1, 0.5F, 0));
  EXPECT_THAT(softmax({std::log(3.0F), 0, 0, 0}),
              testing::ElementsAre(testing::FloatEq(0.75F), 0.5F, testing::FloatEq(0.25F), 0.5F));
}

TEST(Evaluator, AShortcutTakesEveryStridethPixelAndPadsChannels) {
  One one({1, 3, 3}, Shortcut{{2, 2}, 1, 2});
  EXPECT_EQ(one({1, 2, 3, 4, 5, 6, 7, 8, 9}),
            (Floats{0, 0, 0, 0, 1, 3, 7, 9, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Evaluator, FakeQuantizeFollowsItsScheme) {
  One pact({1, 1, 4}, FakeQuantize{ActivationScheme::Pact, 2});
  pact.floats("alpha", {6});
  EXPECT_EQ(pact({-1, 1.5F, 3.5F, 9}), (Floats{0, 2, 4, 6}));
  One channels({2, 1, 2}, FakeQuantize{ActivationScheme::Pact, 1, numeric::Granularity::Channel});
  channels.floats("alpha", {1, 8});
  EXPECT_EQ(channels({0.4F, 0.6F, 3, 5}), (Floats{0, 1, 0, 8}));
  One sides({1, 1, 3}, FakeQuantize{ActivationScheme::TwoSided, 2});
  sides.floats("low", {-1}).floats("high", {2});
  EXPECT_EQ(sides({-7, 0.4F, 7}), (Floats{-1, 0, 2}));
  One stream({1, 1, 2}, FakeQuantize{ActivationScheme::Stream, 16});
  stream.floats("range", {32767});
  EXPECT_EQ(stream({-40000, 2.4F}), (Floats{-32767, 2}));
}

TEST(Evaluator, IntegerLinearMultiplies) {
  Network network;
  value_or_throw(network.add("in", Input{3, 1, 1}, {}));
  const NodeId levels = value_or_throw(network.add("levels", Quantize{.grid = kWide}, {0}));
  network.set_parameter(levels, "inverse", Tensor::f32({3}, {1, 2, 0.5F}));
  value_or_throw(network.add("flat", Flatten{}, {levels}));
  const NodeId fc =
      value_or_throw(network.add("fc", IntLinear{2, numeric::symmetric_grid(4)}, {2}));
  network.set_parameter(fc, "weight", Tensor::i32({2, 3}, {1, -2, 3, 7, 0, -7}));
  ASSERT_TRUE(network.verify());
  EXPECT_EQ(std::get<Ints>(*evaluate(network, Floats{5, 5, 5})), (Ints{5 - 20 + 6, 35 - 14}));
}

TEST(Evaluator, QuantizeRoundsHalvesToEvenAndClampsPerChannel) {
  One one({2, 1, 3}, Quantize{.grid = numeric::unsigned_grid(2)});
  one.floats("inverse", {1, 10});
  EXPECT_EQ(one.run<std::int32_t>({0.5F, 1.5F, 9, -1, 0.1F, 0.2F}), (Ints{0, 2, 3, 0, 1, 2}));
}

TEST(Evaluator, RequantizeAddsItsTermsAndRoundsOnce) {
  Network network;
  value_or_throw(network.add("in", Input{2, 1, 2}, {}));
  const NodeId levels = value_or_throw(network.add("levels", Quantize{.grid = kWide}, {0}));
  network.set_parameter(levels, "inverse", Tensor::f32({2}, {1, 1}));
  const NodeId re = value_or_throw(network.add(
      "re", Requantize{.shift = 1, .grid = numeric::symmetric_grid(4)}, {levels, levels}));
  network.set_parameter(re, "multiplier", Tensor::i32({2, 2}, {1, 2, 2, -3}));
  network.set_parameter(re, "offset", Tensor::i64({2}, {0, 10}));
  ASSERT_TRUE(network.verify());
  // channel 0: 3v / 2; channel 1: (10 - v) / 2; halves go up.
  EXPECT_EQ(std::get<Ints>(*evaluate(network, Floats{1, -1, 1, 99})), (Ints{2, -1, 5, -7}));
}

TEST(Evaluator, DequantizeAddsItsTermsInDoublePrecision) {
  Network network;
  value_or_throw(network.add("in", Input{1, 1, 2}, {}));
  const NodeId levels = value_or_throw(network.add("levels", Quantize{.grid = kWide}, {0}));
  network.set_parameter(levels, "inverse", Tensor::f32({1}, {1}));
  const NodeId de = value_or_throw(network.add("de", Dequantize{}, {levels, levels}));
  network.set_parameter(de, "scale", Tensor::f32({2, 1}, {0.5F, 0.25F}));
  network.set_parameter(de, "offset", Tensor::f32({1}, {1}));
  EXPECT_EQ(std::get<Floats>(*evaluate(network, Floats{2, -4})), (Floats{2.5F, -2}));
}

TEST(Evaluator, LookupReadsTheTableOfTheChannel) {
  Network network;
  value_or_throw(network.add("in", Input{2, 1, 2, ImageElement::Pixels}, {}));
  const NodeId levels =
      value_or_throw(network.add("levels", Lookup{.grid = numeric::unsigned_grid(8)}, {0}));
  Ints table(512);
  for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = 255 - i;
  table[256 + 7] = 77;
  network.set_parameter(levels, "table", Tensor::i32({2, 256}, table));
  ASSERT_TRUE(reads_pixels(network));
  EXPECT_EQ(std::get<Ints>(*evaluate(network, Ints{0, 255, 7, 8})), (Ints{255, 0, 77, 0}));

  Network floats;
  value_or_throw(floats.add("in", Input{1, 1, 2, ImageElement::Pixels}, {}));
  const NodeId id = value_or_throw(floats.add("table", Lookup{.table = PixelTable::Floats}, {0}));
  Floats values(256);
  values[3] = -0.5F;
  floats.set_parameter(id, "table", Tensor::f32({1, 256}, values));
  EXPECT_EQ(std::get<Floats>(*evaluate(floats, Ints{3, 4})), (Floats{-0.5F, 0}));
}

TEST(Evaluator, AnImageOfAnotherSizeOrTypeIsAnError) {
  const One one({1, 2, 2}, Relu{});
  EXPECT_FALSE(reads_pixels(one.network));
  const auto size = evaluate(one.network, Floats(5));
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(size.error().message, HasSubstr("expected 4 elements (1x2x2), found 5"));
  const auto type = evaluate(one.network, Ints(4));
  ASSERT_FALSE(type);
  EXPECT_THAT(type.error().message, HasSubstr("normalised floats"));
}

TEST(Evaluator, SumsThatCouldLeave32BitsAreAnErrorThatNamesTheNode) {
  One one({300, 2, 2},
          IntConv2d{.out_channels = 1, .kernel = {2, 2}, .weights = numeric::symmetric_grid(8)},
          One::Reads::Levels);
  one.ints("weight", Ints(1200, 127));
  const auto result = evaluate(one.network, Floats(1200));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::Unsupported);
  EXPECT_THAT(result.error().message, HasSubstr("node 'op'"));
}

TEST(Evaluator, TheTapSeesEveryValueAndTheOutputMayBeInTheMiddle) {
  Network network;
  value_or_throw(network.add("in", Input{1, 1, 2}, {}));
  value_or_throw(network.add("a", Relu{}, {0}));
  value_or_throw(network.add("b", Add{}, {1, 1}));
  value_or_throw(network.add("c", Add{}, {2, 0}));
  network.set_output(1);
  std::vector<std::pair<NodeId, Floats>> seen;
  const auto result = evaluate(network, Floats{-1, 2}, [&](NodeId id, const Value& value) {
    seen.emplace_back(id, std::get<Floats>(value));
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(std::get<Floats>(*result), (Floats{0, 2}));
  const std::vector<std::pair<NodeId, Floats>> expected{
      {0, {-1, 2}}, {1, {0, 2}}, {2, {0, 4}}, {3, {-1, 6}}};
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace pact::graph
