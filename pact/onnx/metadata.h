// SPDX-License-Identifier: Apache-2.0
// What a user needs to feed a network, as properties of an ONNX file. Internal to onnx/.
#pragma once

#include "pact/graph/network.h"
#include "pact/onnx/document.h"

namespace pact::onnx {

/// Adds "pact.mean", "pact.std" and "pact.classes" (one a line), where the network has them.
void write_metadata(const graph::Network& network, pb::ModelProto& model);

/// The inverse. Error: numbers that cannot be read.
Status read_metadata(const pb::ModelProto& model, graph::Network& network);

}  // namespace pact::onnx
