// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pact::hardware {
namespace {

using testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// 4 x 8 multipliers, one MAC a second each, at 8 and at 4 bits (of which there are two cores).
Machine small() {
  Machine machine{.name = "small", .array = {.inputs = 4, .outputs = 8}};
  machine.precisions = {{.bits = {4, 4}, .cores = 2, .macs_per_cycle = 32},
                        {.bits = {8, 8}, .cores = 1, .macs_per_cycle = 32}};
  machine.memory = {.activation_bytes = kInfinity, .bytes_per_second = 100};
  return machine;
}

Layer convolution(const char* name, std::int64_t in, std::int64_t out, std::int64_t pixels,
                  std::size_t reader) {
  return {.name = name,
          .input_channels = in,
          .output_channels = out,
          .pixels = pixels,
          .input_elements = in * pixels,
          .reader = reader};
}

// a: 4 -> 8 channels, fills the array; b: 6 -> 12, leaves 3/4 * 3/4 of it busy.
Workload two_layers() {
  Workload workload{.name = "two"};
  workload.layers = {convolution("a", 4, 8, 10, 1), convolution("b", 6, 12, 10, 1)};
  return workload;
}

Cost at(const Workload& workload, const Machine& machine, std::vector<Bits> bits) {
  return value_or_throw(cost(workload, machine, bits));
}

constexpr Bits k8{8, 8};
constexpr Bits k4{4, 4};

TEST(Cost, TimesAndBytesAreThoseTakenByHand) {
  const Cost found = at(two_layers(), small(), {k8, k4});
  const LayerCost& a = found.layers[0];
  EXPECT_EQ(a.peak, 32);
  EXPECT_EQ(a.utilisation, 1);
  EXPECT_EQ(a.weight_bytes, 32);
  EXPECT_EQ(a.activation_bytes, 40 + 80 * 4 / 8);  // what b reads has 4 bits
  EXPECT_EQ(a.compute_seconds, 320.0 / 32);
  EXPECT_EQ(a.memory_seconds, 32.0 / 100);
  EXPECT_EQ(a.bound(), Bound::Compute);
  const LayerCost& b = found.layers[1];
  EXPECT_EQ(b.peak, 64);
  EXPECT_EQ(b.utilisation, 0.75 * 0.75);
  EXPECT_EQ(b.weight_bytes, 36);
  EXPECT_EQ(b.activation_bytes, 30 + 60);
  EXPECT_EQ(b.compute_seconds, 720.0 / (64 * 0.5625));
  EXPECT_EQ(found.inner, k4);
  EXPECT_EQ(found.seconds, a.seconds + b.seconds);
  EXPECT_EQ(found.peak_seconds, 1040.0 / 64);
  EXPECT_EQ(found.own_peak_seconds, 320.0 / 32 + 720.0 / 64);
}

TEST(Cost, AnArrayTakesChannelsRowsOrWholeFilters) {
  Workload workload{.name = "one"};
  workload.layers = {convolution("a", 3, 8, 10, 0)};
  workload.layers[0].kernel = {3, 3};
  Machine machine = small();
  EXPECT_EQ(at(workload, machine, {k8}).layers[0].utilisation, 3.0 / 4);
  machine.array.reduction = Reduction::Row;
  EXPECT_EQ(at(workload, machine, {k8}).layers[0].utilisation, 9.0 / 12);
  machine.array.reduction = Reduction::Filter;
  EXPECT_EQ(at(workload, machine, {k8}).layers[0].utilisation, 27.0 / 28);
  machine.array.pixels = 4;
  EXPECT_DOUBLE_EQ(at(workload, machine, {k8}).layers[0].utilisation, 27.0 / 28 * 10 / 12);
}

TEST(Cost, GroupsRunOneAfterTheOther) {
  Workload workload{.name = "depthwise"};
  workload.layers = {convolution("a", 16, 16, 10, 0)};
  workload.layers[0].groups = 16;
  const LayerCost found = at(workload, small(), {k8}).layers[0];
  EXPECT_EQ(found.utilisation, 1.0 / 32);
  EXPECT_EQ(found.compute_seconds, 160);
}

TEST(Cost, TheNarrowestMultipliersThatHoldBothOperandsAreTaken) {
  const Workload workload = two_layers();
  EXPECT_EQ(at(workload, small(), {{4, 3}, k4}).layers[0].peak, 64);
  EXPECT_EQ(at(workload, small(), {{5, 2}, k4}).layers[0].peak, 32);
  const auto wide = cost(workload, small(), std::vector<Bits>{k8, {8, 16}});
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().message,
            "layer 'b': expected at most 8 bits, which small has multipliers for, found 8/16");
}

