// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

namespace pact::hardware {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kSmall = R"(name = "small"
source = "this test"
clock_hz = 1e6
[array]
inputs = 2
outputs = 4
[arithmetic]
kind = "parallel"
[[precision]]
bits = 8
[memory]
weight_bytes = 100
activation_bytes = inf
bytes_per_second = 1e3
)";

// kSmall with the first `from` replaced.
std::string changed(std::string_view from, std::string_view to) {
  std::string text(kSmall);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  const auto machine = parse_machine(text, "m.toml");
  return machine ? "no error" : machine.error().message;
}

constexpr std::string_view kFull = R"(name = "full"
source = "this test"
clock_hz = 2e9
outputs_per_second = 3e9
[array]
inputs = 2
outputs = 4
pixels = 3
reduction = "filter"
[arithmetic]
kind = "parallel"
[[precision]]
bits = 8
[[precision]]
weight_bits = 2
activation_bits = 4
cores = 5
macs_per_cycle = 1.5
winograd_channels = 32
winograd_gain = 2
[memory]
weight_bytes = 100
activation_bytes = inf
bytes_per_second = 1e3
residency = "bytes-per-mac"
overlap = "none"
weight_widths = [2, 8]
linear_weight_widths = [4, 8]
activation_widths = [4]
[energy]
multiply_bit2 = 1
multiply_bit = 2
add_bit = 3
accumulator_bits = 24
on_chip_bit = 4
off_chip_bit = 5
[[published]]
networks = ["a", "b"]
bits = 4
bytes_per_second = inf
images_per_second = 6
)";

TEST(Machine, ReadsEveryKey) {
  const Machine machine = value_or_throw(parse_machine(kFull, "full.toml"));
  EXPECT_EQ(machine.array.size(), 24);
  EXPECT_EQ(machine.array.reduction, Reduction::Filter);
  ASSERT_EQ(machine.precisions.size(), 2U);
  EXPECT_EQ(machine.precisions[0].bits, (Bits{2, 4}));  // narrow ones first
  EXPECT_EQ(machine.precisions[0].cores, 5);
  EXPECT_EQ(machine.precisions[0].macs_per_cycle, 1.5);
  EXPECT_EQ(machine.precisions[0].winograd_channels, 32);
  EXPECT_EQ(machine.precisions[1].macs_per_cycle, 24);
  EXPECT_EQ(machine.outputs_per_second, 3e9);
  EXPECT_EQ(machine.memory.residency, Residency::BytesPerMac);
  EXPECT_EQ(machine.memory.overlap, Overlap::None);
  EXPECT_EQ(machine.memory.weight_widths, (std::vector<int>{2, 8}));
  EXPECT_EQ(machine.memory.linear_weight_widths, (std::vector<int>{4, 8}));
  EXPECT_EQ(machine.energy.accumulator_bits, 24);
  EXPECT_EQ(machine.energy.off_chip_bit, 5);
  ASSERT_EQ(machine.published.size(), 1U);
  EXPECT_EQ(machine.published[0].networks.size(), 2U);
  EXPECT_TRUE(std::isinf(machine.published[0].bytes_per_second));
}

TEST(Machine, CoresFollowFromAnArea) {
  std::string text = changed("kind = \"parallel\"", "kind = \"parallel\"\narea = 100");
  text = text.replace(text.find("bits = 8"), 8, "bits = 8\nmac_area = 3");
  const Machine machine = value_or_throw(parse_machine(text, "m.toml"));
  EXPECT_EQ(machine.precisions[0].cores, 4);  // 100 / (3 * 8) = 4.17
  text = text.replace(text.find("mac_area = 3"), 12, "mac_area = 13");
  EXPECT_THAT(error_of(text),
              HasSubstr("precision.mac_area: expected at most 100 / 8 multipliers, found 13"));
}

