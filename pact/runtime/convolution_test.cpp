// SPDX-License-Identifier: Apache-2.0
// Every way of computing an integer convolution, against the evaluator.
#include <gmock/gmock.h>

#include "pact/runtime/random_network_test.h"

namespace pact {
namespace {

using namespace testing_networks;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::StartsWith;

struct Layer {
  std::int64_t channels = 32;
  Pair size{8, 8};
  IntConv2d op;
  Grid activations = unsigned_grid(4);
};

// Pixels, narrow levels, the convolution alone and fused, with a residual and without.
Network network_of(const Layer& layer, unsigned seed) {
  Builder builder(layer.channels, layer.size.y, layer.size.x, seed);
  const NodeId pixels = builder.lookup(affine_grid(8, 114));
  const NodeId levels = builder.requantize({pixels}, layer.activations);
  const NodeId fused = builder.requantize({builder.add(layer.op, {levels})}, unsigned_grid(4));
  const NodeId sums = builder.add(layer.op, {levels});
  const NodeId joined = builder.requantize({fused, builder.add(layer.op, {levels})}, kStream);
  const NodeId both = builder.requantize({sums, joined}, affine_grid(3, 2));
  builder.add(Dequantize{}, {both, sums, joined});
  return builder.network();
}

std::set<std::string> kernels_of(const Network& network, Isa isa) {
  std::set<std::string> kernels;
  const Session session = value_or_throw(Session::create(packed(network), {.isa = isa}));
  for (const StepTime& step : session.steps()) {
    if (step.macs > 0) kernels.emplace(step.kernel);
  }
  return kernels;
}

IntConv2d conv(std::int64_t channels, std::int64_t kernel, std::int64_t stride,
               const Grid& weights) {
  const std::int64_t pad = kernel / 2;
  return {.out_channels = channels,
          .kernel = {kernel, kernel},
          .stride = {stride, stride},
          .padding = {pad, pad, pad, pad},
          .weights = weights};
}

// A filter for each channel.
IntConv2d depthwise(std::int64_t channels, std::int64_t kernel, std::int64_t stride,
                    const Grid& weights) {
  IntConv2d op = conv(channels, kernel, stride, weights);
  op.groups = channels;
  return op;
}

IntConv2d grouped(IntConv2d op, std::int64_t groups) {
  op.groups = groups;
  return op;
}

// Taps far apart, and padding that keeps the size.
IntConv2d spread(IntConv2d op, Pair dilation) {
  op.dilation = dilation;
  op.padding = {op.kernel.y / 2 * dilation.y, op.kernel.x / 2 * dilation.x,
                op.kernel.y / 2 * dilation.y, op.kernel.x / 2 * dilation.x};
  return op;
}

TEST(Convolution, TakesTheWayThatItsLayerAllows) {
  struct Case {
    Layer layer;
    const char* kernel;
  };
  const IntConv2d kTall{.out_channels = 20,
                        .kernel = {3, 1},
                        .stride = {3, 2},
                        .padding = {4, 0, 1, 2},
                        .dilation = {2, 1},
                        .weights = odd_grid(4)};
  // Its only window lies in the padding.
  const IntConv2d kBeside{.out_channels = 33,
                          .kernel = {1, 1},
                          .stride = {2, 2},
                          .padding = {1, 0, 0, 0},
                          .weights = odd_grid(4)};
  const IntConv2d kFarAround{
      .out_channels = 8, .kernel = {3, 3}, .padding = {40, 0, 1, 40}, .weights = odd_grid(3)};
  const Case cases[] = {
      {{32, {8, 8}, conv(32, 3, 1, odd_grid(3))}, "winograd_"},
      {{32, {3, 2}, kFarAround, affine_grid(4, 5)}, "winograd_"},
      {{36, {7, 9}, conv(17, 3, 1, symmetric_grid(4)), affine_grid(4, 5)}, "winograd_"},
      {{68, {8, 8}, conv(32, 3, 1, odd_grid(3))}, "winograd_"},
      {{32, {8, 8}, conv(32, 3, 1, odd_grid(3)), unsigned_grid(6)}, "winograd_"},
      {{32, {8, 8}, conv(32, 3, 1, odd_grid(3)), unsigned_grid(7)}, "dot_u8"},
      {{28, {8, 8}, conv(32, 3, 1, odd_grid(3))}, "dot_u8"},
      {{32, {8, 8}, conv(32, 3, 2, odd_grid(3))}, "dot_u8"},
      {{32, {8, 8}, conv(32, 1, 1, odd_grid(4))}, "dot_u8"},
      {{32, {8, 8}, conv(32, 3, 1, odd_grid(8))}, "dot_i16"},
      {{70, {1, 1}, conv(33, 1, 1, odd_grid(4))}, "packed_dot_u8_s4"},
      {{70, {1, 1}, conv(66, 1, 1, symmetric_grid(3)), affine_grid(8, 100)}, "packed_dot_u8_s4"},
      {{33, {1, 1}, conv(65, 1, 1, odd_grid(2)), affine_grid(2, 1)}, "table_dot_u2_u2"},
      {{33, {1, 1}, conv(1, 1, 1, odd_grid(1)), affine_grid(3, 1)}, "packed_dot_u8_s2"},
      {{33, {1, 1}, conv(1, 1, 1, odd_grid(1)), affine_grid(2, 1)}, "table_dot_u2_u2"},
      {{1030, {1, 1}, conv(300, 1, 1, symmetric_grid(2)), affine_grid(1, 0)}, "table_dot_u2_u2"},
      {{33, {1, 1}, conv(40, 1, 1, odd_grid(5))}, "dot_u8"},
      {{70, {1, 1}, kBeside, affine_grid(4, 5)}, "dot_u8"},
      {{32, {8, 8}, depthwise(32, 3, 1, odd_grid(4))}, "depthwise_u8_i16"},
      {{33, {7, 9}, depthwise(33, 3, 2, odd_grid(8)), affine_grid(8, 100)}, "depthwise_u8_i16"},
      {{96, {40, 120}, depthwise(96, 3, 1, odd_grid(2))}, "depthwise_u8_i16"},  // several blocks
      {{20, {9, 130}, spread(depthwise(20, 3, 1, odd_grid(4)), {2, 2})}, "depthwise_u8_i16"},
      {{16, {1, 1}, spread(depthwise(16, 3, 1, odd_grid(4)), {1024, 1024})}, "dot_i16"},
      {{12000, {1, 1}, spread(conv(2, 3, 1, odd_grid(4)), {1024, 1})}, "dot_i16"},
      {{32, {19, 9}, kTall, affine_grid(4, 5)}, "dot_u8"},
      {{10, {19, 9}, kTall, affine_grid(8, 100)}, "dot_u8"},
      {{64, {8, 8}, grouped(conv(64, 3, 1, odd_grid(3)), 2)}, "dot_u8"},
      {{64, {60, 62}, grouped(conv(40, 3, 1, odd_grid(3)), 2)}, "dot_u8"},  // several blocks
      {{24, {7, 9}, grouped(conv(57, 5, 2, odd_grid(4)), 3), affine_grid(8, 100)}, "dot_u8"},
      {{64, {5, 9}, grouped(conv(66, 1, 1, symmetric_grid(4)), 2), affine_grid(4, 5)}, "dot_u8"},
      {{16, {9, 9}, spread(grouped(conv(20, 3, 1, odd_grid(4)), 4), {2, 1})}, "dot_u8"},
      {{16, {9, 9}, grouped(conv(20, 3, 2, odd_grid(8)), 2), affine_grid(8, 100)}, "dot_i16"},
      {{10, {9, 9}, grouped(conv(12, 3, 1, odd_grid(4)), 2)}, "dot_i16"},
  };
  for (const Case& c : cases) {
    for (const Isa isa : available_isas()) {
      const bool in_tiles = isa == Isa::Amx && c.kernel == std::string("winograd_") &&
                            c.layer.channels != 68;  // 51 quads: cut into small tiles
      EXPECT_THAT(kernels_of(network_of(c.layer, 1), isa),
                  Contains(StartsWith(in_tiles ? "dot_u8" : c.kernel)))
          << name(isa);
    }
    expect_runtime_equals_evaluator(network_of(c.layer, 2));
  }
}

// Four rows of padded pixels are 64 MiB and a bit.
TEST(Convolution, TransformsNoRowsThatScratchShouldNotHold) {
  const Layer wide{256, {1, 65535}, conv(1, 3, 1, odd_grid(2))};
  for (const Isa isa : available_isas()) {
    const auto kernels = kernels_of(network_of(wide, 1), isa);
    EXPECT_THAT(kernels, ElementsAre(StartsWith("dot_u8"))) << name(isa);
  }
}

// A row of its words is 2.1 MiB: less than the 33 pixels at a time.
TEST(Convolution, GathersAsManyPixelsAsScratchHolds) {
  Builder builder(13500, 1, 33, 1);
  const NodeId levels = builder.requantize({builder.lookup(affine_grid(8, 114))}, unsigned_grid(4));
  builder.add(Dequantize{}, {builder.add(spread(conv(1, 9, 1, odd_grid(2)), {1, 2}), {levels})});
  const Network network = builder.network();
  const Isa isa = available_isas().back();
  EXPECT_THAT(kernels_of(network, isa), ElementsAre(StartsWith("dot_i16")));
  expect_equal_run(network, packed(network), {.threads = 1, .batch = 1, .isa = isa},
                   evaluate_images(network, 1));
}

// The largest one reads several blocks of rows; the 3x3 one of stride 1 has too many weights for
// Winograd's to stay in a cache.
TEST(Convolution, LooksSumsUpWhereBytesAreMultipliedInSeveralSteps) {
  const IntConv2d kTall{.out_channels = 99,
                        .kernel = {3, 2},
                        .stride = {3, 2},
                        .padding = {4, 0, 1, 1},
                        .dilation = {2, 1},
                        .weights = odd_grid(2)};
  const IntConv2d kOverlapping{
      .out_channels = 100, .kernel = {3, 1}, .stride = {2, 4}, .weights = symmetric_grid(2)};
  const Layer layers[] = {
      {12, {9, 11}, conv(120, 3, 2, odd_grid(2)), affine_grid(2, 1)},
      {64, {5, 7}, conv(110, 1, 1, symmetric_grid(2)), affine_grid(2, 3)},
      {256, {6, 9}, conv(126, 1, 2, odd_grid(1)), affine_grid(1, 0)},
      {20, {19, 9}, kTall, affine_grid(2, 2)},
      {512, {2, 3}, conv(300, 3, 1, odd_grid(2)), affine_grid(2, 0)},
      {64, {70, 100}, kOverlapping, affine_grid(2, 1)},
  };
  for (const Layer& layer : layers) {
    for (const Isa isa : available_isas()) {
      const bool in_steps = isa == Isa::Avx2 || isa == Isa::Avx512;
      const std::string kernel = "table_dot_u2_u2";
      EXPECT_EQ(testing::Value(kernels_of(network_of(layer, 1), isa), Contains(StartsWith(kernel))),
                in_steps)
          << name(isa) << ", " << layer.channels << " channels";
    }
    expect_runtime_equals_evaluator(network_of(layer, 2));
  }
}

// Above 128 KiB, weights of up to 4 bits lie packed; the last panel is not full.
TEST(Convolution, UnpacksTheWeightsOfLargeLayers) {
  for (const Grid& weights : {odd_grid(1), odd_grid(2), symmetric_grid(3), odd_grid(4)}) {
    for (const Grid& activations : {unsigned_grid(4), affine_grid(4, 5)}) {
      for (const Layer& layer :
           {Layer{256, {5, 5}, conv(70, 3, 2, weights), activations},
            Layer{512, {3, 3}, grouped(conv(140, 3, 1, weights), 2), activations},
            Layer{640, {3, 3}, conv(220, 1, 1, weights), activations}}) {
        const Network network = network_of(layer, 4);
        std::size_t weight_bytes = 0;
        const Session session = value_or_throw(Session::create(packed(network), {}));
        for (const StepTime& step : session.steps()) {
          weight_bytes = std::max(weight_bytes, step.weight_bytes);
        }
        EXPECT_GT(weight_bytes, 0U);
        const std::int64_t filter =
            layer.channels / layer.op.groups * layer.op.kernel.y * layer.op.kernel.x;
        EXPECT_LT(weight_bytes, static_cast<std::size_t>(filter * layer.op.out_channels));
        expect_runtime_equals_evaluator(network);
      }
    }
  }
}

// A block of a residual network: its last convolution, and its shortcut with a stride.
Network joined_convolutions(std::int64_t kernel, std::int64_t stride, const Grid& activations,
                            std::int64_t in_channels = 64, std::int64_t channels = 80,
                            const Pair& size = {9, 11}, std::int64_t groups = 1) {
  Builder builder(in_channels, size.y, size.x, 3);
  const NodeId levels = builder.requantize({builder.lookup(affine_grid(8, 114))}, activations);
  const NodeId narrow = builder.requantize(
      {builder.add(conv(48, 3, stride, symmetric_grid(4)), {levels})}, activations);
  const NodeId last =
      builder.add(grouped(conv(channels, kernel, 1, symmetric_grid(4)), groups), {narrow});
  const NodeId shortcut = builder.add(conv(channels, 1, stride, symmetric_grid(3)), {levels});
  builder.add(Dequantize{}, {builder.requantize({last, shortcut}, unsigned_grid(4))});
  return builder.network();
}

std::vector<std::int64_t> macs_of_steps(const Network& network, Isa isa) {
  std::vector<std::int64_t> macs;
  const Session session = value_or_throw(Session::create(packed(network), {.isa = isa}));
  for (const StepTime& step : session.steps()) {
    if (step.macs > 0) macs.push_back(step.macs);
  }
  return macs;
}

TEST(Convolution, AShortcutRunsWithTheConvolutionThatItIsAddedTo) {
  for (const std::int64_t kernel : {1, 3}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const Grid& activations : {unsigned_grid(4), affine_grid(4, 5)}) {
        SCOPED_TRACE(text("kernel ", kernel, ", stride ", stride));
        const Network network = joined_convolutions(kernel, stride, activations);
        const std::int64_t pixels = stride == 1 ? 9 * 11 : 5 * 6;
        const std::int64_t narrow = pixels * 48 * 64 * 9;
        const std::int64_t last = pixels * 80 * 48 * kernel * kernel;
        const std::int64_t shortcut = pixels * 80 * 64;
        for (const Isa isa : available_isas()) {
          // Where 3x3 filters go by Winograd transforms, the shortcut stays alone.
          const bool together = kernel == 1 || isa == Isa::Amx;
          EXPECT_EQ(macs_of_steps(network, isa),
                    together ? (std::vector<std::int64_t>{narrow, last + shortcut})
                             : (std::vector<std::int64_t>{narrow, shortcut, last}))
              << name(isa) << ", kernel " << kernel << ", stride " << stride;
        }
        expect_runtime_equals_evaluator(network);
      }
    }
  }
  // Several blocks of rows, cut by threads, and by what scratch has room for.
  expect_runtime_equals_evaluator(joined_convolutions(1, 2, affine_grid(4, 5), 64, 80, {40, 34}));
  expect_runtime_equals_evaluator(joined_convolutions(1, 2, affine_grid(4, 5), 64, 80, {94, 90}));
  // Panels of groups are cut in another way than those of the shortcut.
  for (const std::int64_t channels : {56, 80}) {
    expect_runtime_equals_evaluator(
        joined_convolutions(3, 2, unsigned_grid(4), 64, channels, {9, 11}, 2));
  }
  // Packed weights, the shortcut's alone.
  expect_runtime_equals_evaluator(joined_convolutions(1, 2, unsigned_grid(4), 400, 500));
}

