// SPDX-License-Identifier: Apache-2.0
// Attaches quantizers to a float network: PACT takes the place of each ReLU, weights get their
// scheme, and every other value that an integer layer reads gets a quantizer of its own. What comes
// out is still a float network (it trains); lower/ makes the integer one of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"

namespace pact::graph {

/// Bits of what stays in floating point.
inline constexpr int kFloatBits = 32;

/// Weights and input activations of one layer. Weights of scheme None stay floats.
struct LayerPolicy {
  enum class Precision { Quantized, Float } precision = Precision::Quantized;
  numeric::WeightSpec weights{.scheme = numeric::WeightScheme::SawbPlus,
                              .bits = 4,
                              .granularity = numeric::Granularity::Channel,
                              .group_size = 0};
  int activation_bits = 4;  // or kFloatBits: the layer reads floats, and cannot be lowered
  bool operator==(const LayerPolicy&) const = default;
};

/// A policy for the layers that `pattern` names; '*' stands for any text.
struct LayerOverride {
  std::string pattern;
  LayerPolicy policy;
  bool operator==(const LayerOverride&) const = default;
};

struct QuantizePolicy {
  LayerPolicy inner;
  LayerPolicy first = eight_bits();      // layers that read the image, perhaps padded or pooled
  LayerPolicy last = eight_bits();       // layers that make the result
  std::vector<LayerOverride> overrides;  // the last one that matches wins over all of these
  AlphaGradient gradient = AlphaGradient::Pact;
  numeric::Granularity alpha_granularity = numeric::Granularity::Tensor;
  float alpha = 10.0F;  // initial; the paper's "larger than typical activations"
  // Of a ReLU that layers and an addition read, if more than the layers' own: those then read a
  // quantizer of their bits behind it. As the full-precision shortcuts of Choi et al. 2019 (SAWB).
  int shortcut_bits = 0;

  static LayerPolicy eight_bits();
  bool operator==(const QuantizePolicy&) const = default;
};

/// True for operations after which a level is still a level of the same grid.
bool keeps_levels(const Node& node);

/// True if `name` matches `pattern`, where '*' stands for any text.
bool matches(std::string_view pattern, std::string_view name);

/// The float network with quantizers. Parameters it has are kept; those of the quantizers start at
/// `alpha`, or at the bound of a ReLU that has a lower one; given scales of weights at 1. Error: a
/// network that is quantized already, a layer pattern that matches nothing.
Result<Network> quantize(const Network& network, const QuantizePolicy& policy);

/// The parameters of a network but for those of its quantizers: what `quantize` was given.
std::map<std::string, Tensor> float_parameters(const Network& network);

}  // namespace pact::graph
