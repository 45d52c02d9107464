// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/export.h"

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/base/file.h"
#include "pact/graph/safetensors.h"

namespace pact::cli {
namespace {

struct ExportOptions {
  std::string model;
  std::string output;
};

void run_export(const ExportOptions& options) {
  const auto file = value_or_throw(graph::read_safetensors(options.model));
  auto network = graph::network_from(file);
  if (!network) throw_error(network.error().code, options.model, ": ", network.error().message);
  const std::string bytes = value_or_throw(onnx::export_float(*network));
  value_or_throw(write_atomically(options.output, bytes));
  std::printf("saved %s, %s\n", options.output.c_str(), bytes_text(bytes.size()).c_str());
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Write a float network as an ONNX file");
  command->footer(
      "Example:\n"
      "  pact export net.safetensors --out net.onnx");
  command->add_option("model", options->model, "Network with its weights (safetensors)")
      ->required();
  command->add_option("--out", options->output, "ONNX file to write")->required();
  command->callback([options] { run_export(*options); });
}

}  // namespace pact::cli
