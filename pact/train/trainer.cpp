// SPDX-License-Identifier: Apache-2.0
#include "pact/train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "pact/base/file.h"
#include "pact/data/batch_loader.h"
#include "pact/graph/safetensors.h"
#include "pact/models/models.h"
#include "pact/nn/device.h"
#include "pact/nn/module.h"
#include "pact/train/checkpoint.h"
#include "pact/train/distill.h"
#include "pact/train/dropout.h"
#include "pact/train/evaluate.h"
#include "pact/train/optimizer.h"
#include "pact/train/schedule.h"

namespace pact::train {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::filesystem::path find_file(std::string_view key, const std::string& name,
                                const TrainOptions& options) {
  if (std::filesystem::exists(options.data_root / name)) return options.data_root / name;
  std::string searched = options.data_root.string();
  for (const auto& folder : options.recipe_folders) {
    if (std::filesystem::exists(folder / name)) return folder / name;
    searched += " or " + folder.string();
  }
  throw_error(ErrorCode::NotFound, key, ": expected '", name, "' under ", searched,
              "; PACT_DATA names the first");
}

// The text of a recipe without what only decides how fast it runs.
std::string what_is_computed(const std::string& text, const std::filesystem::path& where) {
  return recipe_for(text, where.string(),
                    {.settings = {"threads=0", "data.threads=0", "checkpoint_seconds=1"}});
}

graph::Network built_network(const Recipe& recipe, const data::DatasetInfo& info,
                             std::int64_t classes) {
  const models::Task task{info.channels, info.height, info.width, classes};
  graph::Network network = value_or_throw(models::build(recipe.network, task));
  models::initialize(network, recipe.seed);
  return network;
}

// What a recipe starts from: float weights, and the run that they are of, if it is one.
struct StartingPoint {
  std::map<std::string, graph::Tensor> weights;
  std::optional<graph::Network> run;
};

StartingPoint load_start(const Recipe& recipe, const TrainOptions& options) {
  if (recipe.start.empty()) return {};
  const auto path = find_file("start", recipe.start, options);
  graph::TensorFile file = value_or_throw(graph::read_safetensors(path));
  if (!file.metadata.contains("network")) return {.weights = std::move(file.tensors), .run = {}};
  graph::Network run = value_or_throw(graph::network_from(file, path));
  return {.weights = graph::float_parameters(run), .run = std::move(run)};
}

// The clips that both have, of quantizers that are trained: they go on where the run ended.
std::set<std::string> shared_clips(const graph::Network& network, const graph::Network& run) {
  std::set<std::string> names;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(network.nodes().size()); ++id) {
    const auto* op = network.node(id).as<graph::FakeQuantize>();
    const auto other = run.find(network.node(id).name);
    if (op == nullptr || op->scheme == graph::ActivationScheme::Range || !other) continue;
    const auto* its = run.node(*other).as<graph::FakeQuantize>();
    if (its == nullptr || its->scheme != op->scheme || its->granularity != op->granularity)
      continue;
    for (const graph::ParameterSlot& slot : network.parameter_slots(id)) {
      names.insert(graph::Network::parameter_name(network.node(id), slot.role));
    }
  }
  return names;
}

torch::Tensor image_tensor(data::Batch& batch, const data::Dataset& dataset) {
  return torch::from_blob(batch.images.data(), {static_cast<std::int64_t>(batch.size()),
                                                dataset.height, dataset.width, dataset.channels})
      .permute({0, 3, 1, 2});
}

data::LoaderOptions loader_options(const Recipe& recipe, const graph::Network& network,
                                   const data::Dataset& dataset) {
  data::LoaderOptions options;
  options.batch_size = static_cast<std::size_t>(recipe.batch_size);
  options.least_batch = 2;  // one image has no variance for batch norm
  options.seed = recipe.seed;
  options.augmentation = recipe.augmentation;
  options.threads = loader_threads(dataset, recipe.data_threads);
  options.ahead = std::max(options.ahead, static_cast<std::size_t>(options.threads) + 2);
  options.normalization = normalization_of(network);
  return options;
}

