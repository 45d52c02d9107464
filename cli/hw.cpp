// SPDX-License-Identifier: Apache-2.0
#include "cli/hw.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/speed_network.h"
#include "pact/base/file.h"
#include "pact/format/model.h"
#include "pact/graph/safetensors.h"
#include "pact/lower/lower.h"

namespace pact::cli {
namespace {

using hardware::Bits;

struct HwOptions {
  std::string file;
  std::string network;
  std::string machine;
  std::vector<std::string> bits;
  std::vector<std::string> bandwidths;
  std::string residency;
  int first_last = 8;
  bool says_first_last = false;
  std::vector<std::string> measured;
  std::string plot;
  bool json = false;
};

constexpr int kWidestBits = 16;

double parse_bandwidth(const std::string& text) {
  double gigabytes = 0;
  const char* end = text.data() + text.size();
  const auto found = std::from_chars(text.data(), end, gigabytes);
  if (found.ec != std::errc{} || found.ptr != end || !(gigabytes >= 1e-9)) {
    throw_error(ErrorCode::InvalidArgument,
                "--bandwidth: expected gigabytes a second, above 0, or inf, found '", text, "'");
  }
  return gigabytes * 1e9;
}

// The network by name that was measured, not merely counted.
std::optional<SpeedNetwork> measured_network(const HwOptions& options) {
  if (!options.file.empty() || options.measured.empty()) return std::nullopt;
  return SpeedNetwork{
      .name = options.network, .bits = options.bits.front(), .first_last = options.first_last};
}

graph::Network read_network(const HwOptions& options) {
  const std::string& file = options.file;
  if (file.empty() && options.measured.empty()) return network_by_name(options.network);
  if (file.empty()) {
    if (options.bits.size() != 1) {
      throw_error(ErrorCode::InvalidArgument, "--measured: expected one --bits");
    }
    if (options.first_last > numeric::kMaxCodeBits) {
      throw_error(ErrorCode::InvalidArgument, "--first-last: expected at most ",
                  numeric::kMaxCodeBits, " bits, which run and are measured, found ",
                  options.first_last);
    }
    return lowered_speed_network(*measured_network(options));
  }
  if (file.ends_with(".onnx")) return hw_onnx_network(file);
  if (file.ends_with(".pact")) {
    return value_or_throw(lower::unpack(value_or_throw(format::read(file))));
  }
  return value_or_throw(graph::read_network(file));
}

bool has_own_bits(const hardware::Workload& workload) {
  return std::any_of(
      workload.layers.begin(), workload.layers.end(), [](const hardware::Layer& layer) {
        return std::max(layer.bits.weights, layer.bits.activations) < hardware::kFloatBits;
      });
}

// What to look at where nobody says: the network's own bits, or those that the machine has.
std::vector<std::string> default_bits(const HwReport& report) {
  if (has_own_bits(report.workload)) return {"own"};
  std::vector<std::string> result;
  for (const int bits : {16, 8, 4, 2}) {
    const auto uniform = hardware::uniform_bits(report.workload, {bits, bits}, report.outer_bits);
    if (hardware::cost(report.workload, report.machine, uniform)) {
      result.push_back(std::to_string(bits));
    }
  }
  return result.empty() ? std::vector<std::string>{"8"} : result;
}

std::optional<double> published(const HwReport& report, const Bits& bits, double bandwidth) {
  for (const hardware::Published& row : report.machine.published) {
    if (std::find(row.networks.begin(), row.networks.end(), report.workload.name) !=
            row.networks.end() &&
        row.bits == bits && row.bytes_per_second == bandwidth && report.outer_bits == 8) {
      return row.images_per_second;
    }
  }
  return std::nullopt;
}

HwRun run_at(const HwReport& report, const std::string& bits_text, double bandwidth) {
  hardware::Machine machine = report.machine;
  machine.memory.bytes_per_second = bandwidth;
  const bool own = bits_text == "own";
  const Bits inner = own ? Bits{} : parse_bits(bits_text, kWidestBits);
  const std::vector<Bits> bits =
      own ? hardware::own_bits(report.workload)
          : hardware::uniform_bits(report.workload, inner, report.outer_bits);
  auto cost = hardware::cost(report.workload, machine, bits);
  if (!cost) {
    throw_error(cost.error().code, cost.error().message,
                own ? "; choose other bits with --bits" : "");
  }
  return {.bits = own ? bits_text : hardware::name(inner),
          .bytes_per_second = bandwidth,
          .cost = std::move(*cost),
          .published = own ? std::nullopt : published(report, inner, bandwidth)};
}

// A measured network has the bits that it ran at.
std::vector<std::string> compared_bits(const HwOptions& options, const HwReport& report) {
  const bool is_measured = !options.measured.empty();
  if (is_measured && !options.file.empty() && !options.bits.empty()) {
    throw_error(ErrorCode::InvalidArgument, "--bits: expected none with --measured, ", options.file,
                " has its own");
  }
  std::vector<std::string> bits = options.bits;
  if (bits.empty()) bits = default_bits(report);
  if (is_measured) bits = {"own"};
  const bool are_own = bits.size() == 1 && bits.front() == "own";
  if (options.says_first_last && are_own && !options.file.empty()) {
    throw_error(ErrorCode::InvalidArgument, "--first-last: expected --bits, too; without it ",
                options.file, " has its own");
  }
  return bits;
}

HwReport make_report(const HwOptions& options) {
  HwReport report{.workload = value_or_throw(hardware::workload(read_network(options))),
                  .machine = value_or_throw(hardware::read_machine(options.machine)),
                  .outer_bits = options.first_last,
                  .runs = {}};
  for (const auto& [name, residency] : hardware::kResidencyNames) {
    if (name == options.residency) report.machine.memory.residency = residency;
  }
  const std::vector<std::string> bits = compared_bits(options, report);
  std::vector<double> bandwidths;
  for (const std::string& each : options.bandwidths) bandwidths.push_back(parse_bandwidth(each));
  if (bandwidths.empty()) bandwidths.push_back(report.machine.memory.bytes_per_second);
  for (const double bandwidth : bandwidths) {
    for (const std::string& each : bits) report.runs.push_back(run_at(report, each, bandwidth));
  }
  return report;
}

void run_hw(const HwOptions& options) {
  if (options.file.empty() == options.network.empty()) {
    throw_error(ErrorCode::InvalidArgument, "hw: expected a file or --network, one of them");
  }
  const HwReport report = make_report(options);
  if (!options.plot.empty()) {
    value_or_throw(write_atomically(options.plot, hw_picture(report)));
  }
  const std::string text =
      !options.measured.empty()
          ? hw_against_bench(report, measured_network(options), options.measured)
      : options.json ? hw_json(report)
                     : hw_text(report);
  std::fputs(text.c_str(), stdout);
}

}  // namespace

const HwRun& HwReport::reference(const HwRun& run) const {
  const auto width = [](const HwRun& each) {
    return each.cost.inner.weights * each.cost.inner.activations;
  };
  const HwRun* widest = &run;
  for (const HwRun& each : runs) {
    const bool beside = each.bytes_per_second == run.bytes_per_second;
    if (beside && width(each) > width(*widest)) widest = &each;
  }
  return *widest;
}

void add_hw(CLI::App& app) {
  auto options = std::make_shared<HwOptions>();
  CLI::App* command = app.add_subcommand(
      "hw", "What a network costs on a machine: time, bytes, energy, layer by layer, by bits");
  command->footer(
      "Examples:\n"
      "  pact hw --network resnet50-original --machine hw/pact-2018.toml --bandwidth 32,64,inf\n"
      "  pact hw zoo/cifar10-resnet20-v1-w4a4.pact --machine hw/bit-fusion.toml\n"
      "  pact hw net.onnx --machine hw/stripes.toml --bits 8,4/8,4 --plot net.svg\n"
      "  pact bench --network resnet18 --bits 4/4 --isa avx512vnni --json >bench.json\n"
      "  pact hw --network resnet18 --bits 4/4 --machine hw/xeon-vnni.toml --measured bench.json\n"
      "Machines are TOML files; hw/ has some, docs/hardware.md says what they may hold.");
  command->add_option(
      "model", options->file,
      "Network in a file: packed (.pact), .onnx, or .safetensors with its structure");
  command->add_option("--network", options->network, "Network by name");
  command->add_option("--machine", options->machine, "Machine file (TOML)")->required();
  command
      ->add_option("--bits", options->bits,
                   "Bits to compare, as 8,4/8,4 (weights/activations); default: the network's own, "
                   "or 16,8,4,2")
      ->delimiter(',');
  command
      ->add_option("--bandwidth", options->bandwidths,
                   "Gigabytes a second to compare, as 32,64,inf; default: the machine's")
      ->delimiter(',');
  std::vector<std::string> policies;
  for (const auto& [name, residency] : hardware::kResidencyNames) policies.emplace_back(name);
  command->add_option("--residency", options->residency, "Which weights stay on chip")
      ->check(CLI::IsMember(policies));
  CLI::Option* first_last = add_first_last_option(*command, options->first_last, kWidestBits);
  CLI::Option* measured = command->add_option(
      "--measured", options->measured,
      "Compare with the JSON of `pact bench` of the same network; of several files, the "
      "fastest time of each layer");
  CLI::Option* plot = command->add_option("--plot", options->plot, "Picture to write (SVG)");
  CLI::Option* json = command->add_flag("--json", options->json, "Print one JSON object");
  measured->excludes(plot)->excludes(json);
  command->callback([options, first_last] {
    options->says_first_last = first_last->count() > 0;
    run_hw(*options);
  });
}

}  // namespace pact::cli
