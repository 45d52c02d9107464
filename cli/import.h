// SPDX-License-Identifier: Apache-2.0
// A network from a file, with what the file does not say: the same options wherever one is read.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "pact/graph/network.h"
#include "pact/models/models.h"

namespace pact::cli {

struct ImportOptions {
  std::string file;
  std::string network;
  std::vector<std::int64_t> input;
  std::vector<float> mean;
  std::vector<float> std;
  std::string classes;
};

/// Adds all but the file itself.
void add_import_options(CLI::App& command, ImportOptions& options);

/// From an ONNX file, a file of weights (.safetensors) and the name of their network, or a file of
/// tensors with its structure, which says all that the options would. Throws Exception if the file
/// is no network, or the options do not fit it.
graph::Network read_network(const ImportOptions& options);

/// The network called `name` with the weights in `file`. Throws Exception if they do not fit.
graph::Network network_with_weights(const std::string& name, const models::Task& task,
                                    const std::string& file);

}  // namespace pact::cli
