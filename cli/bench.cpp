// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/commands.h"
#include "cli/roofline.h"
#include "cli/show.h"
#include "cli/speed_network.h"
#include "pact/base/cpu.h"
#include "pact/base/file.h"

namespace pact::cli {
namespace {

struct BenchOptions {
  std::string file;
  SpeedNetwork network;
  std::string isa;
  int threads = 1;
  int batch = 1;
  int runs = 30;
  bool json = false;
  std::string plot;
};

struct Measured {
  std::vector<double> milliseconds;  // of each run, sorted
  std::vector<StepTime> steps;       // seconds of one run
};

// Of making what runs, from the file.
struct Loading {
  double milliseconds = 0;  // of reading, verifying and packing
  std::size_t session_bytes = 0;
};

double median(const std::vector<double>& sorted) { return sorted[sorted.size() / 2]; }

template <typename Load>
Loading measure_loading(const Load& load, const SessionOptions& options) {
  constexpr int kTimes = 5;
  Loading result;
  std::vector<double> times;
  for (int i = 0; i < kTimes; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const Model model = load();
    const Session session = value_or_throw(Session::create(model, options));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    times.push_back(1e3 * time.count());
    result.session_bytes = session.memory();
  }
  std::sort(times.begin(), times.end());
  result.milliseconds = median(times);
  return result;
}

Measured measure(const Model& model, const SessionOptions& options, int runs) {
  Session session = value_or_throw(Session::create(model, options));
  std::mt19937 random(1);
  std::vector<std::uint8_t> images(model.image().bytes() * static_cast<std::size_t>(options.batch));
  for (std::uint8_t& pixel : images) pixel = static_cast<std::uint8_t>(random());
  std::vector<float> outputs(model.outputs() * static_cast<std::size_t>(options.batch));
  const auto run = [&] {
    const auto start = std::chrono::steady_clock::now();
    value_or_throw(session.run(images, PixelOrder::Interleaved, outputs));
    return 1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  constexpr int kWarmUp = 3;
  for (int i = 0; i < kWarmUp; ++i) run();
  const std::vector<StepTime> before = session.steps();
  Measured result;
  for (int i = 0; i < runs; ++i) result.milliseconds.push_back(run());
  std::sort(result.milliseconds.begin(), result.milliseconds.end());
  result.steps = session.steps();
  for (std::size_t s = 0; s < before.size(); ++s) {
    result.steps[s].seconds = (result.steps[s].seconds - before[s].seconds) / runs;
  }
  return result;
}

void print_table(const Measured& measured, int batch, const Ceilings& ceilings) {
  std::vector<std::vector<std::string>> rows{
      {"layer", "kernel", "us", "MMACs", "GMAC/s", "of peak", "weights", "values"}};
  for (const StepTime& step : measured.steps) {
    const bool works = step.macs > 0;
    rows.push_back({std::string(step.name), std::string(step.kernel), fixed(step.seconds * 1e6, 1),
                    works ? fixed(static_cast<double>(step.macs) * 1e-6, 2) : "",
                    works ? fixed(rate(step, batch) * 1e-9, 1) : "",
                    works ? fixed(100 * rate(step, batch) / ceilings.macs_per_second, 0) + "%" : "",
                    step.weight_bytes > 0 ? bytes_text(step.weight_bytes) : "",
                    bytes_text(step.value_bytes)});
  }
  std::printf("%s\n", table(rows).c_str());
}

nlohmann::json json_of(const Measured& measured, int batch, const Ceilings& ceilings) {
  nlohmann::json layers = nlohmann::json::array();
  for (const StepTime& step : measured.steps) {
    const double macs_per_second = step.macs > 0 ? rate(step, batch) : 0;
    layers.push_back({{"name", step.name},
                      {"kernel", step.kernel},
                      {"ms", step.seconds * 1e3},
                      {"macs", step.macs},
                      {"gmacs_per_second", macs_per_second * 1e-9},
                      {"share_of_peak", macs_per_second / ceilings.macs_per_second},
                      {"weight_bytes", step.weight_bytes},
                      {"read_bytes", step.read_bytes},
                      {"value_bytes", step.value_bytes}});
  }
  return layers;
}

void run_bench(const BenchOptions& options) {
  if (options.file.empty() == options.network.name.empty()) {
    throw_error(ErrorCode::InvalidArgument, "bench: expected a file or --network, one of them");
  }
  const std::vector<std::byte> bytes =
      options.file.empty() ? speed_network(options.network) : std::vector<std::byte>{};
  const auto load = [&] {
    return value_or_throw(bytes.empty() ? Model::load(options.file) : Model::load(bytes));
  };
  const Isa isa =
      options.isa.empty() ? value_or_throw(selected_isa()) : value_or_throw(parse_isa(options.isa));
  const SessionOptions session{
      .threads = options.threads, .batch = options.batch, .isa = isa, .timed = true};
  const Model model = load();
  const Loading loading = measure_loading(load, session);
  const Measured measured = measure(model, session, options.runs);
  const Ceilings ceilings = measure_ceilings(isa, options.threads);
  const std::string title =
      text(model.name(), " on ", name(isa), ", ", options.threads,
           options.threads == 1 ? " thread" : " threads", ", batch ", options.batch);
  if (!options.plot.empty()) {
    value_or_throw(write_atomically(
        options.plot, roofline_picture(title, measured.steps, options.batch, ceilings)));
  }
  const double middle = median(measured.milliseconds);
  const double fastest = measured.milliseconds.front();
  if (options.json) {
    nlohmann::json json{{"network", model.name()},
                        {"isa", name(isa)},
                        {"threads", options.threads},
                        {"batch", options.batch},
                        {"runs", options.runs},
                        {"median_ms", middle},
                        {"fastest_ms", fastest},
                        {"load_ms", loading.milliseconds},
                        {"session_bytes", loading.session_bytes},
                        {"peak_gmacs_per_second", ceilings.macs_per_second * 1e-9},
                        {"memory_gigabytes_per_second", ceilings.bytes_per_second * 1e-9},
                        {"layers", json_of(measured, options.batch, ceilings)}};
    if (!options.network.name.empty()) {
      json["bits"] = options.network.bits;
      json["first_last"] = options.network.first_last;
    }
    std::fputs(json_text(json).c_str(), stdout);
    return;
  }
  print_table(measured, options.batch, ceilings);
  std::printf("%s: median %s ms of %d runs, fastest %s ms\n", one_line(title).c_str(),
              fixed(middle, 3).c_str(), options.runs, fixed(fastest, 3).c_str());
  std::printf("loaded (read, verified, packed) in %s ms, a session of %s\n",
              fixed(loading.milliseconds, 1).c_str(), bytes_text(loading.session_bytes).c_str());
  std::printf("peak of dot products %s GMAC/s, memory %s GB/s\n",
              fixed(ceilings.macs_per_second * 1e-9, 0).c_str(),
              fixed(ceilings.bytes_per_second * 1e-9, 1).c_str());
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Time of a network, layer by layer");
  command->footer(
      "Examples:\n"
      "  pact bench zoo/cifar10-resnet20-v1-w4a4.pact\n"
      "  pact bench --network resnet18 --bits 4/4 --threads 2\n"
      "  pact bench --network resnet50 --plot roofline.svg\n"
      "Networks by name have random weights.");
  command->add_option("file", options->file, "Packed network (.pact)");
  add_speed_options(*command, options->network);
  command->add_option("--isa", options->isa, "Force an instruction set (default: PACT_ISA)");
  command->add_option("--threads", options->threads, "Threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--batch", options->batch, "Images in a run")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--runs", options->runs, "Runs to measure")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->add_option("--plot", options->plot, "Write a roofline picture of the layers (SVG)");
  command->callback([options] { run_bench(*options); });
}

}  // namespace pact::cli
