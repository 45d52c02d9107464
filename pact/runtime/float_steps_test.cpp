// SPDX-License-Identifier: Apache-2.0
#include "pact/runtime/random_network_test.h"

namespace pact {
namespace {

using namespace testing_networks;

TEST(FloatSteps, EqualTheEvaluatorBetweenIntegerOnes) {
  Builder b(4, 9, 8);
  const NodeId conv = b.add(Conv2d{.out_channels = 6,
                                   .kernel = {3, 3},
                                   .stride = {1, 2},
                                   .padding = {1, 0, 2, 1},
                                   .dilation = {2, 1},
                                   .groups = 2,
                                   .bias = Bias::Present},
                            {b.floats()});
  const NodeId normal = b.add(Relu{}, {b.add(BatchNorm{}, {conv})});
  const NodeId levels = b.add(Quantize{.grid = affine_grid(6, 9)}, {b.add(Add{}, {normal, conv})});
  const NodeId accumulators = b.conv3(levels, 6);
  const NodeId back = b.add(Dequantize{}, {accumulators, b.add(Quantize{.grid = kStream}, {conv})});
  const NodeId pooled = b.add(MaxPool{{3, 2}, {2, 2}, {1, 1, 0, 0}}, {back});
  const NodeId largest = b.add(Dequantize{}, {b.add(MaxPool{{2, 2}, {2, 2}, {}}, {accumulators})});
  const NodeId average = b.add(AvgPool{{2, 1}, {1, 1}}, {b.add(Shortcut{{1, 1}, 1, 2}, {pooled})});
  const NodeId global = b.add(Flatten{}, {b.add(GlobalAvgPool{}, {average})});
  const NodeId more = b.add(Linear{.out_features = 7}, {b.add(Flatten{}, {largest})});
  b.add(Add{}, {b.add(Linear{.out_features = 7, .bias = Bias::Absent}, {global}), more});
  expect_runtime_equals_evaluator(b.network());
}

// Large enough to be cut for several threads.
TEST(FloatSteps, EqualTheEvaluatorForManyPixels) {
  Builder b(3, 40, 50);
  const NodeId conv = b.add(Conv2d{.out_channels = 70,
                                   .kernel = {3, 3},
                                   .stride = {1, 2},
                                   .padding = {1, 2, 1, 1},
                                   .bias = Bias::Present},
                            {b.floats()});
  const NodeId normal = b.add(Relu{}, {b.add(BatchNorm{}, {conv})});
  const NodeId gate = b.add(Pointwise{.function = numeric::Function::Sigmoid}, {conv});
  const NodeId product = b.add(Multiply{}, {normal, gate});
  const NodeId scaled = b.add(Multiply{}, {product, b.add(GlobalAvgPool{}, {product})});
  const NodeId levels = b.add(Quantize{.grid = affine_grid(6, 9)}, {b.add(Add{}, {scaled, conv})});
  const NodeId back = b.add(Dequantize{}, {levels, b.add(Quantize{.grid = kStream}, {conv})});
  const NodeId wide = b.add(Conv2d{.out_channels = 132, .groups = 2}, {back});
  const NodeId average = b.add(AvgPool{{3, 2}, {2, 2}}, {wide});
  b.add(Linear{.out_features = 5}, {b.add(Flatten{}, {b.add(GlobalAvgPool{}, {average})})});
  expect_runtime_equals_evaluator(b.network());
}

}  // namespace
}  // namespace pact
