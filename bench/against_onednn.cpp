// SPDX-License-Identifier: Apache-2.0
// Our whole network against oneDNN's convolutions and fully connected layers, in turn, in one
// process. Prints one JSON row (docs in results/cpu.md).
#include <omp.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/onednn.h"
#include "bench/pairs.h"
#include "bench/program.h"
#include "cli/speed_network.h"
#include "pact/base/cpu.h"

namespace pact::bench {
namespace {

struct Options {
  cli::SpeedNetwork network;
  std::string file;
  int threads = 1;
  int batch = 1;
  Turns turns;
};

void compare(const Options& options) {
  const Model model = options.file.empty()
                          ? value_or_throw(Model::load(cli::speed_network(options.network)))
                          : value_or_throw(Model::load(options.file));
  Runner ours(model, {.threads = options.threads, .batch = options.batch});
  omp_set_num_threads(options.threads);
  OneDnn opponent(model.file(), options.batch);
  const Pairs pairs = time_pairs(
      options.turns, [&] { ours.run(); }, [&] { opponent.run(); });
  const nlohmann::json row{{"network", model.name()},
                           {"batch", options.batch},
                           {"threads", options.threads},
                           {"isa", name(ours.session().isa())},
                           {"bits", options.network.bits},
                           {"ours_ms", median(pairs.first)},
                           {"opponent", "oneDNN int8, layers alone"},
                           {"opponent_ms", median(pairs.second)},
                           {"ratio", median(pairs.ratios)},
                           {"spread", spread(pairs.ratios)}};
  std::printf("%s\n", row.dump().c_str());
}

}  // namespace
}  // namespace pact::bench

int main(int argc, char** argv) {
  CLI::App app("Our runtime against oneDNN's int8 layers");
  pact::bench::Options options;
  app.add_option("file", options.file, "Packed network (.pact)");
  pact::cli::add_speed_options(app, options.network);
  pact::bench::add_size_options(app, options.threads, options.batch);
  pact::bench::add_turns_options(app, options.turns);
  return pact::bench::run_program(app, argc, argv, [&] { pact::bench::compare(options); });
}
