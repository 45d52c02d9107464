// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/weights.h"

#include <algorithm>
#include <cmath>

#include "pact/numeric/rounding.h"

namespace pact::numeric {
namespace {

// A group of zeros quantizes to anything; this keeps its scale finite.
constexpr float kTiny = 1e-8F;

// Indexed by bits. Row 1 is exact; the others are what tools/sawb_fit --header prints.
constexpr SawbCoefficients kSawb[] = {{0, 0},
                                      {0, 1},
                                      {3.114, -2.049},
                                      {7.366, -6.737},
                                      {12.097, -12.165},
                                      {17.094, -18.002},
                                      {22.278, -24.117},
                                      {27.607, -30.437},
                                      {33.051, -36.913}};

float max_abs(std::span<const float> weights) {
  float largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::abs(weight));
  return largest;
}

// Codes on the odd grid of values already divided by the clip; returns them through `codes`.
void odd_codes(std::span<const float> weights, float inverse_clip, int bits,
               std::span<std::uint8_t> codes) {
  const float n = static_cast<float>((1 << bits) - 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float unit = std::clamp(weights[i] * inverse_clip, -1.0F, 1.0F) * 0.5F + 0.5F;
    codes[i] = static_cast<std::uint8_t>(round_half_even(unit * n));
  }
}

float dorefa(std::span<const float> weights, int bits, std::span<std::uint8_t> codes) {
  std::vector<float> squashed(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) squashed[i] = std::tanh(weights[i]);
  const float largest = std::max(max_abs(squashed), kTiny);
  odd_codes(squashed, 1.0F / largest, bits, codes);
  return 1.0F / static_cast<float>((1 << bits) - 1);
}

float sawb(std::span<const float> weights, int bits, std::span<std::uint8_t> codes) {
  const float alpha = sawb_alpha(weights, bits);
  odd_codes(weights, 1.0F / alpha, bits, codes);
  return alpha / static_cast<float>((1 << bits) - 1);
}

float min_max(std::span<const float> weights, int bits, std::span<std::uint8_t> codes) {
  const Grid grid = symmetric_grid(bits);
  const float scale = std::max(max_abs(weights), kTiny) / static_cast<float>(grid.highest());
  const float inverse = 1.0F / scale;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto level = static_cast<std::int32_t>(round_half_even(weights[i] * inverse));
    codes[i] = static_cast<std::uint8_t>(grid.code(std::clamp(level, grid.lowest, grid.highest())));
  }
  return scale;
}

void scaled(std::span<const float> weights, float scale, const Grid& grid,
            std::span<std::uint8_t> codes) {
  const float inverse = 1.0F / scale;
  const auto lowest = static_cast<float>(grid.lowest);
  const auto step = static_cast<float>(grid.step);
  const auto last = static_cast<float>(grid.codes - 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float code = round_half_even((weights[i] * inverse - lowest) / step);
    codes[i] = static_cast<std::uint8_t>(std::clamp(code, 0.0F, last));
  }
}

}  // namespace

Status check(const WeightSpec& spec) {
  const int lowest = spec.scheme == WeightScheme::MinMax ? 2 : 1;
  if (spec.scheme != WeightScheme::None && (spec.bits < lowest || spec.bits > kMaxCodeBits)) {
    return make_error(ErrorCode::InvalidArgument, "weights: expected ", lowest, " to ",
                      kMaxCodeBits, " bits, found ", spec.bits);
  }
  if (spec.scheme == WeightScheme::DoReFa && spec.granularity != Granularity::Tensor) {
    return make_error(ErrorCode::InvalidArgument,
                      "weights: dorefa has one scale per tensor, expected granularity 'tensor'");
  }
  if (spec.group_size < 0 || (spec.granularity == Granularity::Group) != (spec.group_size > 0)) {
    return make_error(ErrorCode::InvalidArgument,
                      "weights: a group size goes with granularity 'group' and only with it");
  }
  return {};
}

Status check_given_scales(std::span<const float> scales) {
  for (const float scale : scales) {
    if (scale > 0 && std::isfinite(scale) && std::isfinite(1.0F / scale)) continue;
    return make_error(ErrorCode::Corrupt, "expected scales that are positive and finite, found ",
                      scale);
  }
  return {};
}

