// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "pact/runtime/random_network_test.h"

namespace pact {
namespace {

using namespace testing_networks;

TEST(Requantizer, LooksCodesUpWhereEveryChannelIsRequantizedAlike) {
  for (const Grid& narrow : {unsigned_grid(2), affine_grid(3, 2), affine_grid(8, 100)}) {
    Builder builder(3, 9, 11, 5);
    const NodeId pixels = builder.lookup(affine_grid(8, 114));
    const NodeId alike = builder.requantize({pixels}, narrow);
    const NodeId apart = builder.requantize({pixels}, narrow);
    builder.add(Dequantize{}, {alike, apart});
    Network network = builder.network();
    const std::int32_t multiplier = network.parameter(alike, "multiplier").ints()[0];
    const std::int64_t offset = network.parameter(alike, "offset").longs()[0];
    network.set_parameter(alike, "multiplier",
                          Tensor::i32({1, 3}, {multiplier, multiplier, multiplier}));
    network.set_parameter(alike, "offset", Tensor::i64({3}, {offset, offset, offset}));
    expect_runtime_equals_evaluator(network);
    const Session session = value_or_throw(Session::create(packed(network), {}));
    std::map<std::string_view, std::string_view> kernels;
    for (const StepTime& step : session.steps()) kernels[step.name] = step.kernel;
    EXPECT_THAT(kernels.at(network.node(alike).name), testing::StartsWith("lookup_u8"));
    EXPECT_EQ(kernels.at(network.node(apart).name), "");
  }
}

}  // namespace
}  // namespace pact
