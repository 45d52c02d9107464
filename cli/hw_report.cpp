// SPDX-License-Identifier: Apache-2.0
// Costs as text and as JSON.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/hw.h"
#include "cli/show.h"

namespace pact::cli {
namespace {

using hardware::LayerCost;
using hardware::SpeedUp;
using Rows = std::vector<std::vector<std::string>>;

std::string bytes(double count) { return bytes_text(static_cast<std::uint64_t>(count)); }

double resident_bytes(const hardware::Cost& cost) {
  double sum = 0;
  for (const LayerCost& layer : cost.layers) sum += layer.resident_bytes;
  return sum;
}

double streamed_bytes(const hardware::Cost& cost) {
  double sum = 0;
  for (const LayerCost& layer : cost.layers) sum += layer.streamed_bytes();
  return sum;
}

// Of the time of an image, what is spent on layers that memory bounds, and on reading the image.
double memory_bound_part(const hardware::Cost& cost) {
  double sum = cost.image_seconds;
  for (const LayerCost& layer : cost.layers) {
    if (layer.bound() == hardware::Bound::Memory) sum += layer.seconds;
  }
  return sum / cost.seconds;
}

std::string heading(const HwReport& report) {
  const hardware::Workload& w = report.workload;
  return text(one_line(w.name), " on ", one_line(report.machine.name), ": ", w.layers.size(),
              " layers, ", fixed(static_cast<double>(w.macs()) * 1e-6, 1), " M MACs, ",
              fixed(static_cast<double>(w.weights()) * 1e-6, 3),
              " M weights, one image at a time\n");
}

std::string layer_table(const HwReport& report, const HwRun& run) {
  Rows rows{{"layer", "bits", "M MACs", "utilisation", "weights", "resident", "activations",
             "streamed", "compute us", "memory us", "bound", "uJ"}};
  for (std::size_t i = 0; i < run.cost.layers.size(); ++i) {
    const LayerCost& layer = run.cost.layers[i];
    const hardware::Layer& work = report.workload.layers[i];
    rows.push_back({work.name, hardware::name(layer.bits),
                    fixed(static_cast<double>(work.macs()) * 1e-6, 2), fixed(layer.utilisation, 3),
                    bytes(layer.weight_bytes), bytes(layer.resident_bytes),
                    bytes(layer.activation_bytes), bytes(layer.streamed_bytes()),
                    fixed(layer.compute_seconds * 1e6, 2), fixed(layer.memory_seconds * 1e6, 2),
                    layer.bound() == hardware::Bound::Compute ? "compute" : "memory",
                    fixed(layer.energy.sum() * 1e-6, 2)});
  }
  return table(rows) + "\n";
}

std::string totals_table(const HwReport& report) {
  const bool published = std::any_of(report.runs.begin(), report.runs.end(),
                                     [](const HwRun& run) { return run.published.has_value(); });
  Rows rows{{"GB/s", "bits", "images/s", "ms", "memory bound", "weights resident", "streamed", "mJ",
             "arithmetic", "on chip", "off chip"}};
  if (published) rows[0].insert(rows[0].begin() + 3, {"published", "difference"});
  for (const HwRun& run : report.runs) {
    const hardware::Joules energy = run.cost.energy();
    std::vector<std::string> row{
        gigabytes_text(run.bytes_per_second),      run.bits,
        fixed(run.cost.images_per_second(), 1),    fixed(run.cost.seconds * 1e3, 3),
        percent(memory_bound_part(run.cost)),      bytes(resident_bytes(run.cost)),
        bytes(streamed_bytes(run.cost)),           fixed(energy.sum() * 1e-9, 3),
        percent(energy.arithmetic / energy.sum()), percent(energy.on_chip / energy.sum()),
        percent(energy.off_chip / energy.sum())};
    if (published) {
      const bool has = run.published.has_value();
      row.insert(row.begin() + 3,
                 {has ? fixed(*run.published, 0) : "",
                  has ? percent(run.cost.images_per_second() / *run.published - 1) : ""});
    }
    rows.push_back(std::move(row));
  }
  return table(rows) + "\n";
}

std::string speed_up_table(const HwReport& report) {
  Rows rows{{"GB/s", "bits", "over", "linear", "speed-up", "/ linear", "= peak", "x first/last",
             "x utilisation", "x traffic", "x residency"}};
  for (const HwRun& run : report.runs) {
    const HwRun& reference = report.reference(run);
    if (&reference == &run) continue;
    const SpeedUp s = hardware::speed_up(reference.cost, run.cost);
    rows.push_back({gigabytes_text(run.bytes_per_second), run.bits, reference.bits,
                    fixed(s.linear, 2), fixed(s.total, 2), fixed(s.total / s.linear, 3),
                    fixed(s.peak, 2), fixed(s.first_last, 3), fixed(s.utilisation, 3),
                    fixed(s.traffic, 3), fixed(s.residency, 3)});
  }
  return rows.size() == 1 ? "" : table(rows) + "\n";
}

std::string notes(const HwReport& report) {
  std::string result;
  for (const auto& [operation, count] : report.workload.free_operations) {
    result += text(result.empty() ? "Done as values are written, at no cost: " : ", ", operation,
                   " ", count);
  }
  if (!result.empty()) result += ".\n";
  for (const hardware::UncostedOperation& each : report.workload.uncosted) {
    result += text("Not in the model: ", each.operation, " '", each.name, "', ", each.elements,
                   " elements.\n");
  }
  return result + "Energy: 45 nm, Horowitz (ISSCC 2014) in the fit of QKeras.\n";
}

nlohmann::json json_of(const HwReport& report, const HwRun& run) {
  nlohmann::json layers = nlohmann::json::array();
  for (std::size_t i = 0; i < run.cost.layers.size(); ++i) {
    const LayerCost& layer = run.cost.layers[i];
    const hardware::Layer& work = report.workload.layers[i];
    layers.push_back({{"name", work.name},
                      {"weight_bits", layer.bits.weights},
                      {"activation_bits", layer.bits.activations},
                      {"macs", work.macs()},
                      {"utilisation", layer.utilisation},
                      {"weight_bytes", layer.weight_bytes},
                      {"resident_bytes", layer.resident_bytes},
                      {"activation_bytes", layer.activation_bytes},
                      {"streamed_bytes", layer.streamed_bytes()},
                      {"compute_seconds", layer.compute_seconds},
                      {"memory_seconds", layer.memory_seconds},
                      {"bound", layer.bound() == hardware::Bound::Compute ? "compute" : "memory"},
                      {"picojoules", layer.energy.sum()}});
  }
  const HwRun& reference = report.reference(run);
  const SpeedUp s = hardware::speed_up(reference.cost, run.cost);
  const hardware::Joules energy = run.cost.energy();
  return {{"bits", run.bits},
          {"bytes_per_second", run.bytes_per_second},
          {"images_per_second", run.cost.images_per_second()},
          {"published", run.published ? nlohmann::json(*run.published) : nlohmann::json()},
          {"seconds", run.cost.seconds},
          {"image_seconds", run.cost.image_seconds},
          {"picojoules",
           {{"arithmetic", energy.arithmetic},
            {"on_chip", energy.on_chip},
            {"off_chip", energy.off_chip}}},
          {"speed_up",
           {{"over", reference.bits},
            {"linear", s.linear},
            {"total", s.total},
            {"peak", s.peak},
            {"first_last", s.first_last},
            {"utilisation", s.utilisation},
            {"traffic", s.traffic},
            {"residency", s.residency}}},
          {"layers", layers}};
}

}  // namespace

std::string gigabytes_text(double bytes_per_second) { return text(bytes_per_second / 1e9); }

std::string hw_text(const HwReport& report) {
  std::string result = heading(report) + "\n";
  if (report.runs.size() == 1) result += layer_table(report, report.runs.front());
  return result + totals_table(report) + speed_up_table(report) + notes(report);
}

std::string hw_json(const HwReport& report) {
  nlohmann::json runs = nlohmann::json::array();
  for (const HwRun& run : report.runs) runs.push_back(json_of(report, run));
  nlohmann::json uncosted = nlohmann::json::array();
  for (const hardware::UncostedOperation& each : report.workload.uncosted) {
    uncosted.push_back(
        {{"name", each.name}, {"operation", each.operation}, {"elements", each.elements}});
  }
  const nlohmann::json json{{"network", report.workload.name},
                            {"machine", report.machine.name},
                            {"source", report.machine.source},
                            {"macs", report.workload.macs()},
                            {"weights", report.workload.weights()},
                            {"free_operations", report.workload.free_operations},
                            {"uncosted", uncosted},
                            {"runs", runs}};
  return json_text(json);
}

}  // namespace pact::cli