// Sums of products of levels fit 32 bits, those of codes do not.
TEST(Convolution, TakesWordsWhereSumsOfCodesWouldOverflow) {
  constexpr std::int64_t kManyInputs = 70'000;
  Network network =
      network_of({kManyInputs, {1, 1}, conv(2, 1, 1, symmetric_grid(8)), affine_grid(8, 100)}, 1);
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    if (!std::holds_alternative<IntConv2d>(network.node(id).operation)) continue;
    const Shape shape = network.parameter_slots(id)[0].shape;
    network.set_parameter(id, "weight",
                          Tensor::i32(shape, std::vector<std::int32_t>(2 * kManyInputs, 127)));
  }
  for (const Isa isa : available_isas()) {
    EXPECT_THAT(kernels_of(network, isa), Each(StartsWith("dot_i16"))) << name(isa);
  }
  expect_runtime_equals_evaluator(network);
}

TEST(Convolution, StepsDoTheWorkOfTheNetworkAndSayHowLongIfAsked) {
  const Model model = packed(network_of({}, 3));
  const std::vector<std::uint8_t> image(model.image().bytes(), 100);
  std::vector<float> outputs(model.outputs());
  for (const bool timed : {false, true}) {
    Session session = value_or_throw(Session::create(model, {.timed = timed}));
    value_or_throw(session.run(image, PixelOrder::Planar, outputs));
    std::int64_t step_macs = 0;
    double seconds = 0;
    for (const StepTime& step : session.steps()) {
      step_macs += step.macs;
      seconds += step.seconds;
    }
    EXPECT_EQ(step_macs, macs(model));
    EXPECT_EQ(seconds > 0, timed);
  }
}

