// SPDX-License-Identifier: Apache-2.0
// Pass 2: FakeQuantize -> Quantize, Dequantize. The pair computes the same floats.
#include "pact/lower/lower.h"
#include "pact/lower/rewriter.h"
#include "pact/numeric/activations.h"

namespace pact::lower {
namespace {

using namespace graph;
using numeric::ActivationQuantizer;

// The quantizer of each channel.
Result<std::vector<ActivationQuantizer>> quantizers_of(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  const auto* op = node.as<FakeQuantize>();
  const auto channels = static_cast<std::size_t>(node.type.channels());
  const auto clip = [&](const char* role, std::size_t c) {
    const auto& values = network.parameter(id, role).floats();
    return values[values.size() == 1 ? 0 : c];
  };
  std::vector<ActivationQuantizer> result;
  for (std::size_t c = 0; c < channels; ++c) {
    switch (op->scheme) {
      case ActivationScheme::Pact:
        result.push_back(numeric::pact_quantizer(op->bits, clip("alpha", c)));
        break;
      case ActivationScheme::Stream:
        result.push_back(numeric::stream_quantizer(clip("range", c)));
        break;
      default:
        result.push_back(numeric::two_sided_quantizer(op->bits, clip("low", c), clip("high", c)));
    }
    if (!(result.back().scale > 0) || !std::isfinite(result.back().inverse)) {
      return make_error(ErrorCode::Unsupported, "node '", node.name,
                        "': expected clips that are positive and finite; this one has collapsed");
    }
  }
  return result;
}

Status expose(Rewriter& rewriter, NodeId id) {
  const Node& node = rewriter.source().node(id);
  PACT_TRY(const auto quantizers, quantizers_of(rewriter.source(), id));
  PACT_TRY(const NodeId levels,
           rewriter.add(node.name, Quantize{quantizers[0].grid, quantizers[0].scale},
                        rewriter.mapped_inputs(id)));
  PACT_TRY(const NodeId values, rewriter.add(node.name + ".value", Dequantize{}, {levels}));
  std::vector<float> inverses;
  std::vector<float> scales;
  for (const ActivationQuantizer& quantizer : quantizers) {
    inverses.push_back(quantizer.inverse);
    scales.push_back(quantizer.scale);
  }
  const auto channels = static_cast<std::int64_t>(scales.size());
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
