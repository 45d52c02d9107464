// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/activation_quantizers.h"

#include <cmath>

namespace pact::graph {

Result<std::vector<numeric::ActivationQuantizer>> activation_quantizers(const Network& network,
                                                                        NodeId id) {
  const Node& node = network.node(id);
  const auto& op = std::get<FakeQuantize>(node.operation);
  const auto clips = [&](const char* role) -> const std::vector<float>& {
    return network.parameter(id, role).floats();
  };
  std::vector<numeric::ActivationQuantizer> quantizers;
  float low = 0;
  float high = 0;
  switch (op.scheme) {
    case ActivationScheme::Pact:
      for (const float alpha : clips("alpha")) {
        quantizers.push_back(numeric::pact_quantizer(op.bits, alpha));
      }
      break;
    case ActivationScheme::Stream:
      quantizers.push_back(numeric::stream_quantizer(clips("range")[0]));
      break;
    case ActivationScheme::TwoSided:
    case ActivationScheme::Range:
      low = clips("low")[0];
      high = clips("high")[0];
      quantizers.push_back(numeric::two_sided_quantizer(op.bits, low, high));
  }
  for (const numeric::ActivationQuantizer& quantizer : quantizers) {
    if (low <= 0 && high >= 0 && quantizer.scale > 0 && std::isfinite(quantizer.scale) &&
        std::isfinite(quantizer.inverse)) {
      continue;
    }
    return make_error(ErrorCode::Unsupported, "node '", node.name,
                      "': expected clips that are finite and on their side of zero; this one has "
                      "collapsed");
  }
  return quantizers;
}

}  // namespace pact::graph