// Random layers; each way must have been taken.
TEST(Convolution, EqualsTheEvaluatorForLayersOfEveryKind) {
  const std::vector<Grid> activations{unsigned_grid(1), unsigned_grid(2),   unsigned_grid(4),
                                      unsigned_grid(5), affine_grid(4, 5),  affine_grid(2, 1),
                                      unsigned_grid(8), affine_grid(8, 100)};
  const std::vector<Grid> weights{odd_grid(1),       odd_grid(2), odd_grid(4),
                                  symmetric_grid(2), odd_grid(8), symmetric_grid(8)};
  std::mt19937 random(5);
  const auto draw = [&](std::int64_t lowest, std::int64_t highest) {
    return std::uniform_int_distribution<std::int64_t>(lowest, highest)(random);
  };
  std::set<std::string> kernels;
  for (unsigned seed = 1; seed <= 24; ++seed) {
    const bool wide = seed % 2 == 0;
    Layer layer{.channels = wide ? 4 * draw(8, 18) : draw(1, 40),
                .size = {draw(1, 12), draw(1, 17)}};
    layer.op = conv(draw(1, 70), 2 * draw(0, 2) + 1, wide ? 1 : draw(1, 2),
                    weights[static_cast<std::size_t>(draw(0, 5))]);
    if (wide) layer.op.kernel = {3, 3}, layer.op.padding = {1, 1, 1, 1};
    layer.activations = activations[static_cast<std::size_t>(draw(0, wide ? 5 : 7))];
    if (seed % 4 == 1) {
      layer.op.out_channels = layer.op.groups = layer.channels;
      layer.op.dilation = {draw(1, 2), draw(1, 2)};
      layer.size = {draw(9, 12), draw(9, 130)};
    }
    if (seed % 8 == 3) {
      layer.op.groups = draw(2, 3);
      layer.channels *= layer.op.groups;
      layer.op.out_channels *= layer.op.groups;
    }
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Network network = network_of(layer, seed);
    for (const Isa isa : available_isas()) kernels.merge(kernels_of(network, isa));
    expect_runtime_equals_evaluator(network);
  }
  for (const Isa isa : available_isas()) {
    const std::string level(name(isa));
    const auto ran = [&](const char* dot) {
      return Contains(testing::AllOf(StartsWith(dot), testing::EndsWith(level)));
    };
    // These two have the kernels of the level below for the other operands.
    if (isa != Isa::Amx) {
      EXPECT_THAT(kernels, ran("dot_i16"));
    }
    if (isa != Isa::Avx512) {
      EXPECT_THAT(kernels, ran("dot_u8"));
    }
  }
  EXPECT_THAT(kernels, Contains(StartsWith("winograd_2x2_3x3_scalar")));
  EXPECT_THAT(kernels, Contains(StartsWith("depthwise_u8_i16_i32_1x16_scalar")));
}

}  // namespace
}  // namespace pact
