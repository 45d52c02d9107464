// SPDX-License-Identifier: Apache-2.0
#include "cli/hw.h"

namespace pact::cli {

graph::Network hw_onnx_network(const std::string& file) {
  throw_error(ErrorCode::Unsupported, file,
              ": this pact was built without ONNX; expected a packed file (.pact) or a network "
              "with its weights (.safetensors)");
}

}  // namespace pact::cli
