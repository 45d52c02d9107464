// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/lookup.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

std::vector<std::uint8_t> random_bytes(std::int64_t count, std::mt19937& random) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

struct Strides {
  std::int64_t pixel;
  std::int64_t channel;
};

// Buffers of exactly the sizes that are read, a guard behind the target.
void expect_looked_up(const LookupKernel& kernel, std::int64_t channels, std::int64_t count,
                      const Strides& strides, std::mt19937& random) {
  constexpr std::uint8_t kGuard = 99;
  const auto tables = random_bytes(channels * 256, random);
  const std::int64_t last = (count - 1) * strides.pixel + (channels - 1) * strides.channel;
  const auto values = random_bytes(count == 0 ? 0 : last + 1, random);
  std::vector<std::uint8_t> expected;
  for (std::int64_t p = 0; p < count; ++p) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t at = p * strides.pixel + c * strides.channel;
      const std::int64_t value = values[static_cast<std::size_t>(at)];
      expected.push_back(tables[static_cast<std::size_t>(c * 256 + value)]);
    }
  }
  expected.push_back(kGuard);
  std::vector<std::uint8_t> target(expected.size(), kGuard);
  kernel.run({tables.data(), values.data(), strides.pixel, strides.channel, channels, count,
              target.data()});
  if (strides.pixel == channels && (channels == 1 || strides.channel == 1)) {
    std::vector<std::uint8_t> own = values;
    kernel.run(
        {tables.data(), own.data(), strides.pixel, strides.channel, channels, count, own.data()});
    own.push_back(kGuard);
    EXPECT_EQ(own, expected) << kernel.name << " in place, " << channels << " channels of "
                             << count;
  }
  EXPECT_EQ(target, expected) << kernel.name << ", " << channels << " channels of " << count
                              << " pixels, " << strides.pixel << " apart";
}

TEST(Lookup, EveryKernelLooksUpEveryValueOfEveryChannel) {
  std::mt19937 random(7);
  std::set<std::string> tested;
  std::set<std::string> expected;
  for (const Isa isa : available_isas()) {
    const LookupKernel& kernel = select_lookup(isa);
    for (std::int64_t channels = 1; channels <= 4; ++channels) {
      for (std::int64_t count = 0; count <= 200; ++count) {
        expect_looked_up(kernel, channels, count, {1, count + 3}, random);
        expect_looked_up(kernel, channels, count, {channels, 1}, random);
        expect_looked_up(kernel, channels, count, {3, 7}, random);
      }
      expect_looked_up(kernel, channels, 5000, {channels, 1}, random);
    }
    tested.insert(kernel.name);
    if (kernel.isa == isa) expected.insert(text("lookup_u8_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

}  // namespace
}  // namespace pact::kernels
