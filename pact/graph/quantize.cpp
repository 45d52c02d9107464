// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/quantize.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace pact::graph {
namespace {

bool is_layer(const Node& node) {
  return node.as<Conv2d>() != nullptr || node.as<Linear>() != nullptr;
}

bool resizes(const Node& node, numeric::Interpolation interpolation) {
  const auto* op = node.as<Resize>();
  return op != nullptr && op->rule.interpolation == interpolation;
}

// ReLU, or ReLU with an upper bound.
bool is_relu(const Node& node) {
  const auto* op = node.as<Pointwise>();
  return node.as<Relu>() != nullptr ||
         (op != nullptr && op->function == numeric::Function::Clip && op->a == 0 && op->b > 0);
}

bool is_quantized_already(const Node& node) {
  const auto* conv = node.as<Conv2d>();
  const auto* linear = node.as<Linear>();
  const auto none = numeric::WeightScheme::None;
  return Operation(FakeQuantize{}).index() <= node.operation.index() ||
         (conv != nullptr && conv->weights.scheme != none) ||
         (linear != nullptr && linear->weights.scheme != none);
}

// Averages of neighbours, which lie between levels.
bool averages(const Node& node) {
  return node.as<AvgPool>() != nullptr || node.as<GlobalAvgPool>() != nullptr ||
         resizes(node, numeric::Interpolation::Linear);
}

bool hands_on(const Node& node) {
  return keeps_levels(node) || averages(node) || node.as<Concat>() != nullptr;
}

// Whatever the operation reads.
bool makes_nonnegative(const Node& node) {
  if (const auto* op = node.as<FakeQuantize>()) return op->scheme == ActivationScheme::Pact;
  if (const auto* op = node.as<Pointwise>()) {
    return op->function == numeric::Function::Sigmoid ||
           op->function == numeric::Function::HardSigmoid ||
           (op->function == numeric::Function::Clip && op->a >= 0);
  }
  return node.as<Relu>() != nullptr || node.as<Softmax>() != nullptr;
}

class Quantizer {
 public:
  Quantizer(const Network& source, const QuantizePolicy& policy)
      : source_(source), policy_(policy), readers_(source.nodes().size()) {
    for (NodeId id = 0; id < size(); ++id)
      readers_[static_cast<std::size_t>(id)] = source.consumers(id);
  }

  Result<Network> run() {
    PACT_CHECK_OK(check_preprocessing(source_));
    PACT_CHECK_OK(assign_policies());
    result_.name = source_.name;
    result_.preprocessing = source_.preprocessing;
    result_.classes = source_.classes;
    result_.parameters() = source_.parameters();
    for (NodeId id = 0; id < size(); ++id) PACT_CHECK_OK(copy(id));
    result_.set_output(mapped_[source_.output()]);
    return std::move(result_);
  }

 private:
  NodeId size() const { return static_cast<NodeId>(source_.nodes().size()); }

  const std::vector<NodeId>& readers(NodeId id) const {
    return readers_[static_cast<std::size_t>(id)];
  }

