// SPDX-License-Identifier: Apache-2.0
#include "cli/speed_network.h"

#include <algorithm>
#include <charconv>

#include "pact/graph/quantize.h"
#include "pact/lower/lower.h"
#include "pact/models/models.h"

namespace pact::cli {
hardware::Bits parse_bits(const std::string& text, int widest) {
  hardware::Bits bits{};
  const char* end = text.data() + text.size();
  const auto in_range = [&](int value) { return value >= 1 && value <= widest; };
  const auto first = std::from_chars(text.data(), end, bits.weights);
  bits.activations = bits.weights;
  const char* rest = first.ptr;
  bool good = first.ec == std::errc{};
  if (good && rest != end && *rest == '/') {
    const auto second = std::from_chars(rest + 1, end, bits.activations);
    good = second.ec == std::errc{};
    rest = second.ptr;
  }
  if (good && rest == end && in_range(bits.weights) && in_range(bits.activations)) return bits;
  throw_error(ErrorCode::InvalidArgument, "--bits: expected 1 to ", widest,
              " bits, or weights/activations as 4/8, found '", text, "'");
}

CLI::Option* add_first_last_option(CLI::App& command, int& bits, int widest) {
  return command
      .add_option("--first-last", bits, "Bits that the first and the last layer have at least")
      ->check(CLI::Range(1, widest))
      ->capture_default_str();
}

void add_speed_options(CLI::App& command, SpeedNetwork& network) {
  CLI::Option* name =
      command.add_option("--network", network.name, "Network by name, with random weights");
  command.add_option("--bits", network.bits, "Bits of weights/activations of --network")
      ->needs(name)
      ->capture_default_str();
  add_first_last_option(command, network.first_last, numeric::kMaxCodeBits)->needs(name);
}

graph::Network network_by_name(const std::string& name) {
  for (const models::ModelInfo& info : models::models()) {
    if (info.name == name) return value_or_throw(models::build(name, info.task));
  }
  return value_or_throw(models::build(name, {}));  // says which names there are
}

graph::Network float_network(const std::string& name) {
  graph::Network network = network_by_name(name);
  models::initialize(network, 1);
  const auto channels = static_cast<std::size_t>(network.node(0).type.channels());
  network.preprocessing = {std::vector<float>(channels, 0.5F), std::vector<float>(channels, 0.25F)};
  return network;
}

graph::Network lowered_speed_network(const SpeedNetwork& network) {
  const hardware::Bits bits = parse_bits(network.bits, numeric::kMaxCodeBits);
  graph::QuantizePolicy policy;
  // Eight bits as others have them, with a zero level.
  if (bits.weights == numeric::kMaxCodeBits) policy.inner.weights = policy.first.weights;
  policy.inner.weights.bits = bits.weights;
  policy.inner.activation_bits = bits.activations;
  for (graph::LayerPolicy* ends : {&policy.first, &policy.last}) {
    if (network.first_last < numeric::kMaxCodeBits) ends->weights = policy.inner.weights;
    ends->weights.bits = std::max(bits.weights, network.first_last);
    ends->activation_bits = std::max(bits.activations, network.first_last);
  }
  const graph::Network quantized =
      value_or_throw(graph::quantize(float_network(network.name), policy));
  return value_or_throw(lower::lower(quantized));
}

std::vector<std::byte> speed_network(const SpeedNetwork& network) {
  return value_or_throw(lower::pack(lowered_speed_network(network)));
}

}  // namespace pact::cli
