// SPDX-License-Identifier: Apache-2.0
// Any bytes are an ONNX file that is refused or a network that runs.
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "pact/onnx/import.h"
#include "run_network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto network = pact::onnx::import_network(std::as_bytes(std::span(data, size)));
  if (network) pact::fuzz::run_network(*std::move(network));
  return 0;
}
