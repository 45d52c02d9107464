// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/machine.h"

#include <algorithm>
#include <cmath>

#include "pact/base/file.h"
#include "pact/config/table.h"

namespace pact::hardware {
namespace {

using config::NumberRule;
using config::Table;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr NumberRule kHertz{"hertz", 1, 1e13};
constexpr NumberRule kBytes{"bytes", 0, kInfinity};
constexpr NumberRule kBytesPerSecond{"bytes a second", 1, kInfinity};
constexpr NumberRule kOutputsPerSecond{"outputs a second", 1, kInfinity};
constexpr NumberRule kImagesPerSecond{"images a second", 1e-9, 1e12};
constexpr NumberRule kPicojoules{"picojoules", 0, 1e6};
constexpr NumberRule kCores{"cores", 1, 1e6};
constexpr NumberRule kArea{"areas of one multiplier, in any one unit,", 1e-12, 1e12};
constexpr NumberRule kMacs{"MACs a cycle of one core", 1e-6, 1e9};
constexpr NumberRule kGain{"times", 1, 2.25};
constexpr std::int64_t kMaxExtent = 1 << 20;
constexpr double kBitsOf8KiB = 16;  // log2
constexpr double kBitsOf1MiB = 23;

Array read_array(Table table) {
  Array array;
  array.inputs = table.integer("inputs", 1, kMaxExtent);
  array.outputs = table.integer("outputs", 1, kMaxExtent);
  array.pixels = table.integer("pixels", 1, kMaxExtent, 1);
  array.reduction = table.choice<Reduction>("reduction", Reduction::Channels, kReductionNames);
  table.finish();
  return array;
}

// `bits` for both, or one key each.
Bits read_bits(Table& table) {
  if (table.has("weight_bits") || table.has("activation_bits")) {
    return {.weights = static_cast<int>(table.integer("weight_bits", 1, kFloatBits)),
            .activations = static_cast<int>(table.integer("activation_bits", 1, kFloatBits))};
  }
  const int both = static_cast<int>(table.integer("bits", 1, kFloatBits));
  return {both, both};
}

// Whole cores of multipliers of one area that fit into what there is for all of them.
double cores_in(Table& table, double area, const Array& array) {
  const double each = table.number("mac_area", kArea);
  const double cores = std::floor(area / (each * static_cast<double>(array.size())));
  if (cores < 1) {
    table.fail("mac_area", text("at most ", area, " / ", array.size(), " multipliers"), text(each));
  }
  return cores;
}

Precision read_precision(Table table, std::optional<double> area, const Array& array) {
  Precision row;
  row.bits = read_bits(table);
  row.cores = area ? cores_in(table, *area, array) : table.number("cores", kCores, 1);
  row.macs_per_cycle = table.number("macs_per_cycle", kMacs, static_cast<double>(array.size()));
  row.winograd_channels = table.integer("winograd_channels", 0, kMaxExtent, 0);
  row.winograd_gain = table.number("winograd_gain", kGain, 1);
  table.finish();
  return row;
}

void read_arithmetic(Table table, Table& root, Machine& machine) {
  machine.arithmetic = table.choice<Arithmetic>("kind", Arithmetic::Parallel, kArithmeticNames);
  if (machine.arithmetic == Arithmetic::Parallel) {
    std::optional<double> area;
    if (table.has("area")) area = table.number("area", kArea);
    for (Table& row : root.tables("precision")) {
      machine.precisions.push_back(read_precision(std::move(row), area, machine.array));
    }
    if (machine.precisions.empty()) {
      root.fail("precision", "a table [[precision]] for each width of the multipliers", "none");
    }
    std::stable_sort(machine.precisions.begin(), machine.precisions.end(),
                     [](const Precision& a, const Precision& b) {
                       return a.bits.weights * a.bits.activations <
                              b.bits.weights * b.bits.activations;
                     });
  } else {
    machine.cores = table.number("cores", kCores);
    machine.widest_bits = static_cast<int>(table.integer("widest_bits", 1, kFloatBits));
  }
  if (machine.arithmetic == Arithmetic::Composable) {
    machine.brick_bits = static_cast<int>(table.integer("brick_bits", 1, machine.widest_bits));
    machine.bricks = static_cast<int>(table.integer("bricks", 1, 4096));
  }
  table.finish();
}

Memory read_memory(Table table) {
  Memory memory;
  memory.weight_bytes = table.number("weight_bytes", kBytes);
  memory.activation_bytes = table.number("activation_bytes", kBytes);
  memory.bytes_per_second = table.number("bytes_per_second", kBytesPerSecond);
  memory.residency = table.choice<Residency>("residency", Residency::LayerOrder, kResidencyNames);
  memory.overlap = table.choice<Overlap>("overlap", Overlap::Full, kOverlapNames);
  memory.weight_widths = table.integers("weight_widths", 1, kFloatBits, config::Order::Rising);
  memory.linear_weight_widths =
      table.integers("linear_weight_widths", 1, kFloatBits, config::Order::Rising);
  memory.activation_widths =
      table.integers("activation_widths", 1, kFloatBits, config::Order::Rising);
  table.finish();
  return memory;
}

Energy read_energy(std::optional<Table> table, const Memory& memory) {
  Energy energy;
  energy.on_chip_bit = on_chip_picojoules(memory.weight_bytes);
  if (!table) return energy;
  energy.multiply_bit2 = table->number("multiply_bit2", kPicojoules, energy.multiply_bit2);
  energy.multiply_bit = table->number("multiply_bit", kPicojoules, energy.multiply_bit);
  energy.add_bit = table->number("add_bit", kPicojoules, energy.add_bit);
  energy.accumulator_bits =
      static_cast<int>(table->integer("accumulator_bits", 1, 64, energy.accumulator_bits));
  energy.on_chip_bit = table->number("on_chip_bit", kPicojoules, energy.on_chip_bit);
  energy.off_chip_bit = table->number("off_chip_bit", kPicojoules, energy.off_chip_bit);
  table->finish();
  return energy;
}

Published read_published(Table table) {
  Published number;
  number.networks = table.texts("networks");
  number.bits = read_bits(table);
  number.bytes_per_second = table.number("bytes_per_second", kBytesPerSecond);
  number.images_per_second = table.number("images_per_second", kImagesPerSecond);
  table.finish();
  return number;
}

Machine read_root(Table root) {
  Machine machine;
  machine.name = root.text("name");
  machine.source = root.text("source");
  machine.clock_hz = root.number("clock_hz", kHertz);
  machine.outputs_per_second = root.number("outputs_per_second", kOutputsPerSecond, kInfinity);
  machine.array = read_array(root.required_table("array"));
  read_arithmetic(root.required_table("arithmetic"), root, machine);
  machine.memory = read_memory(root.required_table("memory"));
  machine.energy = read_energy(root.table("energy"), machine.memory);
  for (Table& row : root.tables("published")) {
    machine.published.push_back(read_published(std::move(row)));
  }
  root.finish();
  return machine;
}

}  // namespace

std::string name(const Bits& bits) {
  return bits.weights == bits.activations ? text(bits.weights)
                                          : text(bits.weights, "/", bits.activations);
}

double on_chip_picojoules(double bytes) {
  const double x = std::clamp(std::log2(std::max(bytes, 1.0) * 8), kBitsOf8KiB, kBitsOf1MiB);
  return ((9.02427321e-04 * x - 2.68847858e-02) * x + 2.08900804e-01) * x;
}

Result<Machine> parse_machine(std::string_view text, std::string_view where) {
  try {
    const toml::table table = config::parse(text, where);
    return read_root(Table(table, std::string(where)));
  } catch (const Exception& exception) {
    return exception.error();
  }
}

Result<Machine> read_machine(const std::filesystem::path& path) {
  PACT_TRY(const std::string text, read_text(path));
  return parse_machine(text, path.string());
}

}  // namespace pact::hardware
