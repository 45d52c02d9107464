// SPDX-License-Identifier: Apache-2.0
// The layers of a run in a report: a table, and below it a histogram of each one's weights and of
// the activations that it reads.
#pragma once

#include <string>

#include "cli/report/page.h"

namespace pact::cli::report {

/// A row for each layer with weights, and their sums.
std::string layers_table(const Section& section);

/// Pictures of weights and activations, layer by layer.
std::string histograms(const Section& section);

}  // namespace pact::cli::report
