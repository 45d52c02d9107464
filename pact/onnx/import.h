// SPDX-License-Identifier: Apache-2.0
// Reads an ONNX file as a Network, the same as a built-in one: it trains, lowers and runs by the
// same path.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::onnx {

/// Versions of the operator set that are read.
inline constexpr std::int64_t kOldestOpset = 7;
inline constexpr std::int64_t kNewestOpset = 25;

struct ImportOptions {
  /// Channels, height, width of the image, where the file leaves them open.
  graph::Shape input_shape;
};

/// The network in an ONNX file of one image input and one output; the batch may be of any size.
/// Quantizers (QDQ, QCDQ, QONNX) become Quantize and Dequantize, all else is in floats. Node and
/// parameter names survive: a layer whose weights are called "conv1.weight" becomes node "conv1".
/// Operations that only training needs are left out, constants are folded. Errors: all operations
/// that are not supported, each with its node; a damaged or hostile file.
Result<graph::Network> import_network(const std::filesystem::path& path,
                                      const ImportOptions& options = {});

/// The same from memory; external data is an error.
Result<graph::Network> import_network(std::span<const std::byte> bytes,
                                      const ImportOptions& options = {});

}  // namespace pact::onnx
