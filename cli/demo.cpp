// SPDX-License-Identifier: Apache-2.0
// The demo: one network in float and in 4 bits, trained, lowered, packed, run and compared.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/compare.h"
#include "cli/show.h"
#include "cli/top1.h"
#include "cli/training.h"
#include "pact/base/file.h"
#include "pact/graph/safetensors.h"
#include "pact/lower/lower.h"
#include "pact/train/evaluate.h"

namespace pact::cli {
namespace {

struct DemoOptions {
  std::string recipes = "recipes";
  std::string output = "out/demo";
  std::string root;
};

struct Files {
  std::uint64_t packed = 0;
  std::uint64_t ideal = 0;  // sum of weights x bits / 8
  std::uint64_t floats = 0;
};

Trained train_one(const std::string& title, const std::filesystem::path& recipe_path,
                  const std::filesystem::path& folder, const DemoOptions& options,
                  const data::Dataset& test) {
  std::printf("\n%s (%s)\n", title.c_str(), recipe_path.string().c_str());
  std::fflush(stdout);
  const train::TrainOptions training{.folder = folder,
                                     .data_root = data::data_root(options.root),
                                     .recipe_folders = {options.recipes}};
  return run_training(train::read_recipe(recipe_path), training, test);
}

std::uint64_t weight_bits_bytes(const graph::Network& lowered) {
  std::uint64_t bits = 0;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(lowered.nodes().size()); ++id) {
    const graph::Node& node = lowered.node(id);
    const auto count = [&] {
      return static_cast<std::uint64_t>(
          graph::element_count(lowered.parameter(id, "weight").shape));
    };
    if (const auto* op = node.as<graph::IntConv2d>())
      bits += count() * static_cast<std::uint64_t>(op->weights.bits);
    if (const auto* op = node.as<graph::IntLinear>())
      bits += count() * static_cast<std::uint64_t>(op->weights.bits);
  }
  return (bits + 7) / 8;
}

std::string rate(std::int64_t images, double seconds) {
  return fixed(static_cast<double>(images) / seconds, 0);
}

void run_demo(const DemoOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const std::filesystem::path folder = options.output;
  const std::filesystem::path recipes = options.recipes;
  const auto* info = value_or_throw(data::find_dataset("fashion-mnist"));
  const auto root = data::data_root(options.root);
  const auto test = value_or_throw(data::load_dataset(*info, root, data::Split::Test));
  const auto train_images =
      value_or_throw(data::load_dataset(*info, root, data::Split::Train)).size();

  const Trained plain =
      train_one("Float", recipes / "demo-float.toml", folder / "float", options, test);
  const Trained low = train_one("4-bit weights and activations, PACT", recipes / "demo-w4a4.toml",
                                folder / "w4a4", options, test);
  if (!low.lowered) throw_error(ErrorCode::Unsupported, "demo: the network could not be lowered");

  const auto path = folder / "demo-w4a4.pact";
  const auto recipe_text = value_or_throw(read_text(recipes / "demo-w4a4.toml"));
  const auto bytes = value_or_throw(lower::pack(*low.lowered, recipe_text));
  value_or_throw(write_atomically(path, bytes));
  const Model model = value_or_throw(Model::load(path));

  std::printf("\nRunning all three on %zu test images\n", test.size());
  const train::Evaluation float_result = train::evaluate(plain.network, test, 0);
  const train::Evaluation fake_result = train::evaluate(low.network, test, 0);
  const Top1 integer_result = evaluate_packed(model, test, 0);
  Comparison codes;
  {
    Progress progress;
    codes =
        compare({low.network, *low.lowered, model}, test, static_cast<std::int64_t>(test.size()), 0,
                [&](double done) { progress.update(done, "comparing codes"); });
  }

  const Files files{
      .packed = bytes.size(),
      .ideal = weight_bits_bytes(*low.lowered),
      .floats = graph::serialize_safetensors(graph::to_tensor_file(plain.network)).size()};
  std::printf(
      "\n%s\n",
      table({{"network", "top-1", "file", "images/s"},
             {"float (LibTorch)", percent(float_result.top1), bytes_text(files.floats),
              rate(float_result.images, float_result.seconds)},
             {"fake-quantized 4/4 (LibTorch)", percent(fake_result.top1), "",
              rate(fake_result.images, fake_result.seconds)},
             {"integer 4/4 (pact runtime)", percent(integer_result.top1), bytes_text(files.packed),
              rate(integer_result.images, integer_result.seconds)}})
          .c_str());
  std::printf(
      "%s times smaller than float. Codes compared: %lld. Runtime against evaluator: %lld differ.\n"
      "Fake-quantized against integer: %lld of %lld differ.\n",
      fixed(static_cast<double>(files.floats) / static_cast<double>(files.packed), 1).c_str(),
      static_cast<long long>(codes.compared()), static_cast<long long>(codes.runtime()),
      static_cast<long long>(codes.fake_quantized()),
      static_cast<long long>(codes.fake_compared()));
  const double total =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const nlohmann::json summary{
      {"data", "fashion-mnist"},
      {"train_images", train_images},
      {"test_images", test.size()},
      {"bits", {{"weights", 4}, {"activations", 4}}},
      {"top1",
       {{"float", float_result.top1},
        {"fake_quantized", fake_result.top1},
        {"integer", integer_result.top1}}},
      {"codes",
       {{"compared", codes.compared()},
        {"mismatched_runtime_vs_evaluator", codes.runtime()},
        {"mismatched_fake_quantized_vs_integer", codes.fake_quantized()}}},
      {"file", {{"bytes", files.packed}, {"weight_bits_bytes", files.ideal}}},
      {"seconds", {{"train", plain.seconds + low.seconds}, {"total", total}}}};
  value_or_throw(write_atomically(folder / "summary.json", json_text(summary, 2)));
  std::printf("Wrote %s and %s in %s.\n", path.string().c_str(),
              (folder / "summary.json").string().c_str(), duration_text(total).c_str());
  if (codes.runtime() + codes.outputs_differing != 0) {
    throw_error(ErrorCode::Corrupt, "the runtime does not compute what the network means");
  }
}

}  // namespace

void add_demo(CLI::App& app) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand(
      "demo", "Train a small network in float and in 4 bits on Fashion-MNIST, run it, compare");
  command->footer("Example:\n  pact demo --out out/demo");
  command->add_option("--recipes", options->recipes, "Folder of the demo's recipes")
      ->capture_default_str();
  command->add_option("--out", options->output, "Folder for everything it makes")
      ->capture_default_str();
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  command->callback([options] { run_demo(*options); });
}

}  // namespace pact::cli
