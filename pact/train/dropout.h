// SPDX-License-Identifier: Apache-2.0
// Dropout (Srivastava et al. 2014) as a recipe asks for it. It belongs to training: networks do not
// hold it.
#pragma once

#include <cstdint>

#include "pact/nn/module.h"
#include "pact/train/recipe.h"

namespace pact::train {

/// Where a run is: epochs and steps completed.
struct Position {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
};

/// Drops elements of the values that `recipe` names, the same ones for the same seed and position.
/// Throws Exception if `network` has no such node.
nn::Module::Tap dropout_tap(const graph::Network& network, const Recipe& recipe, Position position);

}  // namespace pact::train
