// SPDX-License-Identifier: Apache-2.0
// Pass 4: Quantize(Dequantize(v..)) -> Requantize(v..), in fixed point.
#include "pact/numeric/requantize.h"

#include "pact/lower/bounds.h"
#include "pact/lower/lower.h"
#include "pact/lower/rewriter.h"

namespace pact::lower {
namespace {

using namespace graph;

// level = (sum_t v_t scale[t][c] + offset[c]) * inverse[c]
numeric::RealAffine real_affine(const Network& network, NodeId quantize, NodeId form) {
  const auto& inverse = network.parameter(quantize, "inverse").floats();
  const auto& scale = network.parameter(form, "scale").floats();
  const auto& offset = network.parameter(form, "offset").floats();
  numeric::RealAffine real;
  const std::size_t channels = offset.size();
  for (std::size_t t = 0; t * channels < scale.size(); ++t) {
    std::vector<double> multipliers;
    for (std::size_t c = 0; c < channels; ++c) {
      multipliers.push_back(static_cast<double>(scale[t * channels + c]) * inverse[c]);
    }
    real.multipliers.push_back(std::move(multipliers));
  }
  for (std::size_t c = 0; c < channels; ++c) {
    real.offsets.push_back(static_cast<double>(offset[c]) * inverse[c]);
  }
  return real;
}

Status replace(Rewriter& rewriter, NodeId id, NodeId form, const Bounds& known) {
  const Network& source = rewriter.source();
  const Node& node = source.node(id);
  std::vector<std::vector<std::int64_t>> term_bounds;
  std::vector<NodeId> inputs;
  for (const NodeId value : source.node(form).inputs) {
    term_bounds.push_back(known[static_cast<std::size_t>(value)]);
    inputs.push_back(rewriter.mapped(value));
  }
  auto derived = numeric::derive(real_affine(source, id, form), term_bounds);
  if (!derived) {
    return make_error(derived.error().code, "node '", node.name, "': ", derived.error().message);
  }
  const auto terms = static_cast<std::int64_t>(inputs.size());
  PACT_TRY(const NodeId made, rewriter.add(node.name,
                                           Requantize{derived->shift, node.as<Quantize>()->grid,
                                                      node.as<Quantize>()->scale},
                                           std::move(inputs)));
  const std::int64_t channels = node.type.channels();
  rewriter.result().set_parameter(made, "multiplier",
                                  Tensor::i32({terms, channels}, std::move(derived->multipliers)));
  rewriter.result().set_parameter(made, "offset",
                                  Tensor::i64({channels}, std::move(derived->offsets)));
  rewriter.map(id, made);
  return {};
}

}  // namespace

Result<Network> requantize(const Network& network) {
  PACT_TRY(const Bounds known, bounds(network));
  Rewriter rewriter(network);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& node = network.node(id);
    const bool after_form =
        node.as<Quantize>() != nullptr && network.node(node.inputs[0]).as<Dequantize>() != nullptr;
    PACT_CHECK_OK(after_form ? replace(rewriter, id, node.inputs[0], known) : rewriter.copy(id));
  }
  return rewriter.finish();
}

}  // namespace pact::lower
