// SPDX-License-Identifier: Apache-2.0
#include "cli/eval.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/show.h"

namespace pact::cli {
namespace {

struct EvalOptions {
  std::string file;
  FloatTarget target;
  std::string dataset;
  std::string root;
  int threads = 0;
  bool json = false;
};

void run_eval(const EvalOptions& options) {
  if (options.file.empty() == options.target.weights.empty()) {
    throw_error(ErrorCode::InvalidArgument,
                "eval: expected a file (.pact or a checkpoint), or --network with --weights");
  }
  const auto* info = value_or_throw(data::find_dataset(options.dataset));
  const auto test =
      value_or_throw(data::load_dataset(*info, data::data_root(options.root), data::Split::Test));
  Top1 result;
  if (options.file.ends_with(".pact")) {
    result = evaluate_packed(value_or_throw(Model::load(options.file)), test, options.threads);
  } else {
    FloatTarget target = options.target;
    if (!options.file.empty()) target.weights = options.file;
    result = evaluate_float(target, *info, test, options.threads);
  }
  if (options.json) {
    const nlohmann::json json{
        {"top1", result.top1}, {"images", result.images}, {"seconds", result.seconds}};
    std::fputs(json_text(json).c_str(), stdout);
    return;
  }
  std::printf("top-1 %s of %lld images (%s), %.0f images/s\n", percent(result.top1).c_str(),
              static_cast<long long>(result.images), test.name.c_str(),
              static_cast<double>(result.images) / result.seconds);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand("eval", "Top-1 accuracy of a network on a test set");
  command->footer(
      "Examples:\n"
      "  pact eval zoo/cifar10-resnet20-v1-w4a4.pact --data cifar10\n"
      "  pact eval --network cifar-resnet20-v1 --weights resnet20.safetensors --data cifar10");
  command->add_option("file", options->file, "Packed network (.pact) or checkpoint (.safetensors)");
  CLI::Option* network =
      command->add_option("--network", options->target.network, "Float network by name");
  CLI::Option* weights =
      command->add_option("--weights", options->target.weights, "Its weights (safetensors)");
  weights->needs(network);
  network->needs(weights);
  command->add_option("--data", options->dataset, "Data set: a name that pact data lists")
      ->required();
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  command->add_option("--threads", options->threads, "Threads; 0: all cores")
      ->check(CLI::Range(0, 256));
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options] { run_eval(*options); });
}

}  // namespace pact::cli
