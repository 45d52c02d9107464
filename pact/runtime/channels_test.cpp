// SPDX-License-Identifier: Apache-2.0
// The runtime against the evaluator for the operations of imported networks, and where it places
// values.
#include <gtest/gtest.h>

#include "pact/runtime/random_network_test.h"

namespace pact {
namespace {

using namespace testing_networks;

TEST(Channels, EqualTheEvaluatorWhereTheyMove) {
  Builder builder(3, 6, 4, 9);
  const NodeId pixels = builder.lookup(affine_grid(8, 100));
  const NodeId narrow = builder.requantize({builder.conv3(pixels, 4)}, unsigned_grid(3));
  const NodeId more = builder.requantize({builder.conv3(pixels, 2)}, unsigned_grid(3));
  const NodeId joined = builder.add(Concat{}, {narrow, more, narrow});
  const NodeId part = builder.add(Slice{3, 6}, {joined});
  const NodeId moved = builder.add(Rearrange{{2, 3, 6, 4}, {1, 0, 3, 2}, {6, 4, 6}}, {part});
  const NodeId flat = builder.add(Rearrange{{6, 24}, {1, 0}, {144}}, {moved});
  const NodeId sums = builder.add(IntLinear{5, symmetric_grid(3)}, {flat});
  const NodeId stream = builder.requantize({builder.conv3(moved, 3)}, kStream);
  const NodeId streams = builder.add(Concat{}, {stream, stream});
  const NodeId cut = builder.add(Slice{2, 3}, {streams});
  const NodeId floats = builder.add(Dequantize{}, {cut});
  const NodeId float_part = builder.add(Slice{0, 1}, {floats});
  const NodeId float_join = builder.add(Concat{}, {float_part, floats});
  const NodeId all = builder.add(Rearrange{{4, 24}, {1, 0}, {96}}, {float_join});
  const NodeId logits = builder.add(Dequantize{}, {sums});
  builder.add(Concat{}, {logits, all});
  expect_runtime_equals_evaluator(builder.network());
}

TEST(Channels, EqualTheEvaluatorUnderFunctionsOfFloats) {
  using numeric::Function;
  Builder builder(3, 7, 5, 4);
  const NodeId x = builder.add(BatchNorm{}, {builder.floats()});
  const NodeId leaky = builder.add(Pointwise{Function::LeakyRelu, 0.3F, 0}, {x});
  const NodeId swish = builder.add(Pointwise{Function::HardSwish, 0, 0}, {leaky});
  const NodeId clip = builder.add(Pointwise{Function::Clip, -0.5F, 2.5F}, {swish});
  const NodeId image =
      builder.add(AvgPool{{3, 2}, {2, 1}, {1, 1, 2, 0}, AverageOver::Image}, {clip});
  const NodeId window =
      builder.add(AvgPool{{3, 2}, {2, 1}, {1, 1, 2, 0}, AverageOver::Window}, {clip});
  const NodeId mean = builder.add(GlobalAvgPool{}, {window});
  const NodeId gate = builder.add(Pointwise{Function::HardSigmoid, 0.2F, 0.5F}, {mean});
  const NodeId gated = builder.add(Multiply{}, {image, gate});
  const NodeId product = builder.add(Multiply{}, {gated, window});
  const NodeId sigmoid = builder.add(Pointwise{Function::Sigmoid, 0, 0}, {product});
  builder.add(Softmax{}, {sigmoid});
  expect_runtime_equals_evaluator(builder.network());
}

// Three values of this size are alive at once where something still reads the residual, else two.
TEST(Plan, ASumTakesThePlaceOfItsResidual) {
  constexpr std::int64_t kMaps = 16;
  constexpr std::int64_t kSide = 32;
  const auto network = [](bool keeps_residual) {
    Builder b(3, kSide, kSide);
    const NodeId first =
        b.requantize({b.conv3(b.lookup(unsigned_grid(4)), kMaps)}, unsigned_grid(4));
    const NodeId inner = b.requantize({b.conv3(first, kMaps)}, unsigned_grid(4));
    const NodeId sum = b.requantize({b.conv3(inner, kMaps), first}, unsigned_grid(4));
    const NodeId pooled = b.add(SumPool{{0, 0}, {}}, {sum});
    const NodeId other = b.add(SumPool{{0, 0}, {}}, {keeps_residual ? first : sum});
    const NodeId flat = b.add(Flatten{}, {b.requantize({pooled, other}, unsigned_grid(8))});
    b.add(Dequantize{},
          {b.add(IntLinear{.out_features = 10, .weights = symmetric_grid(8)}, {flat})});
    return b.network();
  };
  const auto memory = [](const Network& n) {
    return value_or_throw(Session::create(packed(n))).memory();
  };
  EXPECT_GE(memory(network(true)), memory(network(false)) + kMaps * kSide * kSide);
  expect_runtime_equals_evaluator(network(false));
}

// The second of two convolutions that are added, where both cannot run as one, runs later than it
// stands: after what takes the place of `old`, and must not be put there itself.
TEST(Plan, AConvolutionThatRunsLaterTakesNoPlaceThatWasTakenSince) {
  Builder b(8, 8, 8);
  const NodeId x = b.lookup(unsigned_grid(4));
  const NodeId y = b.requantize({b.conv3(x, 8)}, unsigned_grid(4));
  const NodeId old = b.requantize({b.conv3(x, 32)}, unsigned_grid(4));
  const NodeId first = b.conv3(y, 8);
  const NodeId second = b.conv3(y, 8);
  const NodeId narrow = b.requantize({old}, unsigned_grid(3));
  const NodeId sum = b.requantize({first, second}, unsigned_grid(4));
  b.add(Dequantize{}, {b.conv3(narrow, 8), sum});
  expect_runtime_equals_evaluator(b.network());
}

}  // namespace
}  // namespace pact
