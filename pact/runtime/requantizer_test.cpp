// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "pact/runtime/random_network_test.h"

namespace pact {
namespace {

using namespace testing_networks;

// The multiplier of the first channel for all, and these offsets.
void make_alike(Network& network, NodeId id, const std::vector<std::int64_t>& offsets) {
  const std::int32_t multiplier = network.parameter(id, "multiplier").ints()[0];
  network.set_parameter(id, "multiplier",
                        Tensor::i32({1, 3}, {multiplier, multiplier, multiplier}));
  network.set_parameter(id, "offset", Tensor::i64({3}, offsets));
}

// `behind` is made where `alike` lies, which nothing else reads.
TEST(Requantizer, LooksCodesUpWhereEveryChannelIsRequantizedAlike) {
  for (const Grid& narrow : {unsigned_grid(2), affine_grid(3, 2), affine_grid(8, 100)}) {
    Builder builder(3, 9, 11, 5);
    const NodeId pixels = builder.lookup(affine_grid(8, 114));
    const NodeId alike = builder.requantize({pixels}, narrow);
    const NodeId behind = builder.requantize({alike}, affine_grid(5, 3));
    const NodeId apart = builder.requantize({pixels}, narrow);
    const NodeId odd = builder.requantize({pixels}, narrow);
    const NodeId last = builder.requantize({pixels}, narrow);
    builder.add(Dequantize{}, {behind, apart, odd, last});
    Network network = builder.network();
    const std::int64_t offset = network.parameter(alike, "offset").longs()[0];
    const int shift = network.node(alike).as<Requantize>()->shift;
    const std::int64_t other = offset + (std::int64_t{1} << (shift - 1));
    make_alike(network, alike, {offset, offset, offset});
    make_alike(network, behind, {offset, offset, offset});
    make_alike(network, odd, {offset, other, offset});
    make_alike(network, last, {offset, offset, other});
    expect_runtime_equals_evaluator(network);
    const Session session = value_or_throw(Session::create(packed(network), {}));
    std::map<std::string_view, std::string_view> kernels;
    for (const StepTime& step : session.steps()) kernels[step.name] = step.kernel;
    for (const NodeId id : {alike, behind}) {
      EXPECT_THAT(kernels.at(network.node(id).name), testing::StartsWith("lookup_u8"));
    }
    for (const NodeId id : {apart, odd, last}) EXPECT_EQ(kernels.at(network.node(id).name), "");
  }
}

}  // namespace
}  // namespace pact
