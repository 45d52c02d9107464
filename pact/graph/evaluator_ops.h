// SPDX-License-Identifier: Apache-2.0
// What operations of the evaluator see, and those that move elements. Internal to graph/.
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

// Operations that move elements of any type, and resizing (evaluator_moves.cpp).
Value concatenate(const Operands& operands);
Value slice(const Slice& op, const Operands& operands);
Value rearrange(const Rearrange& op, const Operands& operands);
Value shortcut(const Shortcut& op, const Operands& operands);
Value pad(const Pad& op, const Operands& operands);
Value resize(const Resize& op, const Operands& operands);

}  // namespace pact::graph