data::Dataset load_training_data(const Recipe& recipe, const TrainOptions& options) {
  const auto* info = value_or_throw(data::find_dataset(recipe.dataset));
  return value_or_throw(data::load_dataset(*info, options.data_root, data::Split::Train));
}

class Trainer {
 public:
  Trainer(const Recipe& recipe, const TrainOptions& options, const Hooks& hooks)
      : recipe_(recipe),
        options_(options),
        hooks_(hooks),
        device_(nn::find_device(options.device)),
        dataset_(load_training_data(recipe, options)),
        position_(first_position()),
        module_(position_.network, recipe.precision, device_),
        optimizer_(module_, recipe.optimizer),
        loader_(dataset_, loader_options(recipe, position_.network, dataset_)) {
    check_position();
    dropout_tap(position_.network, recipe_, {});
    if (recipe_.distillation) teacher_.emplace(recipe_, options_, position_.network);
    value_or_throw(write_atomically(options_.folder / "recipe.toml", recipe_.text));
    if (options_.start == Start::Resume) {
      optimizer_.set_state(position_.optimizer, position_.optimizer_steps);
      trim_log();
    } else {
      value_or_throw(write_atomically(log_path(), std::string_view{}));
      calibrate();
    }
  }

  graph::Network run() {
    started_ = Clock::now();
    saved_ = started_;
    while (position_.epoch < recipe_.epochs) run_epoch();
    if (recipe_.epochs == 0) finish_untrained();
    return module_.network();
  }

 private:
  std::filesystem::path checkpoint_path() const {
    return options_.folder / "checkpoint.safetensors";
  }
  std::filesystem::path log_path() const { return options_.folder / "log.jsonl"; }

  // Where the run begins: at the checkpoint, or at the starting weights.
  Checkpoint first_position() {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    torch::set_num_threads(recipe_.threads > 0 ? recipe_.threads : std::max(1, cores));
    if (options_.start == Start::Fresh) {
      Checkpoint fresh;
      fresh.network = starting_network(recipe_, options_);
      fresh.recipe = recipe_.text;
      if (!options_.recipe_folders.empty()) {
        fresh.recipe_folder = std::filesystem::absolute(options_.recipe_folders[0]).string();
      }
      check_fits(fresh.network, dataset_);
      return fresh;
    }
    Checkpoint found = load_checkpoint(checkpoint_path());
    if (!found.recipe_folder.empty()) options_.recipe_folders.emplace_back(found.recipe_folder);
    const graph::Network expected = starting_network(recipe_, options_);
    check_fits(expected, dataset_);
    if (graph::print(found.network) != graph::print(expected)) {
      throw_error(ErrorCode::InvalidArgument, checkpoint_path().string(),
                  ": the checkpoint is of another network ('", found.network.name,
                  "'), expected the recipe's '", expected.name, "'");
    }
    if (what_is_computed(found.recipe, checkpoint_path()) !=
        what_is_computed(recipe_.text, options_.folder)) {
      throw_error(ErrorCode::InvalidArgument, checkpoint_path().string(),
                  ": the checkpoint was made with another recipe; resume with ",
                  (options_.folder / "recipe.toml").string());
    }
    found.recipe = recipe_.text;
    return found;
  }

  void check_position() const {
    const auto steps = static_cast<std::int64_t>(loader_.steps_per_epoch());
    if (steps == 0) {
      throw_error(ErrorCode::InvalidArgument, "data.set: expected at least 2 training images");
    }
    if (recipe_.norm_batches > 0 && std::cmp_less(dataset_.size(), recipe_.batch_size)) {
      throw_error(ErrorCode::InvalidArgument, "norm_batches: expected a whole batch of ",
                  recipe_.batch_size, " training images, found ", dataset_.size());
    }
    if (position_.epoch <= recipe_.epochs && position_.step <= steps) return;
    throw_error(ErrorCode::Corrupt, checkpoint_path().string(), ": expected at most ",
                recipe_.epochs, " epochs of ", steps, " steps, found epoch ", position_.epoch,
                " and step ", position_.step);
  }

