// SPDX-License-Identifier: Apache-2.0
// A training run as the command line shows it: progress, epochs, Ctrl-C, validation on integers.
#pragma once

#include <memory>
#include <optional>

#include "pact/data/dataset.h"
#include "pact/graph/network.h"
#include "pact/train/trainer.h"

namespace pact::cli {

/// A trained network, and its integer form if it was quantized.
struct Trained {
  graph::Network network;
  std::optional<graph::Network> lowered;
  double seconds = 0;
};

/// Runs a recipe with a progress bar on stderr and a line an epoch on stdout. SIGINT and SIGTERM
/// end the step, save, and throw Exception (Interrupted). `test` is what is validated on.
Trained run_training(const train::Recipe& recipe, const train::TrainOptions& options,
                     const data::Dataset& test);

/// The same, and leaves the packed network in the folder; says what was saved.
void train_and_save(const train::Recipe& recipe, const train::TrainOptions& options);

/// Throws Exception if there is a checkpoint in the folder: a fresh run would replace it.
void refuse_checkpoint(const std::filesystem::path& folder);

}  // namespace pact::cli