// kSmall with `from` replaced by `to` fails with `message`.
struct Case {
  std::string_view from;
  std::string_view to;
  std::string_view message;
};
constexpr Case kCases[] = {
    {"clock_hz = 1e6", "clock_hz = \"2 GHz\"",
     "m.toml:3: clock_hz: expected a number of hertz from 1 to 1e+13, found '2 GHz'"},
    {"clock_hz = 1e6", "clock_hz = 0", "m.toml:3: clock_hz: expected a number of hertz"},
    {"clock_hz = 1e6", "clock_hz = -2e9", "found -2"},
    {"clock_hz = 1e6", "clock_hz = nan",
     "m.toml:3: clock_hz: expected a number of hertz from 1 to 1e+13, found nan"},
    {"clock_hz = 1e6", "clock_hz = inf", "found inf"},
    {"clock_hz = 1e6\n", "", "clock_hz: expected a number of hertz from 1 to 1e+13, found nothing"},
    {"clock_hz = 1e6", "clock_mhz = 2000", "clock_hz: expected a number of hertz"},
    {"clock_hz = 1e6", "clock_hz = 1e6\nvolts = 1",
     "m.toml:4: unknown key 'volts'; expected one of arithmetic, array, clock_hz, energy, memory, "
     "name, outputs_per_second, precision, published, source"},
    {"inputs = 2", "inputs = 0",
     "m.toml:5: array.inputs: expected a whole number from 1 to 1048576, found 0"},
    {"inputs = 2", "inputs = -8", "array.inputs: expected a whole number"},
    {"inputs = 2", "inputs = 2.5", "array.inputs: expected a whole number"},
    {"inputs = 2", "inputs = 99999999", "array.inputs: expected a whole number"},
    {"inputs = 2", "rows = 2", "array.inputs: expected a whole number"},
    {"outputs = 4", "outputs = 4\nreduction = \"columns\"",
     "array.reduction: expected one of \"channels\", \"row\", \"filter\", found 'columns'"},
    {"[array]", "[[array]]", "array: expected a table"},
    {"kind = \"parallel\"", "kind = \"optical\"",
     "arithmetic.kind: expected one of \"parallel\", \"bit-serial-activations\", "
     "\"bit-serial\", \"composable\", found 'optical'"},
    {"[[precision]]\nbits = 8", "", "precision: expected a table [[precision]]"},
    {"bits = 8", "bits = 0", "m.toml:10: precision.bits: expected a whole number from 1 to 32"},
    {"bits = 8", "bits = 8\ncores = -4", "precision.cores: expected a number of cores"},
    {"bits = 8", "bits = 8\nmac_area = 2", "unknown key 'precision.mac_area'; expected one of"},
    {"bits = 8", "weight_bits = 8", "precision.activation_bits: expected a whole number"},
    {"kind = \"parallel\"", "kind = \"composable\"\ncores = 1\nwidest_bits = 8",
     "arithmetic.brick_bits: expected a whole number from 1 to 8, found nothing"},
    {"weight_bytes = 100", "weight_bytes = -1",
     "memory.weight_bytes: expected a number of bytes from 0 to inf, found -1"},
    {"weight_bytes = 100", "weight_bytes = \"16 MB\"", "found '16 MB'"},
    {"bytes_per_second = 1e3", "bytes_per_second = 0",
     "memory.bytes_per_second: expected a number of bytes a second from 1 to inf, found 0"},
    {"bytes_per_second = 1e3", "bytes_per_second = true", "found true"},
    {"bytes_per_second = 1e3", "bytes_per_second = 1e3\nweight_widths = [8, 4]",
     "memory.weight_widths: expected a list of rising whole numbers from 1 to 32"},
    {"bytes_per_second = 1e3", "bytes_per_second = 1e3\nweight_widths = []",
     "memory.weight_widths: expected a list"},
    {"bytes_per_second = 1e3", "bytes_per_second = 1e3\n[energy]\nadd_bit = -1",
     "energy.add_bit: expected a number of picojoules from 0 to 1e+06, found -1"},
    {"bytes_per_second = 1e3", "bytes_per_second = 1e3\n[[published]]\nnetworks = \"a\"",
     "published.networks: expected a list of texts in quotes, found 'a'"},
    {"[memory]", "[memory", "m.toml:11: "},
};

TEST(Machine, ErrorsSayWhereWhatWasExpectedAndWhatWasFound) {
  for (const Case& each : kCases) {
    const std::string message = error_of(changed(each.from, each.to));
    EXPECT_THAT(message, StartsWith("m.toml:")) << each.to;
    EXPECT_THAT(message, HasSubstr(std::string(each.message))) << each.to;
  }
  EXPECT_EQ(error_of(std::string(kSmall)), "no error");
}

TEST(Machine, ShippedFilesAreInOrder) {
  int examined = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PACT_SOURCE_DIR "/hw")) {
    if (entry.path().extension() != ".toml") continue;
    const auto machine = read_machine(entry.path());
    EXPECT_TRUE(machine) << machine.error().message;
    ++examined;
  }
  EXPECT_GE(examined, 7);
  EXPECT_EQ(read_machine("none.toml").error().code, ErrorCode::NotFound);
}

// Horowitz, ISSCC 2014: 64 bits out of 8 KiB, 32 KiB and 1 MiB take 10, 20 and 100 pJ.
TEST(Machine, OnChipEnergyIsHorowitzs) {
  EXPECT_NEAR(64 * on_chip_picojoules(8 << 10), 10, 0.01);
  EXPECT_NEAR(64 * on_chip_picojoules(32 << 10), 20, 0.01);
  EXPECT_NEAR(64 * on_chip_picojoules(1 << 20), 100, 0.01);
  EXPECT_EQ(on_chip_picojoules(0), on_chip_picojoules(8 << 10));
  EXPECT_EQ(on_chip_picojoules(16 << 20), on_chip_picojoules(1 << 20));
}

}  // namespace
}  // namespace pact::hardware
