// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/network.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace pact::graph {
namespace {

constexpr std::size_t kMaxName = 512;

Status check_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-' || c == '/' || c == ':';
  };
  if (!name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), allowed)) {
    return {};
  }
  return make_error(ErrorCode::InvalidArgument,
                    "node name: expected letters, digits and . _ - / :, found '", name, "'");
}

ParameterType type_of(const Tensor& tensor) {
  return static_cast<ParameterType>(tensor.data.index());
}

std::size_t stored_elements(const Tensor& tensor) {
  return std::visit([](const auto& data) { return data.size(); }, tensor.data);
}

std::vector<ParameterSlot> activation_slots(const FakeQuantize& op, std::int64_t channels) {
  switch (op.scheme) {
    case ActivationScheme::Pact:
      return {{"alpha", {op.granularity == numeric::Granularity::Channel ? channels : 1}}};
    case ActivationScheme::Stream:
      return {{"range", {1}}};
    default:
      return {{"low", {1}}, {"high", {1}}};
  }
}

// Parameters that an operation expects, from the types of its inputs and of its value.
struct Slots {
  std::span<const ValueType> in;
  const ValueType& type;

  std::vector<ParameterSlot> of(const Conv2d& op) const {
    std::vector<ParameterSlot> slots{
        {"weight", {op.out_channels, in[0].channels() / op.groups, op.kernel.y, op.kernel.x}}};
    if (op.bias == Bias::Present) slots.push_back({"bias", {op.out_channels}});
    add_scales(slots, op.weights);
    return slots;
  }
  std::vector<ParameterSlot> of(const Linear& op) const {
    std::vector<ParameterSlot> slots{{"weight", {op.out_features, in[0].channels()}}};
    if (op.bias == Bias::Present) slots.push_back({"bias", {op.out_features}});
    add_scales(slots, op.weights);
    return slots;
  }
  std::vector<ParameterSlot> of(const IntConv2d& op) const {
    return {{"weight",
             {op.out_channels, in[0].channels() / op.groups, op.kernel.y, op.kernel.x},
             ParameterType::I32}};
  }
  std::vector<ParameterSlot> of(const IntLinear& op) const {
    return {{"weight", {op.out_features, in[0].channels()}, ParameterType::I32}};
  }
  std::vector<ParameterSlot> of(const BatchNorm&) const {
    const Shape shape{type.channels()};
    return {{"weight", shape}, {"bias", shape}, {"running_mean", shape}, {"running_var", shape}};
  }
  std::vector<ParameterSlot> of(const FakeQuantize& op) const {
    return activation_slots(op, type.channels());
  }
  std::vector<ParameterSlot> of(const Lookup& op) const {
    return {{"table",
             {type.channels(), 256},
             op.table == PixelTable::Levels ? ParameterType::I32 : ParameterType::F32}};
  }
  std::vector<ParameterSlot> of(const Requantize&) const {
    const auto terms = static_cast<std::int64_t>(in.size());
    return {{"multiplier", {terms, type.channels()}, ParameterType::I32},
            {"offset", {type.channels()}, ParameterType::I64}};
  }
  std::vector<ParameterSlot> of(const Quantize&) const { return {{"inverse", {type.channels()}}}; }
  std::vector<ParameterSlot> of(const Dequantize&) const {
    const auto terms = static_cast<std::int64_t>(in.size());
    return {{"scale", {terms, type.channels()}}, {"offset", {type.channels()}}};
  }
  template <typename Other>
  std::vector<ParameterSlot> of(const Other&) const {
    return {};
  }

 private:
  // infer() has checked that the groups fit the weights, which are the first slot.
  static void add_scales(std::vector<ParameterSlot>& slots, const numeric::WeightSpec& spec) {
    if (!numeric::has_given_scales(spec)) return;
    const Shape& weight = slots[0].shape;
    const auto outputs = static_cast<std::size_t>(weight[0]);
    const auto inputs = static_cast<std::size_t>(element_count(weight)) / outputs;
    const auto groups = numeric::scale_groups(spec, outputs, inputs);
    slots.push_back({"weight_scale", {static_cast<std::int64_t>(groups->count)}});
  }
};

Status check_levels(const std::string& name, const Tensor& tensor, const numeric::Grid& grid) {
  for (const std::int32_t level : tensor.ints()) {
    if (!grid.contains(level)) {
      return make_error(ErrorCode::Corrupt, "parameter '", name, "': level ", level,
                        " is not on its grid ", numeric::name(grid));
    }
  }
  return {};
}

Status check_elements(const Node& node, const std::string& role, const Tensor& tensor) {
  const std::string name = Network::parameter_name(node, role);
  if (const auto* values = std::get_if<std::vector<float>>(&tensor.data)) {
    if (!std::all_of(values->begin(), values->end(), [](float v) { return std::isfinite(v); })) {
      return make_error(ErrorCode::Corrupt, "parameter '", name,
                        "': expected finite numbers, found one that is not");
    }
    if (role != "weight_scale") return {};
    const Status scales = numeric::check_given_scales(*values);
    if (scales) return {};
    return make_error(scales.error().code, "parameter '", name, "': ", scales.error().message);
  }
  if (const auto* op = node.as<IntConv2d>()) return check_levels(name, tensor, op->weights);
  if (const auto* op = node.as<IntLinear>()) return check_levels(name, tensor, op->weights);
  if (const auto* op = node.as<Lookup>()) return check_levels(name, tensor, op->grid);
  return {};
}

}  // namespace