Grid weight_grid(const WeightSpec& spec) {
  if (spec.scheme == WeightScheme::MinMax) return symmetric_grid(spec.bits);
  if (spec.scheme == WeightScheme::Scaled) return affine_grid(spec.bits, 1 << (spec.bits - 1));
  return odd_grid(spec.bits);
}

Result<ScaleGroups> scale_groups(const WeightSpec& spec, std::size_t outputs, std::size_t inputs) {
  if (spec.granularity == Granularity::Tensor) return ScaleGroups{1, outputs * inputs};
  if (spec.granularity == Granularity::Channel) return ScaleGroups{outputs, inputs};
  const auto size = static_cast<std::size_t>(spec.group_size);
  if (size == 0 || inputs % size != 0) {
    return make_error(ErrorCode::InvalidArgument, "weights: expected a group size that divides ",
                      inputs, " inputs, found ", spec.group_size);
  }
  return ScaleGroups{outputs * (inputs / size), size};
}

Result<QuantizedWeights> quantize_weights(std::span<const float> weights, std::size_t outputs,
                                          const WeightSpec& spec, std::span<const float> given) {
  PACT_CHECK(spec.scheme != WeightScheme::None && outputs > 0 && weights.size() % outputs == 0);
  PACT_CHECK_OK(check(spec));
  PACT_TRY(const ScaleGroups groups, scale_groups(spec, outputs, weights.size() / outputs));
  if (has_given_scales(spec)) {
    PACT_CHECK(given.size() == groups.count);
    PACT_CHECK_OK(check_given_scales(given));
  }
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) {
    return make_error(ErrorCode::Corrupt,
                      "weights: expected finite numbers, found one that is not");
  }
  QuantizedWeights result{.grid = weight_grid(spec),
                          .codes = std::vector<std::uint8_t>(weights.size()),
                          .scales = std::vector<float>(groups.count),
                          .group_size = groups.size};
  for (std::size_t group = 0; group < groups.count; ++group) {
    const auto part = weights.subspan(group * groups.size, groups.size);
    const auto codes = std::span(result.codes).subspan(group * groups.size, groups.size);
    switch (spec.scheme) {
      case WeightScheme::DoReFa:
        result.scales[group] =
            is_squashed(spec) ? dorefa(part, spec.bits, codes) : sawb(part, spec.bits, codes);
        break;
      case WeightScheme::Sawb:
      case WeightScheme::SawbPlus:
        result.scales[group] = sawb(part, spec.bits, codes);
        break;
      case WeightScheme::MinMax:
        result.scales[group] = min_max(part, spec.bits, codes);
        break;
      case WeightScheme::Scaled:
      case WeightScheme::ScaledOdd:
        result.scales[group] = given[group];
        scaled(part, given[group], result.grid, codes);
        break;
      case WeightScheme::None:
        break;
    }
    if (!std::isfinite(result.scales[group])) {
      return make_error(ErrorCode::Corrupt, "weights: too large to have a finite scale");
    }
  }
  return result;
}

void dequantize_weights(const QuantizedWeights& quantized, std::span<float> values) {
  PACT_CHECK(values.size() == quantized.codes.size());
  const std::size_t size = quantized.group_size;
  for (std::size_t group = 0; group * size < values.size(); ++group) {
    const float scale = quantized.scales[group];
    for (std::size_t i = group * size; i < (group + 1) * size; ++i) {
      values[i] = static_cast<float>(quantized.grid.level(quantized.codes[i])) * scale;
    }
  }
}

float sawb_alpha(std::span<const float> weights, int bits) {
  double squares = 0;
  double magnitudes = 0;
  for (const float weight : weights) {
    squares += static_cast<double>(weight) * weight;
    magnitudes += std::abs(static_cast<double>(weight));
  }
  const auto count = static_cast<double>(weights.size());
  const SawbCoefficients c = sawb_coefficients(bits);
  const double alpha = c.c1 * std::sqrt(squares / count) + c.c2 * (magnitudes / count);
  if (alpha > kTiny) return static_cast<float>(alpha);
  return std::max(max_abs(weights), kTiny);
}

SawbCoefficients sawb_coefficients(int bits) {
  PACT_CHECK(bits >= 1 && bits <= kMaxCodeBits);
  return kSawb[bits];
}

}  // namespace pact::numeric
