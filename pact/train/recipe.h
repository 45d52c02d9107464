// SPDX-License-Identifier: Apache-2.0
// A training run as a TOML file: network, data, quantizers, optimizer, schedule.
// docs/guide/train.md lists every key. Unknown keys and values outside their range are errors that
// name file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pact/data/batch_loader.h"
#include "pact/graph/quantize.h"
#include "pact/nn/precision.h"
#include "pact/numeric/calibrate.h"

namespace pact::train {

enum class OptimizerKind { Sgd, Adam };

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::Sgd;
  double learning_rate = 0.1;
  double momentum = 0.9;    // SGD
  double beta1 = 0.9;       // Adam
  double beta2 = 0.999;     // Adam
  double epsilon = 1e-8;    // Adam
  double weight_decay = 0;  // adds decay * w to the gradient of weights, as decay * w^2 / 2 would
  double norm_decay = 0;    // the same for batch norm and biases
  double alpha_decay = 0;   // the same for clips: the paper's lambda * alpha^2 / 2
  double alpha_rate = 1;    // factor on the learning rate of clips
  double alpha_floor =
      1e-3;            // clips stay at or above this (and low clips at or below its negative)
  double average = 0;  // of what is trained, over about 1 / (1 - average) steps; 0: none
};

enum class ScheduleKind { Constant, Step, Cosine };

/// Learning rate over time. Warm-up rises linearly from 0 over the first epochs.
struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::Constant;
  std::vector<int> milestones;  // Step: epochs after which the rate is multiplied by `factor`
  double factor = 0.1;
  double warmup_epochs = 0;
  double final_rate = 0;  // Cosine: fraction of the learning rate at the end
};

/// Where the clips start: at the policy's `alpha`, or at what the first batches show.
struct Calibration {
  numeric::Calibration clips;
  int batches = 8;
};

/// Elements that training sets to zero, anew at each step; the others grow by 1 / (1 - rate).
struct Dropout {
  std::string after;  // name of the node
  double rate = 0.5;
};

/// A float network whose answers are learned, too (Hinton et al. 2015).
struct Distillation {
  std::string network;  // the teacher's: name or .safetensors file; by default the student's
  std::string start;    // its float weights; without `network`, those that the student starts from
  double temperature = 4;  // by which logits are divided
  double share = 0.5;      // of the loss
};

struct Recipe {
  std::string text;     // as read; kept with checkpoints and packed files
  std::string network;  // name, or a .safetensors file of a network, found as `start` is
  std::string start;    // float weights or a checkpoint, relative to the data root or the recipe
  std::string dataset;
  data::Augmentation augmentation;
  int data_threads = 0;  // that prepare batches; 0: all cores for pictures in files, else 1
  std::vector<Dropout> dropout;
  std::optional<Distillation> distillation;
  int epochs = 1;  // 0: quantize and calibrate, no training
  int batch_size = 128;
  std::uint64_t seed = 1;
  int threads = 0;  // 0: all cores
  nn::Precision precision = nn::Precision::F32;
  int norm_batches = 0;  // whose statistics batch norm takes after the last step; 0: running ones
  double checkpoint_seconds = 120;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  std::optional<graph::QuantizePolicy> quantize;
  std::optional<Calibration> calibration;
};

/// What takes the place of a recipe's own.
struct RecipeChanges {
  std::string network;                  // the recipe's starting weights go, too; empty: its own
  std::string dataset;                  // empty: the recipe's
  std::optional<int> bits{};            // of weights and activations
  std::vector<std::string> settings{};  // "table.key=value"; text need not be in quotes
};

/// The text of a recipe with changes. Throws Exception if it is not TOML, or a setting is none.
std::string recipe_for(std::string_view text, std::string_view where, const RecipeChanges& changes);

/// Reads a recipe; `where` names it in errors. Throws Exception.
Recipe parse_recipe(std::string_view text, std::string_view where);
Recipe read_recipe(const std::filesystem::path& path);

}  // namespace pact::train