  void calibrate() {
    if (!recipe_.calibration) return;
    const torch::NoGradGuard guard;
    std::set<std::string> learned;
    if (const auto run = load_start(recipe_, options_).run) {
      learned.merge(shared_clips(position_.network, *run));
    }
    module_.begin_calibration(recipe_.calibration->clips, std::move(learned));
    loader_.start(0);
    const auto batches =
        std::min(static_cast<std::size_t>(recipe_.calibration->batches), loader_.steps_per_epoch());
    for (std::size_t i = 0; i < batches; ++i) {
      data::Batch batch = loader_.next();
      module_.forward(image_tensor(batch, dataset_), nn::Mode::Calibrate);
    }
  }

  void run_epoch() {
    const auto steps = static_cast<std::int64_t>(loader_.steps_per_epoch());
    step_ended_ = Clock::now();
    loader_.start(static_cast<std::size_t>(position_.epoch),
                  static_cast<std::size_t>(position_.step));
    while (position_.step < steps) {
      run_step(steps);
      if (hooks_.stop && hooks_.stop()) interrupt();
      if (seconds_since(saved_) >= recipe_.checkpoint_seconds) save();
    }
    finish_epoch();
  }

  double epochs_done() const { return epochs_after(position_.step); }
  double epochs_after(std::int64_t step) const {
    return static_cast<double>(position_.epoch) +
           static_cast<double>(step) / static_cast<double>(loader_.steps_per_epoch());
  }

  void run_step(std::int64_t steps) {
    data::Batch batch = loader_.next();
    const auto size = static_cast<std::int64_t>(batch.size());
    const torch::Tensor labels =
        torch::from_blob(batch.labels.data(), {size}, torch::kLong).to(device_);
    const torch::Tensor images = image_tensor(batch, dataset_).to(device_);
    const torch::Tensor logits =
        module_.forward(images, nn::Mode::Train,
                        dropout_tap(position_.network, recipe_, {position_.epoch, position_.step}));
    const torch::Tensor loss = teacher_ ? teacher_->loss(images, logits, labels)
                                        : torch::cross_entropy_loss(logits, labels);
    optimizer_.zero_gradients();
    loss.backward();
    optimizer_.step(schedule_factor(recipe_.schedule, epochs_done(), recipe_.epochs));
    const double value = loss.item<double>();
    if (!std::isfinite(value)) {
      throw_error(ErrorCode::Corrupt, "training: the loss is not finite any more (epoch ",
                  position_.epoch + 1, ", step ", position_.step + 1, "); lower the learning rate");
    }
    ++position_.step;
    position_.loss_sum += value * static_cast<double>(size);
    position_.correct += logits.argmax(1).eq(labels).sum().item<std::int64_t>();
    position_.seen += size;
    images_ += size;
    position_.seconds += seconds_since(step_ended_);
    step_ended_ = Clock::now();
    if (hooks_.on_step) hooks_.on_step(step_report(steps));
  }

  StepReport step_report(std::int64_t steps) const {
    const double elapsed = seconds_since(started_) - validation_seconds_;
    const double rate = static_cast<double>(images_) / elapsed;
    const double left =
        (recipe_.epochs - epochs_done()) * static_cast<double>(dataset_.size()) / rate;
    return {
        .epoch = static_cast<int>(position_.epoch) + 1,
        .epochs = recipe_.epochs,
        .step = position_.step,
        .steps = steps,
        .loss = position_.loss_sum / static_cast<double>(position_.seen),
        .accuracy = static_cast<double>(position_.correct) / static_cast<double>(position_.seen),
        .images_per_second = rate,
        .seconds_left = left};
  }

