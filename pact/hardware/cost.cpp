// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/cost.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace pact::hardware {
namespace {

// Weights of F(2x2, 3x3) are transformed to 4x4 when a model is loaded.
constexpr double kWinogradWeights = 16.0 / 9;

// How a layer runs on the array.
struct Mapping {
  double peak = 0;     // MACs a second, all cores
  double inputs = 1;   // lanes that are summed
  double outputs = 1;  // lanes of channels
  double pixels = 1;   // lanes of pixels
  double gain = 1;     // of Winograd
  double weights = 1;  // stored for each weight
};

// The narrowest of `widths` that holds `bits`; all widths if there are none.
double stored_bits(int bits, const std::vector<int>& widths) {
  const auto found = std::lower_bound(widths.begin(), widths.end(), bits);
  return found == widths.end() ? bits : *found;
}

const std::vector<int>& weight_widths(const Memory& memory, LayerKind kind) {
  const bool own = kind == LayerKind::Linear && !memory.linear_weight_widths.empty();
  return own ? memory.linear_weight_widths : memory.weight_widths;
}

bool runs_winograd(const Layer& layer, const Precision& row) {
  return row.winograd_channels > 0 && layer.groups == 1 && layer.kernel == graph::Pair{3, 3} &&
         layer.stride == graph::Pair{1, 1} &&
         std::min(layer.input_channels, layer.output_channels) >= row.winograd_channels;
}

Mapping parallel_mapping(const Machine& machine, const Precision& row, const Layer& layer) {
  Mapping mapping{.peak = row.cores * row.macs_per_cycle * machine.clock_hz,
                  .inputs = static_cast<double>(machine.array.inputs),
                  .outputs = static_cast<double>(machine.array.outputs),
                  .pixels = static_cast<double>(machine.array.pixels)};
  if (runs_winograd(layer, row)) {
    mapping.gain = row.winograd_gain;
    mapping.weights = kWinogradWeights;
  }
  return mapping;
}

// Fully connected layers have no pixels to work on side by side: those lanes take further outputs,
// each with weights of its own, and activations come in all their bits (Stripes, Loom).
Mapping serial_mapping(const Machine& machine, const Layer& layer, Bits bits) {
  const Array& array = machine.array;
  const bool linear = layer.kind == LayerKind::Linear;
  const int activation_cycles = linear ? machine.widest_bits : bits.activations;
  const int weight_cycles = machine.arithmetic == Arithmetic::BitSerial ? bits.weights : 1;
  Mapping mapping{.inputs = static_cast<double>(array.inputs),
                  .outputs = static_cast<double>(array.outputs),
                  .pixels = static_cast<double>(array.pixels)};
  if (linear) mapping.outputs *= std::exchange(mapping.pixels, 1.0);
  mapping.peak = machine.cores * static_cast<double>(array.size()) * machine.clock_hz /
                 (activation_cycles * weight_cycles);
  return mapping;
}

// A product of w x a bits takes (w / brick) * (a / brick) bricks, both rounded up to powers of two;
// the products of one element are summed, as its inputs are.
Mapping composed_mapping(const Machine& machine, Bits bits) {
  const auto bricks_of = [&](int width) {
    double bricks = 1;
    while (bricks * machine.brick_bits < width) bricks *= 2;
    return bricks;
  };
  const double products = machine.bricks / (bricks_of(bits.weights) * bricks_of(bits.activations));
  const Array& array = machine.array;
  return {.peak = machine.cores * static_cast<double>(array.size()) * products * machine.clock_hz,
          .inputs = static_cast<double>(array.inputs) * std::max(products, 1.0),
          .outputs = static_cast<double>(array.outputs),
          .pixels = static_cast<double>(array.pixels)};
}

Result<Mapping> map_layer(const Machine& machine, const Layer& layer, Bits bits) {
  int widest = machine.widest_bits;
  if (machine.arithmetic == Arithmetic::Parallel) {
    widest = 0;
    for (const Precision& row : machine.precisions) {
      if (row.bits.weights >= bits.weights && row.bits.activations >= bits.activations) {
        return parallel_mapping(machine, row, layer);
      }
      widest = std::max({widest, row.bits.weights, row.bits.activations});
    }
  } else if (std::max(bits.weights, bits.activations) <= widest) {
    if (machine.arithmetic == Arithmetic::Composable) return composed_mapping(machine, bits);
    return serial_mapping(machine, layer, bits);
  }
  return make_error(ErrorCode::InvalidArgument, "layer '", layer.name, "': expected at most ",
                    widest, " bits, which ", machine.name, " has multipliers for, found ",
                    name(bits));
}

double together(Overlap overlap, double compute, double memory) {
  return overlap == Overlap::Full ? std::max(compute, memory) : compute + memory;
}

double full_part(double extent, double lanes) {
  return extent / (lanes * std::ceil(extent / lanes));
}

double utilisation(const Array& array, const Mapping& mapping, const Layer& layer) {
  double inputs = static_cast<double>(layer.filter_channels());
  if (array.reduction != Reduction::Channels) inputs *= static_cast<double>(layer.kernel.x);
  if (array.reduction == Reduction::Filter) inputs *= static_cast<double>(layer.kernel.y);
  const auto outputs = static_cast<double>(layer.group_outputs());
  return full_part(inputs, mapping.inputs) * full_part(outputs, mapping.outputs) *
         full_part(static_cast<double>(layer.pixels), mapping.pixels) * mapping.gain;
}

// Weights that stay on chip: fills LayerCost::resident_bytes.
void keep_weights(const Workload& workload, const Memory& memory, std::vector<LayerCost>& costs) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  double room = memory.weight_bytes;
  if (memory.residency == Residency::AllOrNothing) {
    double all = 0;
    for (const LayerCost& layer : costs) all += layer.weight_bytes;
    if (all > room) room = 0;
  } else if (memory.residency == Residency::BytesPerMac) {
    const auto density = [&](std::size_t i) {
      return costs[i].weight_bytes / static_cast<double>(workload.layers[i].macs());
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return density(a) > density(b); });
  }
  for (const std::size_t i : order) {
    costs[i].resident_bytes = std::min(costs[i].weight_bytes, room);
    room -= costs[i].resident_bytes;
  }
}

