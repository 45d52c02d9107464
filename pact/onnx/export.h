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

/// Qdq: QuantizeLinear and DequantizeLinear. Weights have the narrowest type that holds their grid,
/// activations that of their 8 bits, or of 4 where no value of their shape has another, else 8 bits
/// with a Clip. Qonnx: nodes `Quant` of the domain qonnx.custom_op.general.
enum class ExportFormat { Qdq, Qonnx };

struct ExportOptions {
  ExportFormat format = ExportFormat::Qdq;
  /// Newest operator set to use; 0: whatever the grids need (21 for 4 bits, 25 for 2). Qdq alone.
  std::int64_t opset = 0;
};

/// The bytes of an ONNX file of a lowered network. It computes in floats what the network computes
/// in integers: the same levels but for float rounding, no operation that only training needs. The
/// image that it reads is normalised floats. Error: a network that is not lowered, an operator set
/// that lacks what a node needs.
Result<std::string> export_quantized(const graph::Network& lowered,
                                     const ExportOptions& options = {});

}  // namespace pact::onnx
