// SPDX-License-Identifier: Apache-2.0
// Any bytes are a checkpoint that is refused or a network that runs.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "pact/graph/safetensors.h"
#include "run_network.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = pact::graph::parse_safetensors(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  auto network = pact::graph::network_from(*file);
  if (network) pact::fuzz::run_network(*std::move(network));
  return 0;
}

// Changes the header and states its new length, so that what is wrong is what it says.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::uint64_t length = 0;
  constexpr std::size_t kPrefix = sizeof length;
  if (size >= kPrefix) std::memcpy(&length, data, kPrefix);
  if (seed % 4 == 0 || length == 0 || length > size - kPrefix) {
    return LLVMFuzzerMutate(data, size, most);
  }
  const std::string elements(data + kPrefix + length, data + size);
  length = LLVMFuzzerMutate(data + kPrefix, length, most - kPrefix - elements.size());
  std::memcpy(data, &length, kPrefix);
  std::memcpy(data + kPrefix + length, elements.data(), elements.size());
  return kPrefix + length + elements.size();
}
