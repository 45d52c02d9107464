// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/export.h"

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/base/file.h"
#include "pact/format/model.h"
#include "pact/graph/safetensors.h"
#include "pact/lower/lower.h"

namespace pact::cli {
namespace {

struct ExportCommand {
  std::string model;
  std::string output;
  std::string format;
  std::int64_t opset = 0;
};

// The integer network of a packed file, or of a checkpoint with quantizers.
graph::Network lowered_network(const std::string& path) {
  if (path.ends_with(".pact")) {
    return value_or_throw(lower::unpack(value_or_throw(format::read(path))));
  }
  return value_or_throw(lower::lower(value_or_throw(graph::read_network(path))));
}

void run_export(const ExportCommand& command) {
  std::string bytes;
  std::string layers;
  if (command.format != "qdq" && command.opset != 0) {
    throw_error(ErrorCode::InvalidArgument, "--opset: expected --format qdq, found ",
                command.format);
  }
  if (command.format == "float") {
    bytes = value_or_throw(onnx::export_float(value_or_throw(graph::read_network(command.model))));
  } else {
    const auto format =
        command.format == "qdq" ? onnx::ExportFormat::Qdq : onnx::ExportFormat::Qonnx;
    const graph::Network lowered = lowered_network(command.model);
    layers = text(", ", lower::layers_text(lowered));
    bytes =
        value_or_throw(onnx::export_quantized(lowered, {.format = format, .opset = command.opset}));
  }
  value_or_throw(write_atomically(command.output, bytes));
  std::printf("saved %s, %s%s\n", command.output.c_str(), bytes_text(bytes.size()).c_str(),
              layers.c_str());
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<ExportCommand>();
  CLI::App* command = app.add_subcommand("export", "Write a network as an ONNX file");
  command->footer(
      "Examples:\n"
      "  pact export out/w4a4/model.pact --format qdq --out model.onnx\n"
      "  pact export net.safetensors --format float --out net.onnx\n"
      "The file reads images normalised as (pixel / 255 - mean) / std; its metadata holds both.");
  command
      ->add_option("model", options->model,
                   "Packed network (.pact), or network with its weights (.safetensors)")
      ->required();
  command->add_option("--out", options->output, "ONNX file to write")->required();
  command
      ->add_option("--format", options->format,
                   "float; qdq: QuantizeLinear and DequantizeLinear; qonnx: Quant")
      ->required()
      ->check(CLI::IsMember({"float", "qdq", "qonnx"}));
  command
      ->add_option("--opset", options->opset,
                   "Newest operator set to use for qdq (default: what the widths need)")
      ->check(CLI::Range(13, 25));
  command->callback([options] { run_export(*options); });
}

}  // namespace pact::cli
