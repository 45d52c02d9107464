// SPDX-License-Identifier: Apache-2.0
// Everything that a training run needs to go on as if it had not stopped, in one safetensors file
// that is replaced atomically.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "pact/graph/network.h"

namespace pact::train {

struct Checkpoint {
  graph::Network network;                          // with parameters
  std::map<std::string, graph::Tensor> optimizer;  // state by name
  std::string recipe;                              // its text
  std::string recipe_folder;                       // where it lay when the run began, or empty
  std::int64_t epoch = 0;                          // epochs completed
  std::int64_t step = 0;                           // steps completed in the epoch under way
  std::int64_t optimizer_steps = 0;
  // Of the epoch under way:
  double loss_sum = 0;
  std::int64_t correct = 0;
  std::int64_t seen = 0;
  double seconds = 0;
};

/// Replaces `path`. A full disk, say, leaves the old file as it was. Throws Exception.
void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);

/// Throws Exception if the file is missing, damaged, or not a checkpoint.
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace pact::train
