// SPDX-License-Identifier: Apache-2.0
// How well predictions agree with measurements of the same things.
#pragma once

#include <span>

namespace pact::hardware {

struct Agreement {
  double rank_correlation = 0;  // Spearman's, -1 to 1; equal values share their mean rank
  double mean_error = 0;        // of |predicted / measured - 1|
  double total_ratio = 0;       // sum of the predictions over that of the measurements
};

/// Both of one length, 2 or more; measurements are positive. The rank correlation of values that
/// are all equal is 0.
Agreement agreement(std::span<const double> predicted, std::span<const double> measured);

}  // namespace pact::hardware
