// SPDX-License-Identifier: Apache-2.0
// What `pact eval` can measure besides packed files; a runtime-only build says that it cannot.
#pragma once

#include <string>

#include "cli/top1.h"

namespace pact::cli {

/// A float network by name with its weights, or a checkpoint (weights only).
struct FloatTarget {
  std::string network;  // or empty: the file is a checkpoint
  std::string weights;
};

Top1 evaluate_float(const FloatTarget& target, const data::DatasetInfo& info,
                    const data::Dataset& dataset, int threads);

}  // namespace pact::cli
