// SPDX-License-Identifier: Apache-2.0
#include "pact/lower/lower.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/compare.h"
#include "cli/show.h"
#include "pact/base/file.h"
#include "pact/graph/safetensors.h"

namespace pact::cli {
namespace {

struct LowerOptions {
  std::string checkpoint;
  std::string output;
  std::string text;
  std::int64_t check = 0;
  std::string dataset;
  std::string root;
};

void check(const LowerOptions& options, const Executors& executors) {
  const auto* info = value_or_throw(data::find_dataset(options.dataset));
  const auto test =
      value_or_throw(data::load_dataset(*info, data::data_root(options.root), data::Split::Test));
  Comparison comparison;
  {
    Progress progress;
    comparison = compare(executors, test, options.check, 0,
                         [&](double done) { progress.update(done, "comparing codes"); });
  }
  std::printf("%s", table_of(comparison).c_str());
  std::printf("%lld images; outputs that differ between runtime and evaluator: %lld\n",
              static_cast<long long>(comparison.images),
              static_cast<long long>(comparison.outputs_differing));
  if (comparison.runtime() + comparison.outputs_differing != 0) {
    throw_error(ErrorCode::Corrupt, "the runtime does not compute what the network means");
  }
}

void run_lower(const LowerOptions& options) {
  if (options.output.empty() && options.text.empty() && options.check == 0) {
    throw_error(ErrorCode::InvalidArgument, "lower: expected --out, --text or --check");
  }
  const auto file = value_or_throw(graph::read_safetensors(options.checkpoint));
  const graph::Network quantized = value_or_throw(graph::network_from(file, options.checkpoint));
  const graph::Network lowered = value_or_throw(lower::lower(quantized));
  const auto recipe = file.metadata.find("recipe");
  const auto bytes =
      value_or_throw(lower::pack(lowered, recipe == file.metadata.end() ? "" : recipe->second));
  if (!options.text.empty()) value_or_throw(write_atomically(options.text, graph::print(lowered)));
  if (!options.output.empty()) {
    value_or_throw(write_atomically(options.output, bytes));
    std::printf("saved %s, %s, %s\n", options.output.c_str(), bytes_text(bytes.size()).c_str(),
                lower::layers_text(lowered).c_str());
  }
  if (options.check > 0) {
    const Model model = value_or_throw(Model::load(std::span<const std::byte>(bytes)));
    check(options, {quantized, lowered, model});
  }
}

}  // namespace

void add_lower(CLI::App& app) {
  auto options = std::make_shared<LowerOptions>();
  CLI::App* command = app.add_subcommand("lower", "Make a packed integer network of a checkpoint");
  command->footer(
      "Examples:\n"
      "  pact lower out/run/checkpoint.safetensors --out model.pact\n"
      "  pact lower out/run/checkpoint.safetensors --check 1000 --data cifar10");
  command
      ->add_option("checkpoint", options->checkpoint,
                   "Checkpoint of `pact train`, or network of `pact import`")
      ->required();
  command->add_option("--out", options->output, "Packed file to write");
  command->add_option("--text", options->text, "Also write the integer network as text");
  CLI::Option* data = command->add_option("--data", options->dataset, "Data set for --check");
  CLI::Option* check =
      command
          ->add_option(
              "--check", options->check,
              "Compare trainer (or imported network), evaluator and runtime code by code on so "
              "many test images")
          ->check(CLI::Range(1, 1000000))
          ->needs(data);
  data->needs(check);
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  command->callback([options] { run_lower(*options); });
}

}  // namespace pact::cli
