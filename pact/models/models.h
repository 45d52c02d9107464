// SPDX-License-Identifier: Apache-2.0
// Networks by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::models {

/// Size of the images and number of classes that a network is built for.
struct Task {
  std::int64_t channels = 3;
  std::int64_t height = 32;
  std::int64_t width = 32;
  std::int64_t classes = 10;
};

/// A network that can be built by name.
struct ModelInfo {
  std::string_view name;
  std::string_view title;
  Task task;  // that it was designed for
};

/// All names: cifar-resnet{20,32,44,56}-v1 and -v2, demo-resnet, lfc, resnet{18,50} and -v2,
/// resnet50-original, alexnet, alexnet-bn, mobilenet-v2, svhn-7conv.
const std::vector<ModelInfo>& models();

/// Builds the network called `name` without parameters. An unknown name is an error that lists the
/// known ones; so is a task that the network cannot take.
Result<graph::Network> build(std::string_view name, const Task& task);

/// Gives every parameter its starting value: He normal (fan out) for convolutions, uniform
/// +-1/sqrt(in) for fully connected layers, 1 and 0 for batch norm. The same seed gives the same
/// numbers on every machine.
void initialize(graph::Network& network, std::uint64_t seed);

}  // namespace pact::models
