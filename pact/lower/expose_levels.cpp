// SPDX-License-Identifier: Apache-2.0
// Pass 2: FakeQuantize -> Quantize, Dequantize. The pair computes the same floats.
#include "pact/graph/activation_quantizers.h"
#include "pact/lower/lower.h"
#include "pact/lower/rewriter.h"

namespace pact::lower {
namespace {

using namespace graph;

Status expose(Rewriter& rewriter, NodeId id) {
  const Node& node = rewriter.source().node(id);
  PACT_TRY(const auto quantizers, activation_quantizers(rewriter.source(), id));
  PACT_TRY(const NodeId levels,
           rewriter.add(node.name, Quantize{quantizers[0].grid, quantizers[0].scale},
                        rewriter.mapped_inputs(id)));
  PACT_TRY(const NodeId values, rewriter.add(node.name + ".value", Dequantize{}, {levels}));
  std::vector<float> inverses;
  std::vector<float> scales;
  const std::int64_t channels = node.type.channels();
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto& quantizer = quantizers[quantizers.size() == 1 ? 0 : static_cast<std::size_t>(c)];
    inverses.push_back(quantizer.inverse);
    scales.push_back(quantizer.scale);
  }
  rewriter.result().set_parameter(levels, "inverse", Tensor::f32({channels}, inverses));
  rewriter.result().set_parameter(values, "scale", Tensor::f32({1, channels}, scales));
  rewriter.result().set_parameter(values, "offset",
                                  Tensor::f32({channels}, std::vector<float>(scales.size(), 0.0F)));
  rewriter.map(id, values);
  return {};
}

}  // namespace

Result<Network> expose_levels(const Network& network) {
  Rewriter rewriter(network);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const bool quantizer = network.node(id).as<FakeQuantize>() != nullptr;
    PACT_CHECK_OK(quantizer ? expose(rewriter, id) : rewriter.copy(id));
  }
  return rewriter.finish();
}

}  // namespace pact::lower
