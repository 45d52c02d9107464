// SPDX-License-Identifier: Apache-2.0
// What fuzzers do with a network that was read: it evaluates, and is lowered or refused, if what
// it asks for is small.
#pragma once

#include "pact/graph/network.h"

namespace pact::fuzz {

/// Aborts if the network was accepted and does not evaluate.
void run_network(graph::Network network);

}  // namespace pact::fuzz