  // Nodes that read the value, or what those that pass it on make of it; each once.
  std::vector<NodeId> reached(NodeId id, bool (*passes)(const Node&)) const {
    std::vector<NodeId> found = readers(id);
    std::set<NodeId> known(found.begin(), found.end());
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!passes(source_.node(found[i]))) continue;
      for (const NodeId reader : readers(found[i])) {
        if (known.insert(reader).second) found.push_back(reader);
      }
    }
    return found;
  }

  // Layers reached from `id` without passing another layer, an addition or an activation.
  std::vector<NodeId> reached_layers(NodeId id) const {
    std::vector<NodeId> layers = reached(id, hands_on);
    std::erase_if(layers, [&](NodeId node) { return !is_layer(source_.node(node)); });
    return layers;
  }

  // True if such a node reads the value, or what others that hand it on make of it.
  bool is_read_by(NodeId id, bool (*is_such)(const Node&)) const {
    const auto found = reached(id, hands_on);
    return std::any_of(found.begin(), found.end(), [&](NodeId reader) {
      const Node& node = source_.node(reader);
      return !hands_on(node) && is_such(node);
    });
  }

  // True if `id` reaches something other than layers, such as the addition of a residual.
  bool joins(NodeId id) const {
    return is_read_by(id, [](const Node& node) { return !is_layer(node); });
  }

  bool is_added(NodeId id) const {
    return is_read_by(id, [](const Node& node) { return node.as<Add>() != nullptr; });
  }

  // True if a concatenation reads the value, whose parts must share one quantizer behind it.
  bool is_concatenated(NodeId id) const {
    const auto found = reached(id, keeps_levels);
    return std::any_of(found.begin(), found.end(),
                       [&](NodeId reader) { return source_.node(reader).as<Concat>() != nullptr; });
  }

  // True if no layer follows `id` on any path.
  bool makes_result(NodeId id) const {
    const auto found = reached(id, [](const Node&) { return true; });
    return std::none_of(found.begin(), found.end(),
                        [&](NodeId reader) { return is_layer(source_.node(reader)); });
  }

  Status assign_policies() {
    std::vector<bool> used(policy_.overrides.size());
    const std::vector<NodeId> first = reached_layers(0);
    for (NodeId id = 0; id < size(); ++id) {
      const Node& node = source_.node(id);
      if (is_quantized_already(node)) {
        return make_error(ErrorCode::InvalidArgument, "network '", source_.name,
                          "' is quantized already (node '", node.name, "')");
      }
      if (!is_layer(node)) continue;
      LayerPolicy chosen = policy_.inner;
      if (std::find(first.begin(), first.end(), id) != first.end()) chosen = policy_.first;
      if (makes_result(id)) chosen = policy_.last;
      for (std::size_t i = 0; i < policy_.overrides.size(); ++i) {
        if (!matches(policy_.overrides[i].pattern, node.name)) continue;
        chosen = policy_.overrides[i].policy;
        used[i] = true;
      }
      policies_[id] = chosen;
    }
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (!used[i]) {
        return make_error(ErrorCode::InvalidArgument, "layers: no layer of '", source_.name,
                          "' matches '", policy_.overrides[i].pattern, "'");
      }
    }
    return {};
  }

  bool is_quantized(NodeId layer) const {
    return policies_.at(layer).precision == LayerPolicy::Precision::Quantized;
  }

  // True if the layer reads codes, not floats.
  bool reads_codes(NodeId layer) const {
    return is_quantized(layer) && policies_.at(layer).activation_bits != kFloatBits;
  }

  Status copy(NodeId id) {
    const Node& node = source_.node(id);
    if (is_layer(node)) return copy_layer(id);
    if (is_relu(node) && !is_concatenated(id)) return copy_relu(id);
    PACT_CHECK_OK(append(id, node.operation));
    return needs_stream(id) ? add_stream(id) : Status{};
  }

  std::vector<NodeId> mapped_inputs(const Node& node) const {
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(mapped_.at(input));
    return inputs;
  }

  Status append(NodeId id, const Operation& operation) {
    const Node& node = source_.node(id);
    PACT_TRY(mapped_[id], result_.add(node.name, operation, mapped_inputs(node)));
    return {};
  }

  Status copy_relu(NodeId id) {
    const std::vector<NodeId> layers = reached_layers(id);
    int bits = 0;
    for (const NodeId layer : layers) {
      if (reads_codes(layer)) bits = std::max(bits, policies_.at(layer).activation_bits);
    }
    if (bits == 0 && !layers.empty() && !joins(id)) return append(id, source_.node(id).operation);
    if (bits == 0) bits = policy_.inner.activation_bits;
    if (bits == kFloatBits) return append(id, source_.node(id).operation);
    const bool widens = !layers.empty() && policy_.shortcut_bits > bits && is_added(id);
    if (widens) bits = policy_.shortcut_bits;
    const FakeQuantize pact{ActivationScheme::Pact, bits, policy_.alpha_granularity,
                            policy_.gradient};
    if (source_.node(id).as<Relu>() != nullptr) {
      PACT_CHECK_OK(append(id, pact));
    } else {
      PACT_CHECK_OK(append(id, source_.node(id).operation));
      PACT_TRY(mapped_[id], result_.add(source_.node(id).name + ".pact", pact, {mapped_.at(id)}));
    }
    // A bound above the clip says nothing that the clip does not.
    const auto* bounded = source_.node(id).as<Pointwise>();
    const float alpha = bounded == nullptr ? policy_.alpha : std::min(policy_.alpha, bounded->b);
    initialize(mapped_[id], alpha);
    if (widens) widened_[mapped_[id]] = alpha;
    return {};
  }

  Status copy_layer(NodeId id) {
    const Node& node = source_.node(id);
    if (!is_quantized(id)) {
      PACT_CHECK_OK(append(id, node.operation));
      return needs_stream(id) ? add_stream(id) : Status{};
    }
    NodeId input = mapped_.at(node.inputs[0]);
    if (reads_codes(id)) {
      PACT_TRY(input, quantized_input(id));
    }
    Operation operation = node.operation;
    if (auto* conv = std::get_if<Conv2d>(&operation)) conv->weights = policies_.at(id).weights;
    if (auto* linear = std::get_if<Linear>(&operation)) linear->weights = policies_.at(id).weights;
    PACT_TRY(mapped_[id], result_.add(node.name, std::move(operation), {input}));
    if (numeric::has_given_scales(policies_.at(id).weights)) initialize_scales(mapped_[id]);
    return needs_stream(id) ? add_stream(id) : Status{};
  }

  // The value that a quantized layer reads: its input if that lies on a grid, else a new quantizer.
  Result<NodeId> quantized_input(NodeId layer) {
    const NodeId input = mapped_.at(source_.node(layer).inputs[0]);
    const int bits = policies_.at(layer).activation_bits;
    const float* widened = alpha_if_widened(input);
    if (on_grid(input, widened != nullptr ? bits : numeric::kMaxCodeBits)) return input;
    const std::pair key(input, bits);
    const auto known = input_quantizers_.find(key);
    if (known != input_quantizers_.end()) return known->second;
    FakeQuantize op{.scheme = ActivationScheme::TwoSided,
                    .bits = bits,
                    .granularity = numeric::Granularity::Tensor,
                    .gradient = policy_.gradient};
    if (result_.node(input).as<Input>() != nullptr) op.scheme = ActivationScheme::Range;
    if (is_nonnegative(input)) op.scheme = ActivationScheme::Pact;
    PACT_TRY(const NodeId id, result_.add(source_.node(layer).name + ".input", op, {input}));
    initialize(id, widened != nullptr ? *widened : policy_.alpha);
    input_quantizers_[key] = id;
    return id;
  }

  // The initial clip of the value (of the result) if it has the bits of a shortcut, more than its
  // layers asked for.
  const float* alpha_if_widened(NodeId id) const {
    const auto found = widened_.find(id);
    if (found != widened_.end()) return &found->second;
    const Node& node = result_.node(id);
    return keeps_levels(node) ? alpha_if_widened(node.inputs[0]) : nullptr;
  }

  // True if the value (of the result) lies on the grid of one quantizer of at most `bits` bits.
  bool on_grid(NodeId id, int bits) const {
    const Node& node = result_.node(id);
    if (const auto* op = node.as<FakeQuantize>()) return op->bits <= bits;
    return keeps_levels(node) && on_grid(node.inputs[0], bits);
  }

  // True if nothing that the value (of the result) is made of can be negative.
  bool is_nonnegative(NodeId id) const {
    std::vector<NodeId> found{id};
    std::set<NodeId> known{id};
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Node& node = result_.node(found[i]);
      if (makes_nonnegative(node)) continue;
      const auto* op = node.as<FakeQuantize>();
      const bool is_stream = op != nullptr && op->scheme == ActivationScheme::Stream;
      if (!is_stream && !hands_on(node)) return false;
      for (const NodeId input : node.inputs) {
        if (known.insert(input).second) found.push_back(input);
      }
    }
    return true;
  }

  // True if layers alone read the value, as it is, among zeros or the largest of its pixels.
  bool feeds_layers(NodeId id) const {
    const auto passes = [](const Node& node) {
      return node.as<MaxPool>() != nullptr || node.as<Pad>() != nullptr;
    };
    const auto found = reached(id, passes);
    return std::all_of(found.begin(), found.end(), [&](NodeId reader) {
      const Node& node = source_.node(reader);
      return is_layer(node) || passes(node);
    });
  }

  // A value that several nodes read, not layers alone, and that is on no grid is a residual stream.
  bool needs_stream(NodeId id) const {
    if (source_.node(id).as<Input>() != nullptr || readers(id).size() < 2) return false;
    if (feeds_layers(id) || policy_.inner.activation_bits == kFloatBits) return false;
    return !on_grid(mapped_.at(id), numeric::kStreamBits);
  }

  Status add_stream(NodeId id) {
    const FakeQuantize op{.scheme = ActivationScheme::Stream,
                          .bits = numeric::kStreamBits,
                          .granularity = numeric::Granularity::Tensor,
                          .gradient = AlphaGradient::Pact};
    PACT_TRY(mapped_[id], result_.add(source_.node(id).name + ".stream", op, {mapped_.at(id)}));
    initialize(mapped_[id]);
    return {};
  }

  void initialize(NodeId id) { initialize(id, policy_.alpha); }
  void initialize(NodeId id, float alpha) {
    for (const ParameterSlot& slot : result_.parameter_slots(id)) {
      const auto elements = static_cast<std::size_t>(element_count(slot.shape));
      float value = alpha;
      if (slot.role == "low") value = -alpha;
      if (result_.node(id).as<FakeQuantize>()->scheme == ActivationScheme::Range) {
        value = pixel_bound(slot.role);
      }
      result_.set_parameter(id, slot.role,
                            Tensor::f32(slot.shape, std::vector<float>(elements, value)));
    }
  }

  void initialize_scales(NodeId layer) {
    const Shape shape = result_.parameter_slots(layer).back().shape;
    const auto elements = static_cast<std::size_t>(element_count(shape));
    result_.set_parameter(layer, "weight_scale",
                          Tensor::f32(shape, std::vector<float>(elements, 1.0F)));
  }

  // Lowest or highest normalised pixel over the channels.
  float pixel_bound(const std::string& role) const {
    const Preprocessing& p = source_.preprocessing;
    float bound = role == "low" ? -1.0F : 1.0F;
    for (std::size_t c = 0; c < p.mean.size(); ++c) {
      const float value = ((role == "low" ? 0.0F : 1.0F) - p.mean[c]) / p.std[c];
      if (c == 0) bound = value;
      bound = role == "low" ? std::min(bound, value) : std::max(bound, value);
    }
    return role == "low" ? std::min(bound, 0.0F) : bound;
  }

  const Network& source_;
  const QuantizePolicy& policy_;
  std::vector<std::vector<NodeId>> readers_;  // of each node of the source
  Network result_;
  std::map<NodeId, LayerPolicy> policies_;
  std::map<NodeId, NodeId> mapped_;  // node of the source -> node of the result that replaces it
  // By value, and by bits of those behind a widened one.
  std::map<std::pair<NodeId, int>, NodeId> input_quantizers_;
  std::map<NodeId, float> widened_;  // nodes of the result with the bits of a shortcut; their alpha
};

}  // namespace

