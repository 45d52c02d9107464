// SPDX-License-Identifier: Apache-2.0
// A network from an ONNX file, with what the file does not say: the same options wherever one is
// read.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "pact/graph/network.h"

namespace pact::cli {

struct ImportOptions {
  std::string file;
  std::vector<std::int64_t> input;
  std::vector<float> mean;
  std::vector<float> std;
  std::string classes;
};

/// Adds all but the file itself.
void add_import_options(CLI::App& command, ImportOptions& options);

/// From an ONNX file. Throws Exception if the file is no network, or the options do not fit it.
graph::Network import_network(const ImportOptions& options);

/// The same, or of a file of tensors with a structure, which says all that the options would.
graph::Network read_network(const ImportOptions& options);

}  // namespace pact::cli