TEST(Cost, WeightsStayOnChipByPolicy) {
  const Workload workload = two_layers();  // 32 and 72 bytes; 10 pixels each
  Machine machine = small();
  machine.memory.weight_bytes = 40;
  const auto resident = [&] {
    const Cost found = at(workload, machine, {k8, k8});
    return std::pair{found.layers[0].resident_bytes, found.layers[1].resident_bytes};
  };
  EXPECT_EQ(resident(), std::pair(32.0, 8.0));
  machine.memory.residency = Residency::AllOrNothing;
  EXPECT_EQ(resident(), std::pair(0.0, 0.0));
  machine.memory.weight_bytes = 104;
  EXPECT_EQ(resident(), std::pair(32.0, 72.0));
  machine.memory.weight_bytes = 40;
  machine.memory.residency = Residency::BytesPerMac;
  EXPECT_EQ(resident(), std::pair(32.0, 8.0));  // as dense: the first is first
  Workload sparser = workload;
  sparser.layers[0].pixels = 100;
  const Cost found = at(sparser, machine, {k8, k8});
  EXPECT_EQ(found.layers[0].resident_bytes, 0);
  EXPECT_EQ(found.layers[1].resident_bytes, 40);
  EXPECT_EQ(found.layers[1].streamed_bytes(), 32);
}

TEST(Cost, ActivationsBeyondTheirMemoryAndTheImageAreStreamed) {
  Workload workload = two_layers();
  workload.image_elements = 40;
  Machine machine = small();
  machine.memory.activation_bytes = 70;
  machine.memory.bytes_per_second = 1;
  const Cost found = at(workload, machine, {k8, k8});
  EXPECT_EQ(found.layers[0].spilled_bytes, 40 + 80 - 70);
  EXPECT_EQ(found.layers[0].memory_seconds, 32 + 50);
  EXPECT_EQ(found.layers[0].bound(), Bound::Memory);
  EXPECT_EQ(found.image_seconds, 40);
  EXPECT_EQ(found.energy().off_chip, (40 + 82 + 182) * 8 * 20.3125);
  EXPECT_EQ(found.seconds, 40 + (32 + 50) + (72 + 180 - 70));
}

TEST(Cost, WithoutOverlapTimesAdd) {
  Machine machine = small();
  machine.memory.overlap = Overlap::None;
  const Cost found = at(two_layers(), machine, {k8, k8});
  EXPECT_EQ(found.layers[0].seconds, 320.0 / 32 + 32.0 / 100);
  EXPECT_EQ(found.layers[0].bound(), Bound::Compute);
  EXPECT_EQ(found.streaming_seconds, found.seconds);
}

TEST(Cost, StoredWidthsRoundUp) {
  Machine machine = small();
  machine.memory.weight_widths = {2, 8};
  machine.memory.activation_widths = {8};
  const Cost found = at(two_layers(), machine, {{3, 3}, {2, 2}});
  EXPECT_EQ(found.layers[0].weight_bytes, 32);
  EXPECT_EQ(found.layers[1].weight_bytes, 72.0 * 2 / 8);
  EXPECT_EQ(found.layers[0].activation_bytes, 120);
  machine.memory.linear_weight_widths = {4};
  Workload linear = two_layers();
  linear.layers[0].kind = LayerKind::Linear;
  EXPECT_EQ(at(linear, machine, {{3, 3}, {3, 3}}).layers[0].weight_bytes, 16);
  EXPECT_EQ(at(linear, machine, {{3, 3}, {3, 3}}).layers[1].weight_bytes, 72);
}

TEST(Cost, WinogradSavesProductsAndStoresMoreWeights) {
  Workload workload{.name = "three"};
  workload.layers = {convolution("a", 32, 32, 10, 0)};
  workload.layers[0].kernel = {3, 3};
  Machine machine = small();
  machine.precisions[0].winograd_channels = 32;
  machine.precisions[0].winograd_gain = 2;
  const LayerCost narrow = at(workload, machine, {k4}).layers[0];
  EXPECT_EQ(narrow.utilisation, 2);
  EXPECT_EQ(narrow.weight_bytes, 32 * 32 * 16 / 2);
  EXPECT_EQ(at(workload, machine, {k8}).layers[0].utilisation, 1);
  workload.layers[0].stride = {2, 2};
  EXPECT_EQ(at(workload, machine, {k4}).layers[0].utilisation, 1);
}

