// SPDX-License-Identifier: Apache-2.0
// Prediction beside measurement. A step of the runtime is named after the node whose value it
// makes: the layer itself, or the requantization that its sums go into.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/hw.h"
#include "cli/show.h"
#include "pact/base/file.h"
#include "pact/hardware/agreement.h"

namespace pact::cli {
namespace {

struct Step {
  std::string name;
  std::string kernel;
  double seconds = 0;
  std::int64_t macs = 0;
};

struct Bench {
  std::string network;
  std::optional<SpeedNetwork> named;  // if it was measured by its name
  std::string setting;                // "avx512vnni, threads 1"
  std::vector<Step> layers;           // steps with MACs
  double other_seconds = 0;           // all other steps
};

// What was measured, but for the times.
Bench read_subject(const nlohmann::json& json) {
  Bench bench;
  bench.network = json.at("network").get<std::string>();
  bench.setting = one_line(
      text(json.at("isa").get<std::string>(), ", threads ", json.at("threads").get<int>()));
  if (json.contains("bits")) {
    bench.named = {.name = bench.network,
                   .bits = json.at("bits").get<std::string>(),
                   .first_last = json.at("first_last").get<int>()};
  }
  return bench;
}

Bench read_bench(const std::string& file) {
  const std::string content = value_or_throw(read_text(file));
  try {
    const nlohmann::json json = nlohmann::json::parse(content);
    if (json.at("batch") != 1) {
      throw_error(ErrorCode::InvalidArgument, file, ": expected a measurement of batch 1, found ",
                  json.at("batch").dump());
    }
    Bench bench = read_subject(json);
    for (const nlohmann::json& layer : json.at("layers")) {
      if (!layer.at("macs").is_number_unsigned()) {
        throw_error(ErrorCode::Corrupt, file, ": expected a number of MACs, found ",
                    layer.at("macs").dump());
      }
      Step step{layer.at("name").get<std::string>(), layer.at("kernel").get<std::string>(),
                layer.at("ms").get<double>() * 1e-3, layer.at("macs").get<std::int64_t>()};
      if (step.macs == 0) {
        bench.other_seconds += step.seconds;
      } else if (step.seconds > 0) {
        bench.layers.push_back(std::move(step));
      } else {
        throw_error(ErrorCode::Corrupt, file, ": layer '", step.name,
                    "': expected a time above 0, found ", step.seconds);
      }
    }
    return bench;
  } catch (const nlohmann::json::exception& error) {
    throw_error(ErrorCode::Corrupt, file,
                ": expected the JSON of `pact bench --json`, found: ", error.what());
  }
}

// Of several measurements the fastest of each step: what else runs on a machine only adds.
Bench fastest(const std::vector<std::string>& files) {
  Bench best = read_bench(files.front());
  for (const std::string& file : files) {
    const Bench bench = read_bench(file);
    if (bench.setting != best.setting) {
      throw_error(ErrorCode::InvalidArgument, file, ": expected a measurement on ", best.setting,
                  " as in ", files.front(), ", found ", bench.setting);
    }
    best.other_seconds = std::min(best.other_seconds, bench.other_seconds);
    for (std::size_t i = 0; i < best.layers.size(); ++i) {
      if (bench.layers.size() != best.layers.size() ||
          bench.layers[i].name != best.layers[i].name ||
          bench.layers[i].macs != best.layers[i].macs) {
        throw_error(ErrorCode::InvalidArgument, file, ": expected a measurement of the network in ",
                    files.front(), ", found another");
      }
      best.layers[i].seconds = std::min(best.layers[i].seconds, bench.layers[i].seconds);
    }
  }
  return best;
}

std::string subject(const std::string& name, const std::optional<SpeedNetwork>& network) {
  if (!network) return "the file of " + name;
  const hardware::Bits bits = parse_bits(network->bits, numeric::kMaxCodeBits);
  return text("--network ", name, " --bits ", bits.weights, "/", bits.activations, " --first-last ",
              network->first_last);
}

void check_subject(const std::string& file, const std::string& expected, const std::string& found) {
  if (found == expected) return;
  throw_error(ErrorCode::InvalidArgument, file, ": expected a measurement of ", expected,
              ", found one of ", found);
}

// The layer whose sums the step computes, or the layers whose sums go into what it makes; empty if
// their MACs are others.
std::vector<std::size_t> find_layers(const hardware::Workload& workload, const Step& step,
                                     const std::vector<bool>& taken) {
  std::vector<std::size_t> together;
  std::int64_t macs = 0;
  for (std::size_t i = 0; i < workload.layers.size(); ++i) {
    const hardware::Layer& layer = workload.layers[i];
    if (taken[i]) continue;
    if (layer.name == step.name && layer.macs() == step.macs) return {i};
    if (layer.result != step.name) continue;
    if (layer.macs() == step.macs) return {i};
    together.push_back(i);
    macs += layer.macs();
  }
  return macs == step.macs ? together : std::vector<std::size_t>{};
}

}  // namespace

std::string hw_against_bench(const HwReport& report, const std::optional<SpeedNetwork>& network,
                             const std::vector<std::string>& files) {
  const Bench bench = fastest(files);
  check_subject(files.front(), subject(report.workload.name, network),
                subject(bench.network, bench.named));
  const hardware::Cost& cost = report.runs.front().cost;
  std::vector<bool> taken(report.workload.layers.size());
  std::vector<std::vector<std::string>> rows{
      {"layer", "kernel", "M MACs", "bound", "predicted us", "measured us", "ratio"}};
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const Step& step : bench.layers) {
    const std::vector<std::size_t> layers = find_layers(report.workload, step, taken);
    if (layers.empty()) {
      throw_error(ErrorCode::InvalidArgument, files.front(), ": expected a measurement of ",
                  report.workload.name, " at these bits; it has no layer '", step.name, "' of ",
                  step.macs, " MACs");
    }
    double seconds = 0;
    std::string names;
    std::size_t longest = layers[0];
    for (const std::size_t i : layers) {
      taken[i] = true;
      seconds += cost.layers[i].seconds;
      names += (names.empty() ? "" : " + ") + report.workload.layers[i].name;
      if (cost.layers[i].seconds > cost.layers[longest].seconds) longest = i;
    }
    predicted.push_back(seconds);
    measured.push_back(step.seconds);
    rows.push_back({names, step.kernel, fixed(static_cast<double>(step.macs) * 1e-6, 2),
                    cost.layers[longest].bound() == hardware::Bound::Compute ? "compute" : "memory",
                    fixed(seconds * 1e6, 1), fixed(step.seconds * 1e6, 1),
                    fixed(seconds / step.seconds, 2)});
  }
  const auto left = std::find(taken.begin(), taken.end(), false);
  if (left != taken.end()) {
    throw_error(ErrorCode::InvalidArgument, files.front(), ": expected the time of layer '",
                report.workload.layers[static_cast<std::size_t>(left - taken.begin())].name,
                "', found none");
  }
  if (measured.size() < 2) {
    throw_error(ErrorCode::InvalidArgument, files.front(), ": expected times of 2 layers or more");
  }
  const hardware::Agreement found = hardware::agreement(predicted, measured);
  return text(table(rows), "\n", one_line(report.workload.name), ", ", hardware::name(cost.inner),
              " bits, ", bench.setting, ", ", measured.size(), " layers: rank correlation ",
              fixed(found.rank_correlation, 3), ", mean error ", percent(found.mean_error),
              ", sum predicted / measured ", fixed(found.total_ratio, 3),
              "; steps without MACs, not predicted, took ", fixed(bench.other_seconds * 1e3, 3),
              " ms\n");
}

}  // namespace pact::cli
