// SPDX-License-Identifier: Apache-2.0
#include "cli/import.h"

#include <cstdio>
#include <memory>
#include <sstream>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/base/file.h"
#include "pact/graph/safetensors.h"
#include "pact/onnx/import.h"

namespace pact::cli {
namespace {

struct ImportCommand {
  ImportOptions options;
  std::string output;
  std::string text;
};

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream text(value_or_throw(read_text(path)));
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

std::int64_t parameter_count(const graph::Network& network) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : network.parameters()) {
    count += graph::element_count(tensor.shape);
  }
  return count;
}

void run_import(const ImportCommand& command) {
  const graph::Network network = read_network(command.options);
  std::printf("%s: %zu nodes, %s M parameters, %s M multiplications and additions an image\n",
              command.options.file.c_str(), network.nodes().size(),
              fixed(static_cast<double>(parameter_count(network)) / 1e6, 3).c_str(),
              fixed(static_cast<double>(network.macs()) / 1e6, 1).c_str());
  if (!command.text.empty()) value_or_throw(write_atomically(command.text, graph::print(network)));
  if (command.output.empty()) return;
  const auto bytes = graph::serialize_safetensors(graph::to_tensor_file(network));
  value_or_throw(write_atomically(command.output, bytes));
  std::printf("saved %s, %s\n", command.output.c_str(), bytes_text(bytes.size()).c_str());
}

// What the network by that name is built for, unless the options say more.
models::Task task_of(const ImportOptions& options, std::int64_t classes) {
  models::Task task;
  for (const models::ModelInfo& info : models::models()) {
    if (info.name == options.network) task = info.task;
  }
  if (!options.input.empty()) {
    task.channels = options.input[0];
    task.height = options.input[1];
    task.width = options.input[2];
  }
  if (classes > 0) task.classes = classes;
  return task;
}

}  // namespace

void add_import_options(CLI::App& command, ImportOptions& options) {
  command.add_option("--network", options.network,
                     "Name of the network, where the file has its weights alone (.safetensors)");
  command
      .add_option("--input", options.input,
                  "Channels, height and width of the image, where the file leaves them open or the "
                  "network is meant for others")
      ->expected(3)
      ->check(CLI::Range(1, 65535));
  CLI::Option* mean = command.add_option(
      "--mean", options.mean, "Of each channel: pixels become (pixel / 255 - mean) / std");
  CLI::Option* std = command.add_option("--std", options.std, "Of each channel");
  for (CLI::Option* values : {mean, std}) values->delimiter(',');
  mean->needs(std);
  std->needs(mean);
  command.add_option("--classes", options.classes, "File of class names, one a line");
}

graph::Network network_with_weights(const std::string& name, const models::Task& task,
                                    const std::string& file) {
  const auto weights = value_or_throw(graph::read_safetensors(file));
  graph::Network network = value_or_throw(models::build(name, task));
  if (const Status status = graph::load_parameters(network, weights.tensors); !status) {
    throw_error(status.error().code, file, ": ", status.error().message);
  }
  return network;
}

graph::Network read_network(const ImportOptions& options) {
  const bool is_onnx = !options.file.ends_with(".safetensors");
  if (is_onnx && !options.network.empty()) {
    throw_error(ErrorCode::InvalidArgument, options.file,
                ": --network is for files of weights alone (.safetensors)");
  }
  if (!is_onnx && options.network.empty()) {
    if (!options.input.empty() || !options.mean.empty() || !options.classes.empty()) {
      throw_error(ErrorCode::InvalidArgument, options.file,
                  ": --input, --mean, --std and --classes are for ONNX files and --network");
    }
    return value_or_throw(graph::read_network(options.file));
  }
  const std::vector<std::string> classes =
      options.classes.empty() ? std::vector<std::string>{} : read_lines(options.classes);
  graph::Network network =
      is_onnx ? value_or_throw(onnx::import_network(options.file, {.input_shape = options.input}))
              : network_with_weights(options.network, task_of(options, std::ssize(classes)),
                                     options.file);
  if (!options.mean.empty()) network.preprocessing = {options.mean, options.std};
  if (!options.classes.empty()) network.classes = classes;
  value_or_throw(network.verify());
  const auto outputs = graph::element_count(network.node(network.output()).type.shape);
  if (!options.classes.empty() && std::ssize(classes) != outputs) {
    throw_error(ErrorCode::InvalidArgument, options.classes, ": expected names of ", outputs,
                " classes, one a line, found ", classes.size());
  }
  return network;
}

void add_import(CLI::App& app) {
  auto options = std::make_shared<ImportCommand>();
  CLI::App* command =
      app.add_subcommand("import",
                         "Read a network from an ONNX file (float, QDQ, QCDQ or QONNX), "
                         "or the weights of one that is known by name");
  command->footer(
      "Examples:\n"
      "  pact import net.onnx --out net.safetensors --mean 0.485 0.456 0.406 --std 0.229 0.224 "
      "0.225\n"
      "  pact import net.onnx --text net.txt\n"
      "  pact import resnet20.safetensors --network cifar-resnet20-v1 --out net.safetensors\n"
      "The file that it writes is a network with its weights, as `pact train` writes it too: "
      "float\n"
      "networks train and quantize from it, quantized ones lower from it.");
  command->add_option("file", options->options.file, "ONNX file, or weights (.safetensors)")
      ->required();
  command->add_option("--out", options->output, "Network to write (safetensors)");
  command->add_option("--text", options->text, "Also write the network as text");
  add_import_options(*command, options->options);
  command->callback([options] { run_import(*options); });
}

}  // namespace pact::cli
