// SPDX-License-Identifier: Apache-2.0
// Our network against itself with other bits, threads or images in a run, in turn, in one process.
// Prints one JSON row; the ratio is that of the times of an image (docs in results/cpu.md).
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/pairs.h"
#include "bench/program.h"
#include "cli/speed_network.h"
#include "pact/base/cpu.h"

namespace pact::bench {
namespace {

struct Side {
  std::string bits = "4/4";
  int threads = 1;
  int batch = 1;
};
struct Options {
  std::string network;
  int first_last = 8;
  Side ours;
  Side other;
  Turns turns;
};

Model model_of(const Options& options, const Side& side) {
  return value_or_throw(
      Model::load(cli::speed_network({options.network, side.bits, options.first_last})));
}

void compare(const Options& options) {
  const Side& our_side = options.ours;
  const Side& other_side = options.other;
  Runner ours(model_of(options, our_side), {.threads = our_side.threads, .batch = our_side.batch});
  Runner other(model_of(options, other_side),
               {.threads = other_side.threads, .batch = other_side.batch});
  const Pairs pairs = time_pairs(
      options.turns, [&] { ours.run(); }, [&] { other.run(); });
  const double images = static_cast<double>(our_side.batch) / other_side.batch;
  const nlohmann::json row{{"network", options.network},
                           {"batch", our_side.batch},
                           {"threads", our_side.threads},
                           {"isa", name(ours.session().isa())},
                           {"bits", our_side.bits},
                           {"first_last", options.first_last},
                           {"ours_ms", median(pairs.first)},
                           {"opponent", text("ours, ", other_side.bits, ", threads ",
                                             other_side.threads, ", batch ", other_side.batch)},
                           {"opponent_ms", median(pairs.second)},
                           {"ratio", median(pairs.ratios) * images},
                           {"spread", spread(pairs.ratios)}};
  std::printf("%s\n", row.dump().c_str());
}

void add_side(CLI::App& app, const std::string& prefix, Side& side) {
  app.add_option("--" + prefix + "bits", side.bits, "Bits of weights/activations");
  add_size_options(app, side.threads, side.batch, prefix);
}

}  // namespace
}  // namespace pact::bench

int main(int argc, char** argv) {
  CLI::App app("Our runtime against itself");
  pact::bench::Options options;
  app.add_option("--network", options.network, "Network by name")->required();
  pact::cli::add_first_last_option(app, options.first_last, 8);
  pact::bench::add_side(app, "", options.ours);
  pact::bench::add_side(app, "other-", options.other);
  pact::bench::add_turns_options(app, options.turns);
  return pact::bench::run_program(app, argc, argv, [&] { pact::bench::compare(options); });
}