  void finish_epoch() {
    const double last_factor =
        schedule_factor(recipe_.schedule, epochs_after(position_.step - 1), recipe_.epochs);
    const auto validation_started = Clock::now();
    if (position_.epoch + 1 == recipe_.epochs) {
      optimizer_.take_averages();
      reestimate_norms();
    }
    take_state();
    EpochReport report{
        .epoch = static_cast<int>(position_.epoch) + 1,
        .learning_rate = last_factor * recipe_.optimizer.learning_rate,
        .loss = position_.loss_sum / static_cast<double>(position_.seen),
        .accuracy = static_cast<double>(position_.correct) / static_cast<double>(position_.seen)};
    report.seconds = position_.seconds;
    report.images_per_second = static_cast<double>(position_.seen) / position_.seconds;
    report.clips = clip_reports();
    report.validation = hooks_.validate(position_.network);
    validation_seconds_ += seconds_since(validation_started);
    ++position_.epoch;
    position_.step = position_.correct = position_.seen = 0;
    position_.loss_sum = position_.seconds = 0;
    append_log(report);
    save();
    if (hooks_.on_epoch) hooks_.on_epoch(report);
  }

  // Running statistics are of weights that moved on; these are of the last ones.
  void reestimate_norms() {
    if (recipe_.norm_batches == 0) return;
    const torch::NoGradGuard guard;
    module_.begin_reestimation();
    loader_.start(static_cast<std::size_t>(recipe_.epochs));
    // Whole batches, which weigh the same.
    const std::size_t whole = dataset_.size() / static_cast<std::size_t>(recipe_.batch_size);
    const auto batches = std::min(static_cast<std::size_t>(recipe_.norm_batches), whole);
    for (std::size_t i = 0; i < batches; ++i) {
      data::Batch batch = loader_.next();
      module_.forward(image_tensor(batch, dataset_), nn::Mode::Reestimate);
    }
  }

  void finish_untrained() {
    EpochReport report;
    reestimate_norms();
    take_state();
    report.clips = clip_reports();
    report.validation = hooks_.validate(position_.network);
    save();
    if (hooks_.on_epoch) hooks_.on_epoch(report);
  }

  std::vector<ClipReport> clip_reports() const {
    std::vector<ClipReport> reports;
    for (const auto& [name, tensor] : module_.tensors()) {
      if (module_.role(name) != nn::Role::Clip) continue;
      const torch::Tensor& gradient = tensor.grad();
      const double value = tensor.detach().mean().item<double>();
      reports.push_back({.name = name,
                         .value = value,
                         .gradient_norm = gradient.defined() ? gradient.norm().item<double>() : 0,
                         .is_near_floor = is_near_floor(name, tensor.detach())});
    }
    return reports;
  }

  // Calibration leaves a low end of zero where nothing lies below.
  bool is_near_floor(const std::string& name, const torch::Tensor& clip) const {
    return !name.ends_with(".low") &&
           clip.abs().min().item<double>() <= 10 * recipe_.optimizer.alpha_floor;
  }

  void append_log(const EpochReport& report) {
    json clips = json::object();
    for (const ClipReport& clip : report.clips) {
      clips[clip.name] = {{"value", clip.value}, {"gradient_norm", clip.gradient_norm}};
    }
    const json row{{"epoch", report.epoch},
                   {"learning_rate", report.learning_rate},
                   {"loss", report.loss},
                   {"train_top1", report.accuracy},
                   {"validation_top1", report.validation.top1},
                   {"validated", report.validation.kind},
                   {"seconds", report.seconds},
                   {"images_per_second", report.images_per_second},
                   {"clips", clips}};
    const std::string old = value_or_throw(read_text(log_path()));
    value_or_throw(write_atomically(log_path(), old + row.dump() + "\n"));
  }