// Each product takes a multiplication and an addition to the accumulator. An activation that is
// read serves all lanes of outputs; a weight is read once; an output is written once.
Joules energy_of(const LayerCost& cost, const Layer& layer, const Mapping& mapping,
                 const Machine& machine, double input_bits, double output_bytes) {
  const Energy& e = machine.energy;
  const double w = cost.bits.weights;
  const double a = cost.bits.activations;
  const auto macs = static_cast<double>(layer.macs());
  const double reuse = std::min(mapping.outputs, static_cast<double>(layer.group_outputs()));
  const double product = e.multiply_bit2 * w * a + e.multiply_bit * (w + a) / 2;
  const double moved = macs / reuse * input_bits + 8 * (cost.weight_bytes + output_bytes);
  return {.arithmetic = macs * (product + e.add_bit * e.accumulator_bits),
          .on_chip = moved * e.on_chip_bit,
          .off_chip = 8 * cost.streamed_bytes() * e.off_chip_bit};
}

Bits bits_of_most_macs(const Workload& workload, std::span<const Bits> bits) {
  std::map<std::pair<int, int>, std::int64_t> macs;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    macs[{bits[i].weights, bits[i].activations}] += workload.layers[i].macs();
  }
  const auto most = std::max_element(
      macs.begin(), macs.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return {most->first.first, most->first.second};
}

