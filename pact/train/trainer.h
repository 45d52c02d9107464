// SPDX-License-Identifier: Apache-2.0
// The training loop. A run lives in a folder: checkpoint.safetensors (replaced atomically),
// log.jsonl (one line an epoch) and recipe.toml. Killed at any moment, it resumes from the
// checkpoint and ends with the same weights, bit for bit, on the same CPU and thread count. It may
// be resumed on another device.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pact/graph/network.h"
#include "pact/train/recipe.h"

namespace pact::train {

/// Where a run is, for a progress bar. Loss and accuracy are of the epoch so far.
struct StepReport {
  int epoch = 0;  // from 1
  int epochs = 0;
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double loss = 0;
  double accuracy = 0;  // fraction
  double images_per_second = 0;
  double seconds_left = 0;  // of the whole run
};

/// What validation found after an epoch. `kind` names the network that was measured: "integer",
/// "float", or "fake-quantized" where the network cannot be lowered.
struct Validation {
  double top1 = 0;
  std::string kind;
};

/// A clip after an epoch: its value (mean over channels) and the norm of its last gradient.
struct ClipReport {
  std::string name;
  double value = 0;
  double gradient_norm = 0;
  bool is_near_floor = false;  // an element of it is at most ten times its floor
};

struct EpochReport {
  int epoch = 0;
  double learning_rate = 0;
  double loss = 0;
  double accuracy = 0;
  Validation validation;
  double seconds = 0;
  double images_per_second = 0;  // trained on; decoding included
  std::vector<ClipReport> clips;
};

/// What the caller adds to the loop. All may be empty but `validate`.
struct Hooks {
  std::function<Validation(const graph::Network&)> validate;
  std::function<void(const StepReport&)> on_step;
  std::function<void(const EpochReport&)> on_epoch;
  std::function<bool()> stop;  // true: finish the step, save, throw Exception (Interrupted)
};

enum class Start { Fresh, Resume };

struct TrainOptions {
  std::filesystem::path folder;
  std::filesystem::path data_root;
  // Where files that the recipe names may lie, too: its own folder. A run that is resumed adds the
  // one that it began with.
  std::vector<std::filesystem::path> recipe_folders;
  Start start = Start::Fresh;
  std::string device = "cpu";  // or "cuda", "cuda:1"
};

/// Builds the network of a recipe: structure, starting weights, quantizers; before any training.
graph::Network starting_network(const Recipe& recipe, const TrainOptions& options);

/// Whether the recipe starts from a run with quantizers, not from float weights.
bool starts_from_quantizers(const Recipe& recipe, const TrainOptions& options);

/// Trains, and returns the network at the end. Throws Exception.
graph::Network train(const Recipe& recipe, const TrainOptions& options, const Hooks& hooks);

}  // namespace pact::train
