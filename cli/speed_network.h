// SPDX-License-Identifier: Apache-2.0
// Networks for measuring speed: the structure is the real one, the weights are random.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "pact/graph/network.h"
#include "pact/hardware/machine.h"

namespace pact::cli {

struct SpeedNetwork {
  std::string name;
  std::string bits = "4/4";  // weights/activations of the inner layers
  int first_last = 8;        // bits that the first and the last layer have at least
};

/// "4/8": bits of weights, of activations; "4": of both. Throws Exception unless 1 to `widest`.
hardware::Bits parse_bits(const std::string& text, int widest);

/// --first-last, of 1 to `widest` bits.
CLI::Option* add_first_last_option(CLI::App& command, int& bits, int widest);

void add_speed_options(CLI::App& command, SpeedNetwork& network);

/// The network by that name as it was designed, without weights. Throws Exception for an unknown
/// name.
graph::Network network_by_name(const std::string& name);

/// The network by that name with random weights. Throws Exception for an unknown name.
graph::Network float_network(const std::string& name);

/// Quantized and lowered. Throws Exception for an unknown name or impossible bits.
graph::Network lowered_speed_network(const SpeedNetwork& network);

/// The packed file of that. Throws Exception for an unknown name or impossible bits.
std::vector<std::byte> speed_network(const SpeedNetwork& network);

}  // namespace pact::cli