// The sums over the layers, whose costs are known.
void add_up(const Workload& workload, const Machine& machine, Cost& cost) {
  const Memory& memory = machine.memory;
  double inner_peak = 0;
  for (const LayerCost& layer : cost.layers) {
    if (layer.bits == cost.inner) inner_peak = std::max(inner_peak, layer.peak);
  }
  const double image_bytes =
      static_cast<double>(workload.image_elements) *
      stored_bits(cost.layers.front().bits.activations, memory.activation_widths) / 8;
  cost.image_seconds = image_bytes / memory.bytes_per_second;
  cost.image_picojoules = 8 * image_bytes * machine.energy.off_chip_bit;
  cost.seconds = cost.streaming_seconds = cost.image_seconds;
  for (std::size_t i = 0; i < cost.layers.size(); ++i) {
    const LayerCost& layer = cost.layers[i];
    const auto macs = static_cast<double>(workload.layers[i].macs());
    cost.peak_seconds += macs / inner_peak;
    cost.own_peak_seconds += macs / layer.peak;
    cost.compute_seconds += layer.compute_seconds;
    const double all_bytes = layer.weight_bytes + layer.spilled_bytes;
    cost.streaming_seconds +=
        together(memory.overlap, layer.compute_seconds, all_bytes / memory.bytes_per_second);
    cost.seconds += layer.seconds;
  }
}

}  // namespace

Joules Cost::energy() const {
  Joules sum{.off_chip = image_picojoules};
  for (const LayerCost& layer : layers) {
    sum.arithmetic += layer.energy.arithmetic;
    sum.on_chip += layer.energy.on_chip;
    sum.off_chip += layer.energy.off_chip;
  }
  return sum;
}

Result<Cost> cost(const Workload& workload, const Machine& machine, std::span<const Bits> bits) {
  PACT_CHECK(bits.size() == workload.layers.size());
  const Memory& memory = machine.memory;
  Cost result{.layers = std::vector<LayerCost>(bits.size()),
              .inner = bits_of_most_macs(workload, bits)};
  std::vector<Mapping> mappings;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const Layer& layer = workload.layers[i];
    PACT_TRY(const Mapping mapping, map_layer(machine, layer, bits[i]));
    mappings.push_back(mapping);
    LayerCost& out = result.layers[i];
    out.bits = bits[i];
    out.peak = mapping.peak;
    out.utilisation = utilisation(machine.array, mapping, layer);
    out.weight_bytes = static_cast<double>(layer.weights()) * mapping.weights *
                       stored_bits(bits[i].weights, weight_widths(memory, layer.kind)) / 8;
    out.compute_seconds = static_cast<double>(layer.macs()) / (mapping.peak * out.utilisation) +
                          static_cast<double>(layer.output_elements()) / machine.outputs_per_second;
  }
  keep_weights(workload, memory, result.layers);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const Layer& layer = workload.layers[i];
    LayerCost& out = result.layers[i];
    const double input_bits = stored_bits(bits[i].activations, memory.activation_widths);
    const double output_bits =
        stored_bits(bits[layer.reader].activations, memory.activation_widths);
    const double output_bytes = static_cast<double>(layer.output_elements()) * output_bits / 8;
    out.activation_bytes =
        static_cast<double>(layer.input_elements) * input_bits / 8 + output_bytes;
    out.spilled_bytes = std::max(out.activation_bytes - memory.activation_bytes, 0.0);
    out.memory_seconds = out.streamed_bytes() / memory.bytes_per_second;
    out.seconds = together(memory.overlap, out.compute_seconds, out.memory_seconds);
    out.energy = energy_of(out, layer, mappings[i], machine, input_bits, output_bytes);
  }
  add_up(workload, machine, result);
  return result;
}

SpeedUp speed_up(const Cost& from, const Cost& to) {
  const double peak = from.peak_seconds / to.peak_seconds;
  const double own_peak = from.own_peak_seconds / to.own_peak_seconds;
  const double compute = from.compute_seconds / to.compute_seconds;
  const double streaming = from.streaming_seconds / to.streaming_seconds;
  const double total = from.seconds / to.seconds;
  const auto width = [](const Bits& bits) {
    return std::sqrt(static_cast<double>(bits.weights) * bits.activations);
  };
  return {.linear = width(from.inner) / width(to.inner),
          .total = total,
          .peak = peak,
          .first_last = own_peak / peak,
          .utilisation = compute / own_peak,
          .traffic = streaming / compute,
          .residency = total / streaming};
}

}  // namespace pact::hardware
