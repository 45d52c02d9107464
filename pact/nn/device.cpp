// SPDX-License-Identifier: Apache-2.0
#include "pact/nn/device.h"

#include <charconv>

#include "pact/base/result.h"

namespace pact::nn {

torch::Device find_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  const std::string first = "cuda:";
  const std::string numbered = name == "cuda" ? "cuda:0" : name;
  int index = -1;
  const char* digits = numbered.data() + std::min(first.size(), numbered.size());
  const char* end = numbered.data() + numbered.size();
  const auto [rest, error] = std::from_chars(digits, end, index);
  if (!numbered.starts_with(first) || error != std::errc{} || rest != end || index < 0) {
    throw_error(ErrorCode::InvalidArgument,
                "device: expected 'cpu', 'cuda' or 'cuda:' and a number, found '", name, "'");
  }
  const auto devices = static_cast<int>(torch::cuda::device_count());
  if (index >= devices) {
    throw_error(ErrorCode::Unsupported, "device: expected one of the ", devices,
                " CUDA devices that this LibTorch can use here, found '", name, "'");
  }
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(index)};
}

}  // namespace pact::nn
