// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "pact/runtime/random_network_test.h"

namespace pact::runtime {
namespace {

using namespace testing_networks;

using namespace graph;

// Sums that overflow, and differences of them: infinities of both signs, and NaN, which no window
// gives.
Network overflowing_network(const MaxPool& pool) {
  constexpr float kHuge = 3e38F;
  Builder b(3, 6, 7, 5);
  const NodeId first = b.add(Conv2d{.out_channels = 8, .bias = Bias::Absent}, {b.floats()});
  const NodeId second = b.add(Conv2d{.out_channels = 8, .bias = Bias::Absent}, {b.floats()});
  b.add(pool, {b.add(Add{}, {first, second})});
  Network network = b.network();
  for (const NodeId conv : {first, second}) {
    const Shape shape = network.parameter_slots(conv)[0].shape;
    std::vector<float> weights;
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      weights.push_back(static_cast<float>(b.draw(-1, 1)) * kHuge);
    }
    network.set_parameter(conv, "weight", Tensor::f32(shape, weights));
  }
  return network;
}

TEST(MaxPool, OfFloatsTakesInfinitiesAndNaNAsTheEvaluatorDoes) {
  for (const MaxPool& pool :
       {MaxPool{{1, 1}, {1, 1}, {}}, MaxPool{{2, 2}, {1, 1}, {}},
        MaxPool{{3, 3}, {2, 2}, {1, 1, 1, 1}}, MaxPool{{5, 4}, {1, 2}, {4, 0, 0, 3}}}) {
    expect_runtime_equals_evaluator(overflowing_network(pool));
  }
}

}  // namespace
}  // namespace pact::runtime
