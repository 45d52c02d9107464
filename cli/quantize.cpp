// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/import.h"
#include "cli/training.h"
#include "pact/base/file.h"
#include "pact/graph/safetensors.h"

namespace pact::cli {
namespace {

constexpr const char* kNetworkFile = "network.safetensors";

// Without training: clips and scales of the least squared error on a few hundred images.
constexpr const char* kCalibrationRecipe = R"(epochs = 0
batch_size = 100

[quantize]
weights = "scaled"
granularity = "channel"
calibrate = { method = "mse", batches = 4 }
)";

struct QuantizeOptions {
  ImportOptions network;
  std::optional<int> bits;
  std::string recipe;
  std::string dataset;
  std::string output;
  std::string root;
};

void run_quantize(const QuantizeOptions& options) {
  const std::string text = options.recipe.empty() ? std::string(kCalibrationRecipe)
                                                  : value_or_throw(read_text(options.recipe));
  const std::string where = options.recipe.empty() ? "calibration" : options.recipe;
  const train::Recipe recipe = train::parse_recipe(
      train::recipe_for(
          text, where, {.network = kNetworkFile, .dataset = options.dataset, .bits = options.bits}),
      where);
  const graph::Network network = read_network(options.network);
  const std::filesystem::path folder(options.output);
  refuse_checkpoint(folder);
  const auto bytes = graph::serialize_safetensors(graph::to_tensor_file(network));
  value_or_throw(write_atomically(folder / kNetworkFile, bytes));
  train::TrainOptions training;
  training.folder = folder;
  training.data_root = data::data_root(options.root);
  training.recipe_folders = {folder};
  train_and_save(recipe, training);
}

}  // namespace

void add_quantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command =
      app.add_subcommand("quantize", "Quantize a float network: by calibration, or by training");
  command->footer(
      "Examples:\n"
      "  pact quantize net.onnx --bits 8 --data cifar10 --out out/net8\n"
      "  pact quantize resnet20.safetensors --network cifar-resnet20-v1 --data cifar10 --out "
      "out/r20\n"
      "  pact quantize net.onnx --bits 4 --recipe recipes/finetune.toml --out out/net4\n"
      "  pact train out/net4/recipe.toml --out out/net4 --resume\n"
      "Without a recipe, 400 training images set the clips and scales, and nothing is trained.");
  command
      ->add_option("network", options->network.file,
                   "Float network (.onnx or .safetensors), or its weights alone (.safetensors)")
      ->required();
  command->add_option("--out", options->output, "Folder for network, checkpoint and packed network")
      ->required();
  command
      ->add_option("--bits", options->bits,
                   "Of weights and activations between the first and the last layer (default: the "
                   "recipe's, or 4)")
      ->check(CLI::Range(2, 8));
  CLI::Option* recipe = command->add_option(
      "--recipe", options->recipe, "How to train (TOML); its network and start are not used");
  CLI::Option* dataset =
      command->add_option("--data", options->dataset, "Data set (default: the recipe's)");
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  add_import_options(*command, options->network);
  command->callback([options, recipe, dataset] {
    if (recipe->empty() && dataset->empty()) {
      throw_error(ErrorCode::InvalidArgument, "expected --data or --recipe, found neither");
    }
    run_quantize(*options);
  });
}

}  // namespace pact::cli
