// SPDX-License-Identifier: Apache-2.0
// Clips and scales for values that have been seen: activations of a few hundred images, or weights.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "pact/base/result.h"
#include "pact/numeric/grid.h"
#include "pact/numeric/weights.h"

namespace pact::numeric {

/// Max: all values are inside. Percentile: a share of them is. LeastError: the squared difference
/// between the values and what they are rounded to is least.
enum class ClipRule { Max, Percentile, LeastError };

struct ClipRuleName {
  ClipRule rule;
  std::string_view name;
};
inline constexpr ClipRuleName kClipRuleNames[] = {
    {ClipRule::Max, "max"}, {ClipRule::Percentile, "percentile"}, {ClipRule::LeastError, "mse"}};

struct Calibration {
  ClipRule rule = ClipRule::Percentile;
  double percentile = 0.999;  // a share of the values, above 0 and at most 1
};

/// The smallest value that a share `percentile` of the values does not exceed; 0 if there are none.
float percentile_of(std::vector<float> values, double percentile);

/// The scale of `grid` that LeastError chooses, up to `widest`: the best of 32 fractions of it, and
/// of 8 between the neighbours of that. `widest` itself if there are no values.
float least_error_scale(std::span<const float> values, const Grid& grid, float widest);

/// Scales for a scheme that has given ones, weights laid out [output][inputs]. Error: groups that
/// do not fit.
Result<std::vector<float>> calibrated_scales(std::span<const float> weights, std::size_t outputs,
                                             const WeightSpec& spec,
                                             const Calibration& calibration);

}  // namespace pact::numeric
