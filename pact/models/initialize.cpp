// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "pact/base/random.h"
#include "pact/models/models.h"

namespace pact::models {
namespace {

using namespace graph;

class Random {
 public:
  explicit Random(std::uint64_t seed) : numbers_(seed) {}

  double uniform() { return numbers_.fraction() + 0x1.0p-54; }  // in (0, 1)
  double normal() {                                             // Box-Muller
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  SplitMix64 numbers_;
};

double starting_value(const Node& node, const ParameterSlot& slot, Random& random) {
  if (node.as<BatchNorm>() != nullptr) {
    return slot.role == "weight" || slot.role == "running_var" ? 1 : 0;
  }
  if (const auto* conv = node.as<Conv2d>(); conv != nullptr && slot.role == "weight") {
    const std::int64_t fan_out = slot.shape[0] / conv->groups * slot.shape[2] * slot.shape[3];
    return random.normal() * std::sqrt(2 / static_cast<double>(fan_out));
  }
  if (node.as<Linear>() != nullptr && slot.role == "weight") {
    return (2 * random.uniform() - 1) / std::sqrt(static_cast<double>(slot.shape[1]));
  }
  return 0;
}

}  // namespace

void initialize(Network& network, std::uint64_t seed) {
  Random random(seed);
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    for (const ParameterSlot& slot : network.parameter_slots(id)) {
      std::vector<float> values(static_cast<std::size_t>(element_count(slot.shape)));
      for (float& value : values) {
        value = static_cast<float>(starting_value(network.node(id), slot, random));
      }
      network.set_parameter(id, slot.role, Tensor::f32(slot.shape, std::move(values)));
    }
  }
}

}  // namespace pact::models
