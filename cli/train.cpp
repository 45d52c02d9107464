// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "cli/commands.h"
#include "cli/show.h"
#include "cli/top1.h"
#include "cli/training.h"
#include "pact/base/file.h"
#include "pact/lower/lower.h"
#include "pact/train/evaluate.h"

namespace pact::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

// The second one ends the process at once; the last checkpoint is whole.
void on_signal(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

// The tensors that a step frees are those that the next one takes: given back to the system in
// between, their pages would be cleared each time.
void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);  // never
#endif
}

struct TrainOptions {
  std::string recipe;
  std::string output;
  std::string root;
  std::vector<std::string> settings;
  std::string device = "cpu";
  bool resume = false;
};

// Accuracy of what would ship; of the fake-quantized network where nothing can ship.
train::Validation validate(const graph::Network& network, const train::Recipe& recipe,
                           const data::Dataset& test, const std::string& device) {
  const auto top1 = [&] { return train::evaluate(network, test, recipe.threads, device).top1; };
  if (!recipe.quantize) {
    return {top1(), "float"};
  }
  // Float layers between would run in the runtime's plain loops, for nothing.
  if (recipe.quantize->inner.weights.scheme == numeric::WeightScheme::None) {
    return {top1(), "fake-quantized"};
  }
  const auto lowered = lower::lower(network);
  if (!lowered) {
    static bool told = false;
    if (!told) std::fprintf(stderr, "pact: not lowered: %s\n", lowered.error().message.c_str());
    told = true;
    return {top1(), "fake-quantized"};
  }
  const auto bytes = value_or_throw(lower::pack(*lowered));
  const Model model = value_or_throw(Model::load(std::span<const std::byte>(bytes)));
  return {evaluate_packed(model, test, recipe.threads).top1, "integer"};
}

void print_epoch(const train::EpochReport& report, int epochs) {
  double lowest = 0;
  double highest = 0;
  std::string near_floor;
  for (const train::ClipReport& clip : report.clips) {
    if (clip.is_near_floor) near_floor += " " + clip.name;
    const double value = std::abs(clip.value);
    lowest = &clip == report.clips.data() ? value : std::min(lowest, value);
    highest = std::max(highest, value);
  }
  std::string clips;
  if (!report.clips.empty()) clips = "  alpha " + fixed(lowest, 2) + " to " + fixed(highest, 2);
  if (epochs == 0) {
    std::printf("not trained  test %s (%s)%s\n", percent(report.validation.top1).c_str(),
                report.validation.kind.c_str(), clips.c_str());
    return;
  }
  std::printf("epoch %d/%d  loss %s  train %s  test %s (%s)%s  %s  %s images/s\n", report.epoch,
              epochs, fixed(report.loss, 4).c_str(), percent(report.accuracy).c_str(),
              percent(report.validation.top1).c_str(), report.validation.kind.c_str(),
              clips.c_str(), duration_text(report.seconds).c_str(),
              fixed(report.images_per_second, 0).c_str());
  if (!near_floor.empty()) std::printf("warning: clips near their floor:%s\n", near_floor.c_str());
  std::fflush(stdout);
}

train::Recipe changed_recipe(const std::string& path, const std::vector<std::string>& settings) {
  if (settings.empty()) return train::read_recipe(path);
  const std::string text =
      train::recipe_for(value_or_throw(read_text(path)), path, {.settings = settings});
  return train::parse_recipe(text, path + " (with --set)");
}

void run_train(const TrainOptions& options) {
  const train::Recipe recipe = changed_recipe(options.recipe, options.settings);
  train::TrainOptions training;
  training.folder = options.output;
  training.data_root = data::data_root(options.root);
  training.recipe_folders = {std::filesystem::absolute(options.recipe).parent_path()};
  training.device = options.device;
  training.start = options.resume ? train::Start::Resume : train::Start::Fresh;
  if (!options.resume) refuse_checkpoint(training.folder);
  train_and_save(recipe, training);
}

