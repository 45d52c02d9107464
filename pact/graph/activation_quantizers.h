// SPDX-License-Identifier: Apache-2.0
// What a FakeQuantize node does to one element, from its kind and its trained clips.
#pragma once

#include <vector>

#include "pact/graph/network.h"
#include "pact/numeric/activations.h"

namespace pact::graph {

/// The quantizers of the FakeQuantize node `id`: one, or one for each channel. Error: clips that
/// are not finite, not on their side of zero, or so near to each other that no step is left.
Result<std::vector<numeric::ActivationQuantizer>> activation_quantizers(const Network& network,
                                                                        NodeId id);

}  // namespace pact::graph
