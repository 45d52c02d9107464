// SPDX-License-Identifier: Apache-2.0
// The runtime against the evaluator: networks with random parameters, every observed layer and
// every output bit for bit, on every instruction set of this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pact/runtime/random_network_test.h"

namespace pact {
namespace {

using namespace testing_networks;
using testing::HasSubstr;

struct ConvCase {
  std::string name;
  Pair size;
  std::int64_t channels;
  IntConv2d op;
};
void PrintTo(const ConvCase& c, std::ostream* out) { *out << c.name; }

class IntegerConvolution : public testing::TestWithParam<ConvCase> {};

// Fused with its requantization, fused with a stream, and with accumulators that two nodes read.
TEST_P(IntegerConvolution, EqualsTheEvaluator) {
  const ConvCase& c = GetParam();
  Builder builder(c.channels, c.size.y, c.size.x, 3);
  IntConv2d op = c.op;
  op.weights = odd_grid(4);
  const NodeId levels = builder.lookup(affine_grid(8, 114));
  const NodeId fused = builder.requantize({builder.add(op, {levels})}, unsigned_grid(4));
  op.weights = symmetric_grid(5);
  const NodeId sums = builder.add(op, {levels});
  const NodeId stream = builder.requantize({sums, fused}, kStream);
  const NodeId joined = builder.requantize({builder.add(op, {levels}), stream}, affine_grid(3, 2));
  builder.add(Dequantize{}, {joined, sums, stream});
  expect_runtime_equals_evaluator(builder.network());
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, IntegerConvolution,
    testing::Values(
        ConvCase{"One", {1, 1}, 1, {.out_channels = 1}},
        ConvCase{"OnePixelPadded",
                 {1, 1},
                 3,
                 {.out_channels = 5, .kernel = {3, 3}, .padding = {1, 1, 1, 1}}},
        ConvCase{"Point", {7, 5}, 3, {.out_channels = 17}},
        ConvCase{"PointStrided", {9, 8}, 6, {.out_channels = 8, .stride = {2, 2}}},
        ConvCase{
            "Three", {9, 11}, 3, {.out_channels = 33, .kernel = {3, 3}, .padding = {1, 1, 1, 1}}},
        ConvCase{"ThreeValid", {6, 7}, 2, {.out_channels = 48, .kernel = {3, 3}}},
        ConvCase{"ThreeStrided",
                 {8, 9},
                 4,
                 {.out_channels = 31, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}}},
        ConvCase{"Five", {7, 7}, 3, {.out_channels = 9, .kernel = {5, 5}, .padding = {2, 2, 2, 2}}},
        ConvCase{"FiveLargerThanImage",
                 {2, 1},
                 1,
                 {.out_channels = 2, .kernel = {5, 5}, .padding = {2, 2, 2, 2}}},
        ConvCase{"Asymmetric",
                 {6, 5},
                 2,
                 {.out_channels = 7, .kernel = {3, 3}, .stride = {2, 1}, .padding = {0, 2, 1, 0}}},
        ConvCase{"WidePadding",
                 {3, 3},
                 2,
                 {.out_channels = 3, .kernel = {1, 3}, .padding = {2, 4, 1, 3}}},
        ConvCase{"Flat",
                 {1, 13},
                 2,
                 {.out_channels = 16, .kernel = {1, 5}, .stride = {1, 2}, .padding = {0, 1, 0, 2}}},
        ConvCase{
            "Dilated",
            {9, 7},
            3,
            {.out_channels = 10, .kernel = {3, 3}, .padding = {2, 2, 2, 2}, .dilation = {2, 2}}},
        ConvCase{"DilatedStrided",
                 {9, 10},
                 2,
                 {.out_channels = 6,
                  .kernel = {3, 3},
                  .stride = {2, 2},
                  .padding = {1, 0, 2, 3},
                  .dilation = {1, 2}}},
        ConvCase{"Groups",
                 {5, 5},
                 6,
                 {.out_channels = 9, .kernel = {3, 3}, .padding = {1, 1, 1, 1}, .groups = 3}},
        ConvCase{"GroupsWide", {3, 3}, 8, {.out_channels = 66, .kernel = {1, 1}, .groups = 2}},
        ConvCase{"Depthwise",
                 {7, 6},
                 19,
                 {.out_channels = 19, .kernel = {3, 3}, .padding = {1, 1, 1, 1}, .groups = 19}},
        ConvCase{"DepthwiseTwice",
                 {5, 4},
                 5,
                 {.out_channels = 10,
                  .kernel = {5, 5},
                  .stride = {2, 2},
                  .padding = {2, 2, 2, 2},
                  .groups = 5}},
        // As a transposed convolution has them.
        ConvCase{"DeepWide",
                 {5, 7},
                 64,
                 {.out_channels = 64, .kernel = {3, 3}, .padding = {1, 2, 3, 3}}},
        ConvCase{
            "Deep", {4, 4}, 64, {.out_channels = 64, .kernel = {3, 3}, .padding = {1, 1, 1, 1}}}),
    [](const auto& instance) { return instance.param.name; });

TEST(Session, EqualsTheEvaluatorForEveryWidthOfWeightsAndActivations) {
  std::vector<Grid> weight_grids;
  std::vector<Grid> grids;
  for (int bits = 1; bits <= 8; ++bits) {
    weight_grids.push_back(odd_grid(bits));
    if (bits > 1) weight_grids.push_back(symmetric_grid(bits));
    grids.push_back(unsigned_grid(bits));
    grids.push_back(affine_grid(bits, (1 << bits) / 2));
  }
  std::size_t pairs = 0;
  for (const Grid& weights : weight_grids) {
    for (const Grid& grid : grids) {
      SCOPED_TRACE(text("weights ", numeric::name(weights), ", activations ", numeric::name(grid)));
      Builder builder(3, 4, 3, 5);
      const IntConv2d op{
          .out_channels = 5, .kernel = {3, 3}, .padding = {1, 1, 1, 1}, .weights = weights};
      const NodeId first = builder.requantize({builder.add(op, {builder.lookup(grid)})}, grid);
      const NodeId flat =
          builder.add(Flatten{}, {builder.requantize({builder.add(op, {first}), first}, grid)});
      builder.add(Dequantize{},
                  {builder.add(IntLinear{.out_features = 4, .weights = weights}, {flat})});
      const Expected expected = evaluate_images(builder.network(), 2);
      const Model model = packed(builder.network());
      for (const Isa isa : available_isas()) {
        expect_equal_run(builder.network(), model, {.batch = 2, .isa = isa}, expected);
      }
      ++pairs;
    }
  }
  EXPECT_EQ(pairs, 15U * 16U);
}

// Three residual blocks on a 16-bit stream; `first` is read again at the very end.
Network residual_network() {
  Builder b(3, 9, 7);
  NodeId stream = b.requantize({b.conv3(b.lookup(affine_grid(8, 100)), 12)}, kStream);
  const NodeId first = stream;
  for (int block = 0; block < 3; ++block) {
    const NodeId levels = b.requantize({stream}, unsigned_grid(4));
    const NodeId inner = b.requantize({b.conv3(levels, 12)}, unsigned_grid(4));
    stream = b.requantize({b.conv3(inner, 12), stream}, kStream);
  }
  const NodeId half = b.add(Shortcut{{2, 2}, 2, 3}, {stream});
  const NodeId levels = b.requantize({b.requantize({stream}, affine_grid(5, 7))}, unsigned_grid(3));
  const NodeId narrow = b.add(Shortcut{{2, 2}, 1, 4}, {levels});
  const NodeId sums = b.add(Shortcut{{2, 2}, 3, 2}, {b.add(SumPool{{1, 1}, {1, 1}}, {stream})});
  const NodeId down = b.requantize({b.conv3(levels, 17, 2), half, narrow, sums}, kStream);
  const NodeId pooled =
      b.add(SumPool{{0, 0}, {}}, {b.add(MaxPool{{2, 2}, {1, 1}, {1, 0, 0, 1}}, {down})});
  const NodeId kept = b.add(SumPool{{0, 0}, {}}, {first});
  const NodeId flat = b.add(Flatten{}, {b.requantize({pooled}, unsigned_grid(6))});
  const NodeId tail = b.add(Flatten{}, {b.requantize({kept}, unsigned_grid(8))});
  const NodeId scores = b.add(IntLinear{.out_features = 10, .weights = symmetric_grid(8)}, {flat});
  const NodeId others = b.add(IntLinear{.out_features = 10, .weights = odd_grid(1)}, {tail});
  b.add(Dequantize{}, {scores, others});
  return b.network();
}

TEST(Session, EqualsTheEvaluatorForResidualStreamsThatLiveLong) {
  expect_runtime_equals_evaluator(residual_network());
}

TEST(Session, EqualsTheEvaluatorForMovedPixels) {
  Builder b(3, 5, 4);
  const NodeId levels =
      b.requantize({b.conv3(b.lookup(affine_grid(8, 100)), 5)}, affine_grid(4, 6));
  const NodeId spread =
      b.requantize({b.conv3(b.add(Pad{{1, 0, 0, 2}, {2, 3}}, {levels}), 4)}, kStream);
  const NodeId up = b.add(Resize{{10, 12}, {2, 3}, {}}, {levels});
  const NodeId stream = b.add(Pad{{0, 0, 0, 0}, {}}, {b.requantize({b.conv3(up, 4)}, kStream)});
  const NodeId sum = b.requantize({spread, stream}, kStream);
  const NodeId half = b.add(Resize{{5, 7}, {0.5F, 0.6F}, {}}, {sum});
  const NodeId floats = b.add(Dequantize{}, {half});
  Resize linear{{9, 5}, {1.8F, 0.7F}, {.interpolation = numeric::Interpolation::Linear}};
  const NodeId between = b.add(linear, {b.add(Pad{{1, 1, 0, 0}, {1, 2}}, {floats})});
  linear.rule.coordinates = numeric::Coordinates::AlignCorners;
  b.add(Add{}, {between, b.add(linear, {b.add(Resize{{3, 3}, {1, 1}, {}}, {floats})})});
  expect_runtime_equals_evaluator(b.network());
}

TEST(Session, EqualsTheEvaluatorAfterScratchMemoryHeldOtherNumbers) {
  // A product of one row follows sums in double precision: were they read as levels, in the rows
  // that a kernel computes in vain, all of one sign, their sums would leave 32 bits.
  Builder b(40, 2, 3);
  const NodeId conv = b.add(Conv2d{.out_channels = 3000}, {b.floats()});
  const NodeId levels = b.add(Quantize{.grid = unsigned_grid(8)}, {b.add(GlobalAvgPool{}, {conv})});
  const NodeId flat = b.add(Flatten{}, {levels});
  const NodeId scores = b.add(IntLinear{.out_features = 3, .weights = odd_grid(8)}, {flat});
  b.add(Dequantize{}, {scores});
  Network network = b.network();
  network.set_parameter(scores, "weight",
                        Tensor::i32({3, 3000}, std::vector<std::int32_t>(9000, 255)));
  expect_runtime_equals_evaluator(network);
}

Resize random_resize(Builder& b, numeric::Interpolation interpolation) {
  const auto scale = [&] { return static_cast<float>(b.draw(1, 30)) / 10; };
  return {{b.draw(1, 9), b.draw(1, 9)},
          {scale(), scale()},
          {interpolation, static_cast<numeric::Coordinates>(b.draw(0, 3)),
           static_cast<numeric::NearestRounding>(b.draw(0, 3))}};
}

// An operation that moves levels of an image.
Operation random_move(Builder& b) {
  switch (b.draw(0, 2)) {
    case 0:
      return Shortcut{{1, 2}, b.draw(0, 2), 1};
    case 1:
      return Pad{{b.draw(0, 2), b.draw(0, 2), b.draw(0, 2), 0}, {b.draw(1, 2), b.draw(1, 2)}};
    default:
      return random_resize(b, numeric::Interpolation::Nearest);
  }
}

// Appends one random operation that fits one of the values so far.
void add_random_node(Builder& b) {
  const auto count = static_cast<std::int64_t>(b.network().nodes().size());
  const auto id = static_cast<NodeId>(b.draw(1, count - 1));
  const ValueType type = b.type(id);
  const bool image = type.shape.size() == 3;
  if (type.element == Element::F32) {
    if (b.draw(0, 3) == 0)
      b.add(Relu{}, {id});
    else if (image && b.draw(0, 3) == 0)
      b.add(random_resize(b, numeric::Interpolation::Linear), {id});
    else if (b.draw(0, 2) == 0)
      b.add(BatchNorm{}, {id});
    else
      b.add(Quantize{.grid = b.draw(0, 1) == 0 ? kStream : unsigned_grid(5)}, {id});
    return;
  }
  if (type.element == Element::Level && type.grid.bits <= 8 && b.draw(0, 1) == 0) {
    if (image)
      b.conv3(id, b.draw(1, 20), b.draw(1, 2));
    else
      b.add(IntLinear{.out_features = b.draw(1, 20), .weights = symmetric_grid(4)}, {id});
    return;
  }
  if (image && b.draw(0, 3) == 0) {
    if (b.draw(0, 1) == 0)
      b.add(MaxPool{{2, 2}, {1, 2}, {1, 0, 0, 1}}, {id});
    else if (type.element == Element::Level)
      b.add(random_move(b), {id});
    else
      b.add(Flatten{}, {id});
    return;
  }
  std::vector<NodeId> inputs{id};
  for (NodeId other = 1; other < count; ++other) {
    const bool fits = b.type(other).element != Element::F32 && b.type(other).shape == type.shape;
    if (fits && inputs.size() < 4 && b.draw(0, 2) == 0) inputs.push_back(other);
  }
  const auto bits = static_cast<int>(b.draw(1, 8));
  const std::int64_t kind = b.draw(0, 5);
  if (kind == 0)
    b.add(Dequantize{}, std::move(inputs));
  else
    b.requantize(std::move(inputs), kind < 3 ? kStream : affine_grid(bits, (1 << bits) / 3));
}

TEST(Session, EqualsTheEvaluatorForRandomNetworksWhoseValuesShareMemory) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(text("seed ", seed));
    Builder b(1 + seed % 4, 1 + seed % 7, 1 + seed % 5, seed);
    b.lookup(affine_grid(7, 30));
    for (int node = 0; node < 24; ++node) add_random_node(b);
    const auto last = static_cast<NodeId>(b.network().nodes().size() - 1);
    b.add(Dequantize{},
          {b.requantize({last > 1 && b.type(last).element != Element::F32 ? last : 1}, kStream)});
    const Expected expected = evaluate_images(b.network(), 4);
    const Model model = packed(b.network());
    for (const Isa isa : available_isas()) {
      expect_equal_run(b.network(), model,
                       {.threads = 1 + 2 * int(seed % 2), .batch = 3, .isa = isa}, expected);
    }
  }
}

