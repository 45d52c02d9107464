// SPDX-License-Identifier: Apache-2.0
// Our side of bench/onnxruntime.mjs: writes the opponent's files, then runs our network once for
// every line that it reads, and answers with the milliseconds that it took.
#include <cstdio>
#include <iostream>
#include <string>

#include "bench/pairs.h"
#include "bench/program.h"
#include "bench/qdq_network.h"
#include "cli/speed_network.h"
#include "pact/base/cpu.h"
#include "pact/base/file.h"
#include "pact/onnx/export.h"

namespace pact::bench {
namespace {

struct Options {
  cli::SpeedNetwork network;
  std::string folder;
  int threads = 1;
  int batch = 1;
};

void serve(const Options& options) {
  const graph::Network network = cli::float_network(options.network.name);
  value_or_throw(
      write_atomically(options.folder + "/fp32.onnx", value_or_throw(onnx::export_float(network))));
  value_or_throw(
      write_atomically(options.folder + "/int8.onnx", value_or_throw(qdq_network(network))));
  const Model model = value_or_throw(Model::load(cli::speed_network(options.network)));
  Runner ours(model, {.threads = options.threads, .batch = options.batch});
  const ImageShape image = model.image();
  std::printf("%s %d %d %d\n", std::string(name(ours.session().isa())).c_str(), image.channels,
              image.height, image.width);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%.6f\n", milliseconds([&] { ours.run(); }));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace pact::bench

int main(int argc, char** argv) {
  CLI::App app("Our runtime, a run for every line of the standard input");
  pact::bench::Options options;
  pact::cli::add_speed_options(app, options.network);
  app.add_option("--folder", options.folder, "Where fp32.onnx and int8.onnx go")->required();
  pact::bench::add_size_options(app, options.threads, options.batch);
  return pact::bench::run_program(app, argc, argv, [&] { pact::bench::serve(options); });
}