std::filesystem::path checkpoint_in(const std::filesystem::path& folder) {
  return folder / "checkpoint.safetensors";
}

}  // namespace

void refuse_checkpoint(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(checkpoint_in(folder))) return;
  throw_error(ErrorCode::InvalidArgument, checkpoint_in(folder).string(),
              " is there already; go on with `pact train ", (folder / "recipe.toml").string(),
              " --out ", folder.string(), " --resume`, or choose another --out");
}

void train_and_save(const train::Recipe& recipe, const train::TrainOptions& options) {
  const auto* info = value_or_throw(data::find_dataset(recipe.dataset));
  const auto test = value_or_throw(data::load_dataset(*info, options.data_root, data::Split::Test));
  const Trained trained = run_training(recipe, options, test);
  std::printf("saved %s\n", checkpoint_in(options.folder).string().c_str());
  if (!trained.lowered) return;
  const auto path = options.folder / "model.pact";
  value_or_throw(
      write_atomically(path, value_or_throw(lower::pack(*trained.lowered, recipe.text))));
  std::printf("saved %s, %s\n", path.string().c_str(),
              bytes_text(std::filesystem::file_size(path)).c_str());
}

Trained run_training(const train::Recipe& recipe, const train::TrainOptions& options,
                     const data::Dataset& test) {
  keep_freed_memory();
  interrupted = 0;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  Progress progress;
  train::Hooks hooks;
  hooks.stop = [] { return interrupted != 0; };
  hooks.validate = [&](const graph::Network& network) {
    return validate(network, recipe, test, options.device);
  };
  hooks.on_step = [&](const train::StepReport& report) {
    const double done =
        (report.epoch - 1 + static_cast<double>(report.step) / static_cast<double>(report.steps)) /
        report.epochs;
    progress.update(done, text("epoch ", report.epoch, "/", report.epochs, "  step ", report.step,
                               "/", report.steps, "  loss ", fixed(report.loss, 3), "  accuracy ",
                               percent(report.accuracy), "  ", fixed(report.images_per_second, 0),
                               " images/s  ", duration_text(report.seconds_left), " left"));
  };
  hooks.on_epoch = [&](const train::EpochReport& report) {
    progress.clear();
    print_epoch(report, recipe.epochs);
  };
  const auto start = std::chrono::steady_clock::now();
  Trained trained{.network = train::train(recipe, options, hooks), .lowered = {}, .seconds = 0};
  trained.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (recipe.quantize) {
    if (auto lowered = lower::lower(trained.network)) trained.lowered = std::move(*lowered);
  }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  return trained;
}

void add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a network from a recipe");
  command->footer(
      "Examples:\n"
      "  pact train recipes/cifar10-resnet20-v1-w4a4.toml --out out/w4a4\n"
      "  pact train out/w4a4/recipe.toml --out out/w4a4 --resume\n"
      "  pact train out/w4a4/recipe.toml --out out/w4a4 --resume --set threads=8\n"
      "  pact train recipes/paper/resnet18.toml --out out/r18 --set quantize.weight_bits=2\n"
      "  pact train recipes/paper/resnet50.toml --out out/r50 --device cuda\n"
      "Ctrl-C finishes the step and saves; a killed run resumes from its last checkpoint, with\n"
      "the same recipe but for threads, data.threads and checkpoint_seconds.");
  command->add_option("recipe", options->recipe, "Recipe (TOML)")->required();
  command->add_option("--out", options->output, "Folder for checkpoint, log and packed network")
      ->required();
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  command
      ->add_option("--set", options->settings,
                   "key=value: replaces a value of the recipe, as quantize.weight_bits=2; may be "
                   "given several times")
      ->allow_extra_args(false);
  command->add_option("--device", options->device,
                      "cpu (default), cuda or cuda:1, where the LibTorch of this build has it");
  command->add_flag("--resume", options->resume, "Go on from the folder's checkpoint");
  command->callback([options] { run_train(*options); });
}

}  // namespace pact::cli
