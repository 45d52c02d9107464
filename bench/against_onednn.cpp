// SPDX-License-Identifier: Apache-2.0
// Our whole network against oneDNN's convolutions and fully connected layers, in turn, in one
// process. Prints one JSON row (docs in results/cpu.md).
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "bench/onednn.h"
#include "cli/speed_network.h"
#include "pact/base/cpu.h"
#include "pact/runtime/model.h"

namespace pact::bench {
namespace {

struct Options {
  cli::SpeedNetwork network;
  std::string file;
  int threads = 1;
  int batch = 1;
  int pairs = 20;
};

template <typename Run>
double milliseconds(const Run& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return 1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Half of the distance between the quartiles, relative to the median.
double spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[3 * n / 4] - values[n / 4]) / 2 / values[n / 2];
}

void compare(const Options& options) {
  const Model model = options.file.empty()
                          ? value_or_throw(Model::load(cli::speed_network(options.network)))
                          : value_or_throw(Model::load(options.file));
  Session session =
      value_or_throw(Session::create(model, {.threads = options.threads, .batch = options.batch}));
  omp_set_num_threads(options.threads);
  OneDnn opponent(model.file(), options.batch);
  std::mt19937 random(1);
  std::vector<std::uint8_t> images(model.image().bytes() * static_cast<std::size_t>(options.batch));
  for (std::uint8_t& pixel : images) pixel = static_cast<std::uint8_t>(random());
  std::vector<float> outputs(model.outputs() * static_cast<std::size_t>(options.batch));
  const auto run_ours = [&] {
    value_or_throw(session.run(images, PixelOrder::Interleaved, outputs));
  };
  const auto run_theirs = [&] { opponent.run(); };
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> ratios;
  constexpr int kWarmUp = 3;
  for (int i = 0; i < kWarmUp + options.pairs; ++i) {
    const double our_time = milliseconds(run_ours);
    const double their_time = milliseconds(run_theirs);
    if (i < kWarmUp) continue;
    ours.push_back(our_time);
    theirs.push_back(their_time);
    ratios.push_back(their_time / our_time);
  }
  const nlohmann::json row{{"network", model.name()},
                           {"batch", options.batch},
                           {"threads", options.threads},
                           {"isa", name(session.isa())},
                           {"bits", options.network.bits},
                           {"ours_ms", median(ours)},
                           {"opponent", "oneDNN int8, layers alone"},
                           {"opponent_ms", median(theirs)},
                           {"ratio", median(ratios)},
                           {"spread", spread(ratios)}};
  std::printf("%s\n", row.dump().c_str());
}

}  // namespace
}  // namespace pact::bench

int main(int argc, char** argv) {
  CLI::App app("Our runtime against oneDNN's int8 layers");
  pact::bench::Options options;
  app.add_option("file", options.file, "Packed network (.pact)");
  pact::cli::add_speed_options(app, options.network);
  app.add_option("--threads", options.threads, "Threads")->check(CLI::Range(1, 256));
  app.add_option("--batch", options.batch, "Images in a run")->check(CLI::Range(1, 4096));
  app.add_option("--pairs", options.pairs, "Pairs of runs")->check(CLI::Range(1, 1000000));
  CLI11_PARSE(app, argc, argv);
  try {
    pact::bench::compare(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
  return 0;
}
