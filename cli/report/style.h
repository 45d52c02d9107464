// SPDX-License-Identifier: Apache-2.0
// The style sheet of a report: light and dark, from a phone to a desk.
#pragma once

#include <string>

namespace pact::cli::report {

/// CSS. --run0 .. are the colours of runs, --fill that of histograms.
std::string style_sheet();

}  // namespace pact::cli::report
