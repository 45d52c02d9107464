// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/evaluator.h"

#include "pact/graph/evaluator_ops.h"

namespace pact::graph {
namespace {

// For each value, the last node that reads it; values are dropped there.
std::vector<NodeId> last_uses(const Network& network) {
  std::vector<NodeId> last(network.nodes().size(), -1);
  for (NodeId id = 0; id < static_cast<NodeId>(last.size()); ++id) {
    for (const NodeId input : network.node(id).inputs) last[static_cast<std::size_t>(input)] = id;
  }
  last[static_cast<std::size_t>(network.output())] = static_cast<NodeId>(last.size());
  return last;
}

std::size_t size_of(const Value& value) {
  return std::visit([](const auto& data) { return data.size(); }, value);
}

Status check_image(const Network& network, const Node& input, const Value& image) {
  const auto expected = static_cast<std::size_t>(element_count(input.type.shape));
  if (size_of(image) != expected) {
    return make_error(ErrorCode::InvalidArgument, "image: expected ", expected, " elements (",
                      to_string(input.type.shape), "), found ", size_of(image));
  }
  if (std::holds_alternative<std::vector<std::int32_t>>(image) != reads_pixels(network)) {
    return make_error(ErrorCode::InvalidArgument, "image: expected ",
                      reads_pixels(network) ? "pixels" : "normalised floats");
  }
  return {};
}

}  // namespace

bool reads_pixels(const Network& network) {
  const auto* input = network.node(0).as<Input>();
  return input != nullptr && input->element == ImageElement::Pixels;
}

Result<Value> evaluate(const Network& network, const Value& image, const Tap& tap) {
  const std::vector<NodeId> last = last_uses(network);
  std::vector<Value> values(network.nodes().size());
  for (NodeId id = 0; id < static_cast<NodeId>(values.size()); ++id) {
    const Node& node = network.node(id);
    Value& value = values[static_cast<std::size_t>(id)];
    if (node.as<Input>() != nullptr) {
      PACT_CHECK_OK(check_image(network, node, image));
      value = image;
    } else {
      Operands operands{network, id, {}};
      for (const NodeId input : node.inputs) {
        operands.values.push_back(&values[static_cast<std::size_t>(input)]);
      }
      PACT_TRY(value, apply(operands));
    }
    if (tap) tap(id, value);
    for (const NodeId input : node.inputs) {
      if (last[static_cast<std::size_t>(input)] == id) values[static_cast<std::size_t>(input)] = {};
    }
  }
  return std::move(values[static_cast<std::size_t>(network.output())]);
}

}  // namespace pact::graph
