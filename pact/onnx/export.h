// SPDX-License-Identifier: Apache-2.0
// Writes a Network as an ONNX file.
#pragma once

#include <string>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::onnx {

/// Version of the operator set that float files are written in.
inline constexpr std::int64_t kFloatOpset = 17;

/// The bytes of an ONNX file of a float network; import_network gives back a network that computes
/// the same bits. Normalisation and class names travel in the file's metadata; the batch is open.
/// Error: a node that is quantized or belongs to a lowered network.
Result<std::string> export_float(const graph::Network& network);

}  // namespace pact::onnx