Status check_preprocessing(const Network& network) {
  const Preprocessing& p = network.preprocessing;
  if (p.mean.empty() && p.std.empty()) return {};
  const auto channels = static_cast<std::size_t>(network.node(0).type.channels());
  const auto finite = [](float v) { return std::isfinite(v); };
  const auto positive = [](float v) { return std::isfinite(v) && v > 0; };
  if (p.mean.size() == channels && p.std.size() == channels &&
      std::all_of(p.mean.begin(), p.mean.end(), finite) &&
      std::all_of(p.std.begin(), p.std.end(), positive)) {
    return {};
  }
  return make_error(ErrorCode::Corrupt, "network '", network.name,
                    "': expected a finite mean and a positive std for each of ", channels,
                    " channels, found ", p.mean.size(), " and ", p.std.size());
}

Result<NodeId> Network::add(std::string node_name, Operation operation,
                            std::vector<NodeId> inputs) {
  PACT_CHECK_OK(check_name(node_name));
  if (nodes_.size() == kMaxNodes) {
    return make_error(ErrorCode::Unsupported, "network: expected at most ", kMaxNodes, " nodes");
  }
  const auto id = static_cast<NodeId>(nodes_.size());
  std::vector<ValueType> types;
  for (const NodeId input : inputs) {
    if (input < 0 || input >= id) {
      return make_error(ErrorCode::InvalidArgument, "node '", node_name,
                        "': expected inputs made before it, found value ", input);
    }
    types.push_back(node(input).type);
  }
  Result<ValueType> type = infer(operation, types);
  if (!type) {
    return make_error(type.error().code, "node '", node_name, "' (", graph::name(operation),
                      "): ", type.error().message);
  }
  if (!by_name_.emplace(node_name, id).second) {
    return make_error(ErrorCode::InvalidArgument, "node '", node_name, "': the name is in use");
  }
  nodes_.push_back(
      {std::move(node_name), std::move(operation), std::move(inputs), std::move(*type)});
  return id;
}

std::optional<NodeId> Network::find(const std::string& node_name) const {
  const auto found = by_name_.find(node_name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::vector<NodeId> Network::consumers(NodeId id) const {
  std::vector<NodeId> result;
  for (NodeId other = id + 1; other < static_cast<NodeId>(nodes_.size()); ++other) {
    const auto& inputs = node(other).inputs;
    if (std::find(inputs.begin(), inputs.end(), id) != inputs.end()) result.push_back(other);
  }
  return result;
}

std::vector<ParameterSlot> Network::parameter_slots(NodeId id) const {
  const Node& n = node(id);
  std::vector<ValueType> types;
  for (const NodeId input : n.inputs) types.push_back(node(input).type);
  return std::visit([&](const auto& op) { return Slots{types, n.type}.of(op); }, n.operation);
}

const Tensor& Network::parameter(NodeId id, const std::string& role) const {
  return parameters_.at(parameter_name(node(id), role));
}

void Network::set_parameter(NodeId id, const std::string& role, Tensor tensor) {
  parameters_[parameter_name(node(id), role)] = std::move(tensor);
}

Status Network::verify() const {
  if (nodes_.empty()) return make_error(ErrorCode::Corrupt, "network: expected nodes, found none");
  if (output() >= static_cast<NodeId>(nodes_.size())) {
    return make_error(ErrorCode::Corrupt, "network: the output does not exist");
  }
  PACT_CHECK_OK(check_preprocessing(*this));
  std::set<std::string> expected;
  for (NodeId id = 0; id < static_cast<NodeId>(nodes_.size()); ++id) {
    if ((node(id).as<Input>() != nullptr) != (id == 0)) {
      return make_error(ErrorCode::Corrupt, "node '", node(id).name,
                        "': expected one input, as the first node");
    }
    for (const ParameterSlot& slot : parameter_slots(id)) {
      const std::string full = parameter_name(node(id), slot.role);
      expected.insert(full);
      const auto found = parameters_.find(full);
      if (found == parameters_.end()) {
        return make_error(ErrorCode::NotFound, "parameter '", full, "' (", to_string(slot.shape),
                          ") is missing");
      }
      const Tensor& tensor = found->second;
      if (tensor.shape != slot.shape || type_of(tensor) != slot.type ||
          stored_elements(tensor) != static_cast<std::size_t>(element_count(slot.shape))) {
        return make_error(ErrorCode::Corrupt, "parameter '", full, "': expected ",
                          to_string(slot.shape), ", found ", to_string(tensor.shape),
                          type_of(tensor) == slot.type ? "" : " of another element type");
      }
      PACT_CHECK_OK(check_elements(node(id), slot.role, tensor));
    }
  }
  for (const auto& [full, tensor] : parameters_) {
    if (!expected.contains(full)) {
      return make_error(ErrorCode::Corrupt, "parameter '", full, "' (", to_string(tensor.shape),
                        ") belongs to no node");
    }
  }
  return {};
}

std::int64_t Network::macs(NodeId id) const {
  const Node& n = node(id);
  const auto conv = [&](const auto& op) {
    const ValueType& input = node(n.inputs[0]).type;
    return element_count(n.type.shape) * (input.channels() / op.groups) * op.kernel.y * op.kernel.x;
  };
  if (const auto* op = n.as<Conv2d>()) return conv(*op);
  if (const auto* op = n.as<IntConv2d>()) return conv(*op);
  if (n.as<Linear>() != nullptr || n.as<IntLinear>() != nullptr) {
    return n.type.channels() * node(n.inputs[0]).type.channels();
  }
  return 0;
}

std::int64_t Network::macs() const {
  std::int64_t sum = 0;
  for (NodeId id = 0; id < static_cast<NodeId>(nodes_.size()); ++id) sum += macs(id);
  return sum;
}

}  // namespace pact::graph
