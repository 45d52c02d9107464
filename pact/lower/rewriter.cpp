// SPDX-License-Identifier: Apache-2.0
#include "pact/lower/rewriter.h"

namespace pact::lower {

using namespace graph;

Rewriter::Rewriter(const Network& source) : source_(source), mapped_(source.nodes().size(), -1) {
  result_.name = source.name;
  result_.preprocessing = source.preprocessing;
  result_.classes = source.classes;
}

std::vector<NodeId> Rewriter::mapped_inputs(NodeId id) const {
  std::vector<NodeId> inputs;
  for (const NodeId input : source_.node(id).inputs) inputs.push_back(mapped(input));
  return inputs;
}

Status Rewriter::copy(NodeId id) {
  const Node& node = source_.node(id);
  PACT_TRY(const NodeId replacement, result_.add(node.name, node.operation, mapped_inputs(id)));
  for (const ParameterSlot& slot : source_.parameter_slots(id)) {
    result_.set_parameter(replacement, slot.role, source_.parameter(id, slot.role));
  }
  map(id, replacement);
  return {};
}

Result<Network> Rewriter::finish() {
  result_.set_output(mapped(source_.output()));
  PACT_CHECK_OK(result_.verify());
  return std::move(result_);
}

}  // namespace pact::lower
