// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/hw.h"
#include "pact/hardware/machine.h"
#include "pact/models/models.h"

namespace pact::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// demo-resnet on a bit-serial machine at 8 and at 4 bits.
HwReport report() {
  const std::filesystem::path machine = std::filesystem::path(PACT_SOURCE_DIR) / "hw/loom.toml";
  HwReport result{.workload = value_or_throw(hardware::workload(network_by_name("demo-resnet"))),
                  .machine = value_or_throw(hardware::read_machine(machine)),
                  .outer_bits = 1,
                  .runs = {}};
  for (const int bits : {8, 4}) {
    const auto all = hardware::uniform_bits(result.workload, {bits, bits}, 1);
    result.runs.push_back(
        {.bits = std::to_string(bits),
         .bytes_per_second = 1e9,
         .cost = value_or_throw(hardware::cost(result.workload, result.machine, all)),
         .published = std::nullopt});
  }
  return result;
}

// The lowest tick of the speed-up.
std::string lowest(const char* words) {
  return text("<text x=\"54.0\" y=\"364.0\" text-anchor=\"end\">", words, "</text>");
}

TEST(HwPicture, PutsWhatIsFasterAboveOne) {
  const std::string picture = hw_picture(report());
  EXPECT_THAT(picture, HasSubstr(lowest("1x")));
  EXPECT_THAT(picture, Not(HasSubstr("<circle cx=\"440.0\" cy=\"360.0\"")));
}

TEST(HwPicture, PutsWhatIsSlowerBelowOne) {
  HwReport slower = report();
  slower.runs[0].published = 20;
  slower.runs[1].published = 10;
  const std::string picture = hw_picture(slower);
  EXPECT_THAT(picture, HasSubstr(lowest("0.5x")));
  // Half the bits at the right end, half as fast at the bottom.
  EXPECT_THAT(picture, HasSubstr("<circle cx=\"440.0\" cy=\"360.0\""));
}

TEST(HwPicture, OneRunIsNothingToCompare) {
  HwReport one = report();
  one.runs.pop_back();
  EXPECT_THROW(hw_picture(one), Exception);
}

}  // namespace
}  // namespace pact::cli
