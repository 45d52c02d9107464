// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/calibrate.h"

#include <algorithm>
#include <cmath>

#include "pact/numeric/rounding.h"

namespace pact::numeric {
namespace {

constexpr int kCoarse = 32;
constexpr int kFine = 4;  // to either side of the best of those
constexpr float kFineParts = kCoarse * (kFine + 1);
// All zeros have any scale; this one is finite.
constexpr float kSmallest = 1e-8F;

double squared_error(std::span<const float> values, const Grid& grid, float scale) {
  const float inverse = 1.0F / scale;
  const auto lowest = static_cast<float>(grid.lowest);
  const auto step = static_cast<float>(grid.step);
  const auto last = static_cast<float>(grid.codes - 1);
  double total = 0;
  for (const float value : values) {
    const float code = round_half_even((value * inverse - lowest) / step);
    const float level = lowest + step * std::clamp(code, 0.0F, last);
    const float error = value - level * scale;
    total += static_cast<double>(error * error);
  }
  return total;
}

float clip_of(std::span<const float> weights, const Calibration& calibration) {
  std::vector<float> magnitudes;
  for (const float weight : weights) magnitudes.push_back(std::abs(weight));
  const double share = calibration.rule == ClipRule::Percentile ? calibration.percentile : 1;
  return percentile_of(std::move(magnitudes), share);
}

}  // namespace

float percentile_of(std::vector<float> values, double percentile) {
  if (values.empty()) return 0;
  const auto count = static_cast<double>(values.size());
  const double rank = std::clamp(std::floor(percentile * count), 1.0, count);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

float least_error_scale(std::span<const float> values, const Grid& grid, float widest) {
  float best = widest;
  double least = squared_error(values, grid, widest);
  const auto try_scale = [&](float scale) {
    const double error = squared_error(values, grid, scale);
    if (error >= least) return;
    least = error;
    best = scale;
  };
  for (int i = kCoarse - 1; i > 0; --i) try_scale(widest * static_cast<float>(i) / kCoarse);
  const float middle = best;
  for (int i = -kFine; i <= kFine; ++i) {
    const float scale = middle + widest * static_cast<float>(i) / kFineParts;
    if (scale > 0 && scale <= widest) try_scale(scale);
  }
  return best;
}

Result<std::vector<float>> calibrated_scales(std::span<const float> weights, std::size_t outputs,
                                             const WeightSpec& spec,
                                             const Calibration& calibration) {
  PACT_TRY(const ScaleGroups groups, scale_groups(spec, outputs, weights.size() / outputs));
  const Grid grid = weight_grid(spec);
  std::vector<float> scales;
  for (std::size_t group = 0; group < groups.count; ++group) {
    const auto part = weights.subspan(group * groups.size, groups.size);
    const auto highest = static_cast<float>(std::max(grid.highest(), 1));
    const float widest = std::max(clip_of(part, calibration) / highest, kSmallest);
    scales.push_back(
        calibration.rule == ClipRule::LeastError ? least_error_scale(part, grid, widest) : widest);
  }
  return scales;
}

}  // namespace pact::numeric