  // A run that died between log and checkpoint has logged an epoch that it will run again.
  void trim_log() const {
    const auto text = read_text(log_path());
    std::string kept;
    std::istringstream lines(text ? *text : std::string{});
    for (std::string line; std::getline(lines, line);) {
      const json row = json::parse(line, nullptr, false);
      if (!row.is_object()) continue;
      const json epoch = row.value("epoch", json{});
      if (epoch.is_number_integer() && epoch.get<std::int64_t>() <= position_.epoch) {
        kept += line + "\n";
      }
    }
    value_or_throw(write_atomically(log_path(), kept));
  }

  static void check_finite(const std::map<std::string, graph::Tensor>& tensors) {
    for (const auto& [name, tensor] : tensors) {
      const auto& values = tensor.floats();
      if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
        continue;
      }
      throw_error(ErrorCode::Corrupt, "training: '", name,
                  "' is not finite any more; lower the learning rate");
    }
  }

  // What cannot be gone on with is neither reported nor saved.
  void take_state() {
    position_.network = module_.network();
    position_.optimizer = optimizer_.state();
    position_.optimizer_steps = optimizer_.steps();
    check_finite(position_.network.parameters());
    check_finite(position_.optimizer);
  }

  void save() {
    take_state();
    save_checkpoint(position_, checkpoint_path());
    saved_ = Clock::now();
  }

  [[noreturn]] void interrupt() {
    save();
    throw_error(ErrorCode::Interrupted, "stopped in epoch ", position_.epoch + 1, " after step ",
                position_.step, "; saved ", checkpoint_path().string(), "; go on with: pact train ",
                (options_.folder / "recipe.toml").string(), " --out ", options_.folder.string(),
                " --resume");
  }

  const Recipe& recipe_;
  TrainOptions options_;
  const Hooks& hooks_;
  torch::Device device_;
  data::Dataset dataset_;
  Checkpoint position_;
  nn::Module module_;
  Optimizer optimizer_;
  std::optional<Teacher> teacher_;
  data::BatchLoader loader_;
  Clock::time_point started_;
  Clock::time_point saved_;
  Clock::time_point step_ended_;
  double validation_seconds_ = 0;
  std::int64_t images_ = 0;
};

}  // namespace

bool starts_from_quantizers(const Recipe& recipe, const TrainOptions& options) {
  const StartingPoint start = load_start(recipe, options);
  return start.run && start.weights.size() < start.run->parameters().size();
}

graph::Network starting_network(const Recipe& recipe, const TrainOptions& options) {
  const auto* info = value_or_throw(data::find_dataset(recipe.dataset));
  const auto classes = value_or_throw(data::class_names(*info, options.data_root));
  graph::Network network =
      recipe.network.ends_with(".safetensors")
          ? value_or_throw(graph::read_network(find_file("network", recipe.network, options)))
          : built_network(recipe, *info, static_cast<std::int64_t>(classes.size()));
  const bool fits = network.node(0).type.channels() == info->channels;
  if (network.preprocessing.mean.empty() && fits) {
    network.preprocessing.mean.assign(info->mean.begin(), info->mean.end());
    network.preprocessing.std.assign(info->std.begin(), info->std.end());
  }
  if (network.classes.empty()) network.classes = classes;
  const StartingPoint start = load_start(recipe, options);
  if (!recipe.start.empty()) {
    const Status status = graph::load_parameters(network, start.weights);
    if (!status) throw_error(status.error().code, recipe.start, ": ", status.error().message);
  }
  if (!recipe.quantize) return network;
  graph::Network quantized = value_or_throw(graph::quantize(network, *recipe.quantize));
  if (start.run) {
    for (const std::string& name : shared_clips(quantized, *start.run)) {
      quantized.parameters().at(name) = start.run->parameters().at(name);
    }
  }
  return quantized;
}

graph::Network train(const Recipe& recipe, const TrainOptions& options, const Hooks& hooks) {
  return Trainer(recipe, options, hooks).run();
}

}  // namespace pact::train
