// SPDX-License-Identifier: Apache-2.0
// The folder of a training run, read for a report: recipe, log and checkpoint, and whether they
// belong together. The files are untrusted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pact/graph/network.h"
#include "pact/train/recipe.h"

namespace pact::cli::report {

/// One line of log.jsonl.
struct Epoch {
  double learning_rate = 0;
  double loss = 0;
  double train_top1 = 0;
  double validation_top1 = 0;
  std::string validated;  // "integer", "float" or "fake-quantized"
  double seconds = 0;
  std::map<std::string, double> clips;  // by the name of the parameter
};

struct Run {
  std::string name;  // the folder as it was given
  std::string date;  // of the checkpoint: "2024-05-31 17:05 UTC"
  train::Recipe recipe;
  graph::Network network;  // with its parameters
  std::vector<Epoch> log;  // of epochs 1, 2, ..
  std::uint64_t checkpoint_bytes = 0;
  std::optional<std::uint64_t> packed_bytes;  // of model.pact, if there is one
};

/// The epochs of a log, which count from 1. `where` names it in errors. Throws Exception.
std::vector<Epoch> parse_log(std::string_view text, std::string_view where);

/// Reads the folder of a run. Throws Exception: a file is missing or damaged, or the files are not
/// of one run.
Run read_run(const std::filesystem::path& folder);

}  // namespace pact::cli::report
