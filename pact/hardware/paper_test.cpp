// SPDX-License-Identifier: Apache-2.0
// Figure 6c of the PACT paper, out of the machine file that is shipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "pact/hardware/cost.h"
#include "pact/models/models.h"

namespace pact::hardware {
namespace {

constexpr int kOuterBits = 8;  // of the first and the last layer

class Paper : public testing::Test {
 protected:
  // ResNet-50 with the stride in the 1x1 layers.
  Cost at(int bits, double bytes_per_second, int outer = kOuterBits) const {
    Machine machine = machine_;
    machine.memory.bytes_per_second = bytes_per_second;
    return value_or_throw(
        cost(network_, machine, uniform_bits(network_, {bits, bits}, std::max(bits, outer))));
  }

  Machine machine_ = value_or_throw(read_machine(PACT_SOURCE_DIR "/hw/pact-2018.toml"));
  Workload network_ = value_or_throw(
      workload(value_or_throw(models::build("resnet50-original", {3, 224, 224, 1000}))));
};

TEST_F(Paper, TwelveNumbersOfFigure6cComeWithinTenPercent) {
  ASSERT_EQ(machine_.published.size(), 12U);
  for (const Published& paper : machine_.published) {
    const double ours = at(paper.bits.weights, paper.bytes_per_second).images_per_second();
    EXPECT_NEAR(ours / paper.images_per_second, 1, 0.1)
        << paper.bits.weights << " bits, " << paper.bytes_per_second << " bytes/s: " << ours;
  }
}

// Section 6: 1.24 times as fast at 2 bits.
TEST_F(Paper, NarrowingTheFirstAndLastLayerTooGainsThePapers24Percent) {
  for (const double bandwidth : {32e9, 64e9, static_cast<double>(INFINITY)}) {
    EXPECT_NEAR(at(2, bandwidth).seconds / at(2, bandwidth, 2).seconds / 1.24, 1, 0.05)
        << bandwidth;
  }
}

// Where the speed-up over 16 bits lies above the ratio of bits, the paper's does too, but at 2 bits
// and 64 GB/s, where ours is above and the paper's below.
TEST_F(Paper, IsSuperLinearWhereThePaperIsButInOnePlace) {
  int differing = 0;
  const auto published = [&](int bits, double bandwidth) {
    for (const Published& paper : machine_.published) {
      if (paper.bits.weights == bits && paper.bytes_per_second == bandwidth) {
        return paper.images_per_second;
      }
    }
    throw_error(ErrorCode::NotFound, bits, " bits at ", bandwidth);
  };
  for (const Published& paper : machine_.published) {
    const int bits = paper.bits.weights;
    const double bandwidth = paper.bytes_per_second;
    if (bits == 16) continue;
    const SpeedUp ours = speed_up(at(16, bandwidth), at(bits, bandwidth));
    const double theirs = paper.images_per_second / published(16, bandwidth);
    EXPECT_EQ(ours.linear, 16.0 / bits);
    if ((ours.total > ours.linear) == (theirs > ours.linear)) continue;
    ++differing;
    EXPECT_EQ(bits, 2);
    EXPECT_EQ(bandwidth, 64e9);
  }
  EXPECT_EQ(differing, 1);
}

}  // namespace
}  // namespace pact::hardware
