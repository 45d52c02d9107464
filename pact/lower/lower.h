// SPDX-License-Identifier: Apache-2.0
// Lowering: from a fake-quantized network (floats on grids) to an integer network. Layers that keep
// full precision stay float operations between a Dequantize and a Quantize.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pact/base/result.h"
#include "pact/format/model.h"
#include "pact/graph/network.h"

namespace pact::lower {

/// A named rewrite of a whole network.
struct Pass {
  std::string_view name;
  Result<graph::Network> (*run)(const graph::Network&);
};

/// The passes in the order in which `lower` runs them.
const std::array<Pass, 6>& passes();

/// 1 split: batch norm, ReLU and quantizers of a concatenation move to its parts; a clip that PACT
/// repeats goes.
Result<graph::Network> split(const graph::Network& network);
/// 2 expose-levels: each fake quantizer becomes Quantize (to levels) and Dequantize (back).
Result<graph::Network> expose_levels(const graph::Network& network);
/// 3 fold: integer layers read the levels; what is affine after them moves into the Dequantize.
Result<graph::Network> fold(const graph::Network& network);
/// 4 requantize: Quantize after Dequantize becomes one fixed-point Requantize, proven not to
/// overflow.
Result<graph::Network> requantize(const graph::Network& network);
/// 5 read-pixels: normalisation and the quantization of the image become a table of 256 entries.
Result<graph::Network> read_pixels(const graph::Network& network);
/// 6 remove-unused: nodes that nothing reads go.
Result<graph::Network> remove_unused(const graph::Network& network);

/// Runs all passes and proves that no accumulator can overflow. Errors name the node.
Result<graph::Network> lower(const graph::Network& quantized);

/// "20 of 22 layers in integers": convolutions and fully connected ones of a lowered network.
std::string layers_text(const graph::Network& lowered);

/// The packed file of a lowered network, as bytes. `recipe` is the text of the training recipe, for
/// people, kept in the file.
Result<std::vector<std::byte>> pack(const graph::Network& lowered, std::string_view recipe = {});

/// The lowered network in a packed file, which format::read has checked.
Result<graph::Network> unpack(const format::Model& model);

}  // namespace pact::lower
