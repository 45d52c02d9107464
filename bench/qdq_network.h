// SPDX-License-Identifier: Apache-2.0
// A float network as its users would give it to ONNX Runtime in 8 bits.
#pragma once

#include <string>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::bench {

/// The bytes of an ONNX file: QuantizeLinear and DequantizeLinear around every operation, 8-bit
/// activations, signed 8-bit weights with a scale for each output, 32-bit biases, batch norms
/// folded, activations by saturation: all that ONNX Runtime fuses to its integer operations. The
/// image comes as bytes. Scales and weights are arbitrary: the file is for measuring time. Error:
/// an operation that the networks of `pact bench` do not have.
Result<std::string> qdq_network(const graph::Network& network);

}  // namespace pact::bench
