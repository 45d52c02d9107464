// SPDX-License-Identifier: Apache-2.0
#include "cli/hw.h"
#include "pact/onnx/import.h"

namespace pact::cli {

graph::Network hw_onnx_network(const std::string& file) {
  return value_or_throw(onnx::import_network(file, {}));
}

}  // namespace pact::cli
