// SPDX-License-Identifier: Apache-2.0
// One function per operation of the evaluator. Internal to graph/.
#pragma once

#include <span>
#include <vector>

#include "pact/graph/evaluator.h"

namespace pact::graph {

/// What an operation sees: its node, the network (for parameters), and the values of its inputs.
struct Operands {
  const Network& network;
  NodeId id;
  std::vector<const Value*> values;

  const Node& node() const { return network.node(id); }
  const ValueType& type() const { return node().type; }
  const ValueType& input_type(std::size_t i = 0) const {
    return network.node(node().inputs[i]).type;
  }
  const std::vector<float>& floats(std::size_t i = 0) const {
    return std::get<std::vector<float>>(*values[i]);
  }
  const std::vector<std::int32_t>& ints(std::size_t i = 0) const {
    return std::get<std::vector<std::int32_t>>(*values[i]);
  }
  const Tensor& parameter(const char* role) const { return network.parameter(id, role); }
};

Result<Value> apply(const Operands& operands);

}  // namespace pact::graph
