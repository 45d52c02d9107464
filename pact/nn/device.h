// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <string>

namespace pact::nn {

/// The device called `name`: "cpu", "cuda" (the first) or "cuda:1". Throws Exception if there is no
/// such device for this LibTorch on this machine.
torch::Device find_device(const std::string& name);

}  // namespace pact::nn
