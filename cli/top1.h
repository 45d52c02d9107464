// SPDX-License-Identifier: Apache-2.0
// Accuracy of a packed network.
#pragma once

#include "pact/data/dataset.h"
#include "pact/runtime/model.h"

namespace pact::cli {

struct Top1 {
  double top1 = 0;  // fraction
  std::int64_t images = 0;
  double seconds = 0;
};

/// Index of the largest output; the first of equals.
std::size_t best(std::span<const float> outputs);

/// Runs `model` over `dataset` on `threads` threads. Throws Exception if they do not fit.
Top1 evaluate_packed(const Model& model, const data::Dataset& dataset, int threads);

/// `threads` if positive, else the number of cores.
int thread_count(int threads);

}  // namespace pact::cli