LayerPolicy QuantizePolicy::eight_bits() {
  return {.precision = LayerPolicy::Precision::Quantized,
          .weights = {.scheme = numeric::WeightScheme::MinMax,
                      .bits = 8,
                      .granularity = numeric::Granularity::Channel,
                      .group_size = 0},
          .activation_bits = 8};
}

bool keeps_levels(const Node& node) {
  return resizes(node, numeric::Interpolation::Nearest) || node.as<Pad>() != nullptr ||
         node.as<MaxPool>() != nullptr || node.as<Flatten>() != nullptr ||
         node.as<Shortcut>() != nullptr || node.as<Slice>() != nullptr ||
         node.as<Rearrange>() != nullptr;
}

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  // What lies between two stars is taken where it is first found: that leaves most for the rest.
  while (true) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    if (star == std::string_view::npos) return name.ends_with(pattern);
    const std::size_t found = name.find(pattern.substr(0, star));
    if (found == std::string_view::npos) return false;
    name.remove_prefix(found + star);
  }
}

Result<Network> quantize(const Network& network, const QuantizePolicy& policy) {
  return Quantizer(network, policy).run();
}

std::map<std::string, Tensor> float_parameters(const Network& network) {
  std::map<std::string, Tensor> kept;
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    if (std::holds_alternative<FakeQuantize>(network.node(id).operation)) continue;
    for (const ParameterSlot& slot : network.parameter_slots(id)) {
      if (slot.role == "weight_scale") continue;
      kept.emplace(Network::parameter_name(network.node(id), slot.role),
                   network.parameter(id, slot.role));
    }
  }
  return kept;
}

}  // namespace pact::graph