TEST(Cost, OutputsThatKeepTheArrayWaitingAddTheirTime) {
  Machine machine = small();
  machine.outputs_per_second = 10;
  EXPECT_EQ(at(two_layers(), machine, {k8, k8}).layers[0].compute_seconds, 10 + 80.0 / 10);
}

// Time over that at 16 bits.
double relative_time(Machine machine, LayerKind kind, Bits bits) {
  Workload workload{.name = "one"};
  workload.layers = {convolution("a", 256, 256, kind == LayerKind::Linear ? 1 : 64, 0)};
  workload.layers[0].kind = kind;
  machine.memory.bytes_per_second = kInfinity;
  return at(workload, machine, {bits}).seconds / at(workload, machine, {{16, 16}}).seconds;
}

TEST(Cost, BitSerialTimeIsProportionalToActivationBitsOrToBoth) {
  Machine machine = small();
  machine.array = {.inputs = 4, .outputs = 8, .pixels = 16};
  machine.arithmetic = Arithmetic::BitSerialActivations;
  const Bits bits{3, 5};
  EXPECT_DOUBLE_EQ(relative_time(machine, LayerKind::Convolution, bits), 5.0 / 16);
  EXPECT_DOUBLE_EQ(relative_time(machine, LayerKind::Linear, bits), 1);
  machine.arithmetic = Arithmetic::BitSerial;
  EXPECT_DOUBLE_EQ(relative_time(machine, LayerKind::Convolution, bits), 15.0 / 256);
  EXPECT_DOUBLE_EQ(relative_time(machine, LayerKind::Linear, bits), 3.0 / 16);
}

TEST(Cost, ComposedTimeIsProportionalToBothInPowersOfTwo) {
  Machine machine = small();
  machine.arithmetic = Arithmetic::Composable;
  for (const auto& [bits, products] :
       {std::pair{Bits{8, 8}, 1.0}, std::pair{Bits{2, 8}, 4.0}, std::pair{Bits{4, 4}, 4.0},
        std::pair{Bits{2, 2}, 16.0}, std::pair{Bits{1, 3}, 8.0}, std::pair{Bits{16, 16}, 0.25}}) {
    EXPECT_DOUBLE_EQ(relative_time(machine, LayerKind::Convolution, bits), 0.25 / products)
        << name(bits);
  }
  EXPECT_FALSE(cost(two_layers(), machine, std::vector<Bits>(2, {17, 4})));
}

// Horowitz at 8 bits: a multiplication 0.2 pJ, an addition of 32 bits 0.1 pJ; 20.3 pJ a bit of
// DRAM.
TEST(Cost, EnergyIsThatOfThePublishedFit) {
  const Joules found = at(two_layers(), small(), {k8, k8}).layers[0].energy;
  EXPECT_NEAR(found.arithmetic, 320 * (0.2 + 0.1), 0.01);
  EXPECT_NEAR(found.off_chip, 32 * 8 * 20.3125, 1e-9);
  EXPECT_EQ(found.on_chip, 0);
  Machine machine = small();
  machine.energy.on_chip_bit = 2;
  // Each activation serves 8 outputs; 32 bytes of weights, 80 of outputs.
  EXPECT_NEAR(at(two_layers(), machine, {k8, k8}).layers[0].energy.on_chip,
              2 * (320.0 / 8 * 8 + 8 * (32 + 80)), 1e-9);
}

TEST(SpeedUp, FactorsMultiplyToTheWhole) {
  Machine machine = small();
  machine.memory.weight_bytes = 60;
  machine.memory.bytes_per_second = 1;
  const SpeedUp found =
      speed_up(at(two_layers(), machine, {k8, k8}), at(two_layers(), machine, {k8, k4}));
  EXPECT_EQ(found.linear, 2);
  EXPECT_EQ(found.peak, 2);
  EXPECT_LT(found.first_last, 1);
  EXPECT_GT(found.residency, 1);
  EXPECT_NEAR(found.peak * found.first_last * found.utilisation * found.traffic * found.residency,
              found.total, 1e-12);
}

}  // namespace
}  // namespace pact::hardware
