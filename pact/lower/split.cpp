// SPDX-License-Identifier: Apache-2.0
// Pass 1. A concatenation of values on one grid is a concatenation of integers, so what happens to
// each channel alone happens before it, and before what moves pixels:
//
//   f(concat(x, y)) = concat(f(x), f(y))      f: batch norm, ReLU, clip, quantizer
//   f(rearrange(x)) = rearrange(f(x))         where f is the same for all channels
//   f(resize(x)) = resize(f(x))               of nearest pixels
//   f(pad(x)) = pad(f(x))                     f: ReLU, quantizer, which leave zero as it is
//   f(max_pool(concat(x, y))) = max_pool(f(concat(x, y)))      where f does not fall
//   quantizer(clip(x)) = quantizer(x)         where the clip keeps all that the quantizer does
#include <algorithm>
#include <optional>

#include "pact/lower/lower.h"
#include "pact/lower/rewriter.h"

namespace pact::lower {
namespace {

using namespace graph;

bool acts_on_channels(const Node& node) {
  return node.as<BatchNorm>() != nullptr || node.as<Relu>() != nullptr ||
         node.as<Pointwise>() != nullptr || node.as<FakeQuantize>() != nullptr ||
         node.as<Quantize>() != nullptr;
}

bool is_monotone(const Node& node) {
  const auto* op = node.as<Pointwise>();
  return node.as<Relu>() != nullptr || node.as<FakeQuantize>() != nullptr ||
         node.as<Quantize>() != nullptr ||
         (op != nullptr && op->function == numeric::Function::Clip);
}

bool keeps_zero(const Node& node) {
  return node.as<Relu>() != nullptr || node.as<FakeQuantize>() != nullptr ||
         node.as<Quantize>() != nullptr;
}

// True if what `node` does to each element may be done before `reads` moves them.
bool goes_before(const Node& node, const Node& reads) {
  const auto* resize = reads.as<Resize>();
  return (resize != nullptr && resize->rule.interpolation == numeric::Interpolation::Nearest) ||
         (reads.as<Pad>() != nullptr && keeps_zero(node));
}

// A bound above which a quantizer of values from 0 up makes its highest level of everything, a
// quarter of a level away from where that ends; nothing for other nodes.
std::optional<float> clip_of(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  const auto* fake = node.as<FakeQuantize>();
  if (fake != nullptr && fake->scheme == ActivationScheme::Pact) {
    const auto& alpha = network.parameter(id, "alpha").floats();
    const auto highest = static_cast<float>(numeric::unsigned_grid(fake->bits).highest());
    return *std::max_element(alpha.begin(), alpha.end()) * (highest - 0.25F) / highest;
  }
  const auto* quantize = node.as<Quantize>();
  if (quantize == nullptr || quantize->grid.lowest != 0) return std::nullopt;
  const auto& inverse = network.parameter(id, "inverse").floats();
  const float least = *std::min_element(inverse.begin(), inverse.end());
  return (static_cast<float>(quantize->grid.highest()) - 0.25F) / least;
}

// The value that a quantizer may read instead of `input`, a node of the result.
NodeId before_clip(const Network& source, NodeId id, const Network& result, NodeId input) {
  const std::optional<float> clip = clip_of(source, id);
  if (!clip) return input;
  const Node& node = result.node(input);
  if (node.as<Relu>() != nullptr) return node.inputs[0];
  const auto* op = node.as<Pointwise>();
  if (op == nullptr || op->function != numeric::Function::Clip) return input;
  return op->a <= 0 && *clip <= op->b ? node.inputs[0] : input;
}

// The part of a parameter that belongs to the channels from `first` on; one for all is repeated.
Tensor channels_of(const Tensor& parameter, std::int64_t first, const Shape& shape) {
  if (parameter.shape == shape) return parameter;
  const auto count = static_cast<std::size_t>(shape[0]);
  if (element_count(parameter.shape) == 1) {
    return Tensor::f32(shape, std::vector<float>(count, parameter.floats()[0]));
  }
  const auto begin = parameter.floats().begin() + first;
  return Tensor::f32(shape, {begin, begin + shape[0]});
}

bool is_same_for_all_channels(const Network& network, NodeId id) {
  const auto slots = network.parameter_slots(id);
  return std::all_of(slots.begin(), slots.end(),
                     [](const ParameterSlot& slot) { return slot.shape == Shape{1}; });
}

// Places node `id` of the source for the channels from `first` on, reading `input`.
class Placer {
 public:
  Placer(Rewriter& rewriter, NodeId id) : rewriter_(rewriter), id_(id) {}

  Result<NodeId> place(const std::string& name, NodeId input, std::int64_t first) {
    const Node reads = rewriter_.result().node(input);
    if (reads.as<Concat>() != nullptr) return place_on_parts(name, reads, first);
    if (reads.as<MaxPool>() != nullptr && is_monotone(source().node(id_)) &&
        rewriter_.result().node(reads.inputs[0]).as<Concat>() != nullptr) {
      PACT_TRY(const NodeId made, place(name + ".pooled", reads.inputs[0], first));
      return rewriter_.add(name, reads.operation, {made});
    }
    if (reads.as<Rearrange>() != nullptr && is_same_for_all_channels(source(), id_)) {
      PACT_TRY(const NodeId made, place(name + ".part", reads.inputs[0], 0));
      return rewriter_.add(name, reads.operation, {made});
    }
    if (goes_before(source().node(id_), reads)) {
      PACT_TRY(const NodeId made, place(name + ".moved", reads.inputs[0], first));
      return rewriter_.add(name, reads.operation, {made});
    }
    return copy(name, input, first);
  }

 private:
  const Network& source() const { return rewriter_.source(); }

  Result<NodeId> place_on_parts(const std::string& name, const Node& concat, std::int64_t first) {
    std::vector<NodeId> made;
    for (const NodeId part : concat.inputs) {
      PACT_TRY(const NodeId placed, place(text(name, ".part", made.size()), part, first));
      first += rewriter_.result().node(part).type.channels();
      made.push_back(placed);
    }
    return rewriter_.add(name, Concat{}, std::move(made));
  }

  Result<NodeId> copy(const std::string& name, NodeId input, std::int64_t first) {
    const Node& node = source().node(id_);
    const NodeId reads = before_clip(source(), id_, rewriter_.result(), input);
    PACT_TRY(const NodeId made, rewriter_.add(name, node.operation, {reads}));
    for (const ParameterSlot& slot : rewriter_.result().parameter_slots(made)) {
      const Tensor& parameter = source().parameter(id_, slot.role);
      rewriter_.result().set_parameter(made, slot.role, channels_of(parameter, first, slot.shape));
    }
    return made;
  }

  Rewriter& rewriter_;
  NodeId id_;
};

}  // namespace

Result<Network> split(const Network& network) {
  Rewriter rewriter(network);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& node = network.node(id);
    if (!acts_on_channels(node)) {
      PACT_CHECK_OK(rewriter.copy(id));
      continue;
    }
    const NodeId input = rewriter.mapped(node.inputs[0]);
    PACT_TRY(const NodeId placed, Placer(rewriter, id).place(node.name, input, 0));
    rewriter.map(id, placed);
  }
  return rewriter.finish();
}

}  // namespace pact::lower