TEST(Session, GivesTheSameForPlanarAndInterleavedPixels) {
  const Network network = residual_network();
  const Expected expected = evaluate_images(network, 3);
  std::vector<std::uint8_t> interleaved(expected.pixels.size());
  const std::size_t pixels = 9 * 7;
  for (std::size_t i = 0; i < interleaved.size(); ++i) {
    const std::size_t image = i / (3 * pixels);
    const std::size_t at = i % (3 * pixels);
    interleaved[image * 3 * pixels + at % pixels * 3 + at / pixels] = expected.pixels[i];
  }
  ASSERT_NE(interleaved, expected.pixels);
  Session session = value_or_throw(Session::create(packed(network), {.threads = 2, .batch = 2}));
  std::vector<float> outputs(expected.outputs.size());
  ASSERT_TRUE(session.run(interleaved, PixelOrder::Interleaved, outputs));
  expect_same_bits(outputs, expected.outputs);
}

// That every other test's runs allocate nothing is checked there, if allocations are counted.
TEST(Session, AllocatesNothingWhileRunning) {
  if (!kCountsAllocations) GTEST_SKIP() << "sanitizers have their own operator new";
  const Network network = residual_network();
  const Expected expected = evaluate_images(network, 5);
  const std::size_t before_create = allocations();
  Session session = value_or_throw(Session::create(packed(network), {.threads = 3, .batch = 2}));
  ASSERT_GT(allocations(), before_create);
  std::vector<float> outputs(expected.outputs.size());
  for (int run = 0; run < 3; ++run) {
    const std::size_t before = allocations();
    const Status status = session.run(expected.pixels, PixelOrder::Planar, outputs);
    EXPECT_EQ(allocations(), before);
    ASSERT_TRUE(status);
  }
  expect_same_bits(outputs, expected.outputs);
}

