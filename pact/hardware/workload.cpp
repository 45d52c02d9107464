// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/workload.h"

#include <algorithm>
#include <optional>

#include "pact/graph/quantize.h"

namespace pact::hardware {
namespace {

using namespace graph;

bool is_layer(const Node& node) {
  return node.as<Conv2d>() != nullptr || node.as<IntConv2d>() != nullptr ||
         node.as<Linear>() != nullptr || node.as<IntLinear>() != nullptr;
}

// Arithmetic beyond an addition, a comparison, or a scale and an offset of each value.
bool is_uncosted(const Node& node) {
  return node.as<Resize>() != nullptr || node.as<Pointwise>() != nullptr ||
         node.as<Multiply>() != nullptr || node.as<Softmax>() != nullptr;
}

class Builder {
 public:
  explicit Builder(const Network& network) : network_(network) {}

  Result<Workload> run() {
    result_.name = network_.name;
    for (NodeId id = 0; id < size(); ++id) add(id);
    if (layers_.empty()) {
      return make_error(ErrorCode::InvalidArgument, "network '", network_.name,
                        "': expected convolutions or fully connected layers, found none");
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) set_reader(i);
    return std::move(result_);
  }

 private:
  NodeId size() const { return static_cast<NodeId>(network_.nodes().size()); }
  const Node& node(NodeId id) const { return network_.node(id); }
  static std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

  void add(NodeId id) {
    const Node& n = node(id);
    activation_bits_.push_back(activation_bits(id));
    from_image_.push_back(is_from_image(id));
    if (const auto* input = n.as<Input>()) {
      result_.image_elements += input->channels * input->height * input->width;
    } else if (is_layer(n)) {
      layers_.push_back(id);
      result_.layers.push_back(layer(id));
    } else if (is_uncosted(n)) {
      result_.uncosted.push_back(
          {n.name, std::string(graph::name(n.operation)), element_count(n.type.shape)});
    } else {
      ++result_.free_operations[std::string(graph::name(n.operation))];
    }
  }

  Layer layer(NodeId id) const {
    const Node& n = node(id);
    const ValueType& input = node(n.inputs[0]).type;
    Layer result;
    result.name = n.name;
    result.result = requantization_of(id);
    result.input_channels = input.channels();
    result.output_channels = n.type.channels();
    result.pixels = n.type.channel_size();
    result.input_elements = element_count(input.shape);
    result.bits.activations = activation_bits_[index(n.inputs[0])];
    result.bits.weights = weight_bits(n);
    result.position = from_image_[index(n.inputs[0])] ? Position::First
                      : makes_result(id)              ? Position::Last
                                                      : Position::Inner;
    if (const auto* conv = n.as<Conv2d>()) set_shape(*conv, result);
    if (const auto* conv = n.as<IntConv2d>()) set_shape(*conv, result);
    if (n.as<Linear>() != nullptr || n.as<IntLinear>() != nullptr) result.kind = LayerKind::Linear;
    return result;
  }

  template <typename Conv>
  static void set_shape(const Conv& conv, Layer& layer) {
    layer.kernel = conv.kernel;
    layer.stride = conv.stride;
    layer.groups = conv.groups;
  }

  static int weight_bits(const Node& n) {
    const auto spec_bits = [](const numeric::WeightSpec& spec) {
      return spec.scheme == numeric::WeightScheme::None ? kFloatBits : spec.bits;
    };
    if (const auto* op = n.as<Conv2d>()) return spec_bits(op->weights);
    if (const auto* op = n.as<Linear>()) return spec_bits(op->weights);
    if (const auto* op = n.as<IntConv2d>()) return op->weights.bits;
    return n.as<IntLinear>()->weights.bits;
  }

  // Of what a layer reads there. Inputs of `id` have theirs already.
  int activation_bits(NodeId id) const {
    const Node& n = node(id);
    if (n.type.element == Element::Level) return n.type.grid.bits;
    if (n.type.element == Element::Pixel) return numeric::kMaxCodeBits;
    if (const auto* op = n.as<FakeQuantize>()) {
      return op->scheme == ActivationScheme::Stream ? numeric::kStreamBits : op->bits;
    }
    if (!keeps_levels(n) && n.as<Concat>() == nullptr) return kFloatBits;
    int bits = 0;
    for (const NodeId input : n.inputs) bits = std::max(bits, activation_bits_[index(input)]);
    return bits;
  }

  bool is_from_image(NodeId id) const {
    const Node& n = node(id);
    if (n.as<Input>() != nullptr) return true;
    return !is_layer(n) && std::any_of(n.inputs.begin(), n.inputs.end(),
                                       [&](NodeId input) { return from_image_[index(input)]; });
  }

  // True if no layer follows `id` on any path.
  bool makes_result(NodeId id) const { return !next_layer(id); }

  std::string requantization_of(NodeId id) const {
    for (const NodeId consumer : network_.consumers(id)) {
      if (node(consumer).as<Requantize>() != nullptr) return node(consumer).name;
    }
    return {};
  }

  // The first layer that reads the value of `id`, at once or through other operations.
  std::optional<NodeId> next_layer(NodeId id) const {
    std::vector<bool> reached(network_.nodes().size());
    reached[index(id)] = true;
    for (NodeId next = id + 1; next < size(); ++next) {
      const Node& n = node(next);
      if (std::none_of(n.inputs.begin(), n.inputs.end(),
                       [&](NodeId input) { return reached[index(input)]; })) {
        continue;
      }
      if (is_layer(n)) return next;
      reached[index(next)] = true;
    }
    return std::nullopt;
  }

  void set_reader(std::size_t layer) {
    const NodeId next = next_layer(layers_[layer]).value_or(layers_[layer]);
    const auto found = std::find(layers_.begin(), layers_.end(), next);
    result_.layers[layer].reader = static_cast<std::size_t>(found - layers_.begin());
  }

  const Network& network_;
  Workload result_;
  std::vector<NodeId> layers_;        // in the order of result_.layers
  std::vector<int> activation_bits_;  // by node
  std::vector<bool> from_image_;      // by node: no layer in between
};

}  // namespace

std::int64_t Workload::macs() const {
  std::int64_t sum = 0;
  for (const Layer& layer : layers) sum += layer.macs();
  return sum;
}

std::int64_t Workload::weights() const {
  std::int64_t sum = 0;
  for (const Layer& layer : layers) sum += layer.weights();
  return sum;
}

Result<Workload> workload(const Network& network) { return Builder(network).run(); }

std::vector<Bits> own_bits(const Workload& workload) {
  std::vector<Bits> bits;
  for (const Layer& layer : workload.layers) bits.push_back(layer.bits);
  return bits;
}

std::vector<Bits> uniform_bits(const Workload& workload, Bits inner, int outer) {
  std::vector<Bits> bits;
  for (const Layer& layer : workload.layers) {
    const bool is_inner = layer.position == Position::Inner;
    bits.push_back(is_inner
                       ? inner
                       : Bits{std::max(inner.weights, outer), std::max(inner.activations, outer)});
  }
  return bits;
}

}  // namespace pact::hardware
