// SPDX-License-Identifier: Apache-2.0
// A report as one HTML page: no scripts, nothing loaded from elsewhere, well-formed as XML. Words
// from files are escaped.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/report/run.h"
#include "cli/report/statistics.h"

namespace pact::cli::report {

/// A run with what was found out about its network.
struct Section {
  Run run;
  std::vector<Layer> layers;
  std::map<graph::NodeId, Quantization> activations;  // empty: no images were looked at
  /// Fraction of codes that the integer network has otherwise; empty: not lowered, or no images.
  std::map<graph::NodeId, double> differing;
  std::int64_t images = 0;
  std::string note;  // why there are no activations; empty if there are
};

/// The page. At least one section; their colours run out after kMostRuns.
std::string page(const std::vector<Section>& sections);

inline constexpr int kMostRuns = 8;

}  // namespace pact::cli::report