TEST(Session, RunsOfOneModelInSeveralThreadsDoNotDisturbEachOther) {
  const Network network = residual_network();
  const Expected expected = evaluate_images(network, 3);
  const Model model = packed(network);
  std::vector<std::vector<float>> outputs(3, std::vector<float>(expected.outputs.size()));
  std::vector<std::thread> threads;
  for (auto& mine : outputs) {
    threads.emplace_back([&] {
      Session session = value_or_throw(Session::create(model, {.threads = 2, .batch = 2}));
      for (int run = 0; run < 3; ++run)
        value_or_throw(session.run(expected.pixels, PixelOrder::Planar, mine));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : outputs) expect_same_bits(mine, expected.outputs);
}

TEST(Session, OutlivesItsModelAndMoves) {
  const Network network = residual_network();
  const Expected expected = evaluate_images(network, 1);
  Session first = value_or_throw(Session::create(packed(network)));
  Session session = std::move(first);
  EXPECT_GT(session.memory(), expected.pixels.size());
  std::vector<float> outputs(expected.outputs.size());
  ASSERT_TRUE(session.run(expected.pixels, PixelOrder::Planar, outputs));
  expect_same_bits(outputs, expected.outputs);
}

Network tiny_network() {
  Builder b(2, 3, 4);
  b.add(Dequantize{}, {b.add(SumPool{{2, 2}, {1, 1}}, {b.lookup(unsigned_grid(4))})});
  return b.network();
}

TEST(Session, UsesTheLevelThatTheEnvironmentForces) {
  const char* old = std::getenv("PACT_ISA");
  const std::string saved = old == nullptr ? "" : old;
  const Model model = packed(tiny_network());
  for (const Isa isa : available_isas()) {
    ::setenv("PACT_ISA", std::string(name(isa)).c_str(), 1);
    EXPECT_EQ(value_or_throw(Session::create(model)).isa(), isa);
    EXPECT_EQ(value_or_throw(Session::create(model, {.isa = Isa::Scalar})).isa(), Isa::Scalar);
  }
  ::setenv("PACT_ISA", "mmx", 1);
  const auto refused = Session::create(model);
  ::unsetenv("PACT_ISA");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("expected one of scalar, avx2, avxvnni, avx512, avx512vnni, amx, neondot, "
                        "found 'mmx'"));
  EXPECT_EQ(value_or_throw(Session::create(model)).isa(), available_isas().back());
  if (old != nullptr) ::setenv("PACT_ISA", saved.c_str(), 1);
}

TEST(Session, RefusesOptionsOutsideTheirRange) {
  const Model model = packed(tiny_network());
  const auto message = [&](const SessionOptions& options) {
    const auto session = Session::create(model, options);
    return session ? std::string("accepted") : session.error().message;
  };
  EXPECT_EQ(message({.threads = 0}), "threads: expected 1 to 256, found 0");
  EXPECT_EQ(message({.threads = 257}), "threads: expected 1 to 256, found 257");
  EXPECT_EQ(message({.batch = 0}), "batch: expected 1 to 4096, found 0");
  EXPECT_EQ(message({.batch = 4097}), "batch: expected 1 to 4096, found 4097");
  EXPECT_EQ(message({.batch = 4096}), "accepted");
}

TEST(Session, RefusesSizesThatDoNotFitEachOther) {
  const Model model = packed(tiny_network());
  EXPECT_EQ(model.image().bytes(), 24U);
  EXPECT_EQ(model.outputs(), 12U);
  Session session = value_or_throw(Session::create(model));
  std::vector<std::uint8_t> images(49);
  std::vector<float> outputs(24);
  const auto run = [&](std::size_t bytes, std::size_t floats) {
    return session.run(std::span(images).first(bytes), PixelOrder::Planar,
                       std::span(outputs).first(floats));
  };
  EXPECT_TRUE(run(48, 24));
  EXPECT_TRUE(run(0, 0));
  for (const auto& [bytes, floats] :
       {std::pair{49, 24}, {48, 23}, {48, 12}, {24, 24}, {0, 12}, {23, 0}}) {
    const Status status = run(static_cast<std::size_t>(bytes), static_cast<std::size_t>(floats));
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message,
                HasSubstr("expected images of 24 bytes and 12 outputs each, found"));
  }
}

}  // namespace
}  // namespace pact
