// SPDX-License-Identifier: Apache-2.0
// Weight quantizers: a float tensor -> codes and scales. Trainer and lowering both call this, so
// the codes that were trained are the codes that ship.
//
//   DoReFa (Zhou et al. 2016; PACT section 5.2), n = 2^k - 1, over the whole tensor:
//     q = round((tanh(w) / (2 max|tanh(w)|) + 1/2) * n);  value = (2q - n) / n
//     of 1 bit: the sign of w times E|w|, which is what SAWB gives
//   SAWB (Choi et al. 2019): alpha = c1 sqrt(E[w^2]) + c2 E|w|, or max|w| if that is not positive
//     q = round((clip(w / alpha, -1, 1) / 2 + 1/2) * n);  value = (2q - n) * alpha / n
//   Symmetric min-max, m = 2^(k-1) - 1:  level = round(w * m / max|w|);  value = level * max|w| / m
//   Scaled, by scales s that are given (calibrated, or read from a file):
//     level = clamp(round(w / s), -2^(k-1), 2^(k-1) - 1);  value = level * s
//     odd:  q = clamp(round((w / s + n) / 2), 0, n);  value = (2q - n) * s
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pact/base/result.h"
#include "pact/numeric/grid.h"

namespace pact::numeric {

/// `SawbPlus` has the codes of `Sawb`; they differ in the gradient beyond the clip (quantizers/).
enum class WeightScheme { None, DoReFa, Sawb, SawbPlus, MinMax, Scaled, ScaledOdd };

struct WeightSchemeName {
  WeightScheme scheme;
  std::string_view name;
};
inline constexpr WeightSchemeName kWeightSchemeNames[] = {
    {WeightScheme::None, "none"},           {WeightScheme::DoReFa, "dorefa"},
    {WeightScheme::Sawb, "sawb"},           {WeightScheme::SawbPlus, "sawb+"},
    {WeightScheme::MinMax, "min-max"},      {WeightScheme::Scaled, "scaled"},
    {WeightScheme::ScaledOdd, "scaled-odd"}};

/// Which weights share a scale. `Group`: `group_size` neighbouring inputs of one output channel.
enum class Granularity { Tensor, Channel, Group };

struct GranularityName {
  Granularity granularity;
  std::string_view name;
};
inline constexpr GranularityName kGranularityNames[] = {{Granularity::Tensor, "tensor"},
                                                        {Granularity::Channel, "channel"},
                                                        {Granularity::Group, "group"}};

/// How the weights of one layer are quantized. `bits` 1 to 8 (2 to 8 for MinMax).
struct WeightSpec {
  WeightScheme scheme = WeightScheme::None;
  int bits = 8;
  Granularity granularity = Granularity::Tensor;
  std::int64_t group_size = 0;  // for Group: divides the inputs of a channel
  bool operator==(const WeightSpec&) const = default;
};

/// Ok if the fields of `spec` go together; DoReFa is per tensor by definition.
Status check(const WeightSpec& spec);

/// True if the scales are not computed from the weights but given beside them.
inline bool has_given_scales(const WeightSpec& spec) {
  return spec.scheme == WeightScheme::Scaled || spec.scheme == WeightScheme::ScaledOdd;
}

/// Ok if all are positive and they and their inverses are finite.
Status check_given_scales(std::span<const float> scales);

/// True if weights go through tanh before they are rounded.
inline bool is_squashed(const WeightSpec& spec) {
  return spec.scheme == WeightScheme::DoReFa && spec.bits > 1;
}

/// The grid that a scheme's codes lie on.
Grid weight_grid(const WeightSpec& spec);

/// How a tensor of `outputs` x `inputs` weights splits into runs that share a scale.
struct ScaleGroups {
  std::size_t count;  // number of scales
  std::size_t size;   // consecutive weights that share one
};
Result<ScaleGroups> scale_groups(const WeightSpec& spec, std::size_t outputs, std::size_t inputs);

/// Codes of every weight, scales of every group: value[i] = grid.level(codes[i]) * scales[i /
/// size].
struct QuantizedWeights {
  Grid grid;
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
  std::size_t group_size = 1;  // consecutive weights that share a scale
};

/// Quantizes weights laid out [output][inputs]. `given` are the scales of the groups for schemes
/// that have given ones. Weights that are not finite and scales that are not positive are errors.
Result<QuantizedWeights> quantize_weights(std::span<const float> weights, std::size_t outputs,
                                          const WeightSpec& spec,
                                          std::span<const float> given = {});

/// The values that the codes stand for.
void dequantize_weights(const QuantizedWeights& quantized, std::span<float> values);

/// SAWB's clip for one group of weights on a k-bit odd grid; max|w| where the formula is not
/// positive; a tiny positive number if all weights are zero.
float sawb_alpha(std::span<const float> weights, int bits);

/// Coefficients alpha = c1 sqrt(E[w^2]) + c2 E|w| of SAWB for 2^bits levels, bits 2 to 8. Fitted by
/// tools/sawb_fit.cpp: six densities, regression of the best alpha. For 1 bit (0, 1) is exact.
struct SawbCoefficients {
  double c1;
  double c2;
};
SawbCoefficients sawb_coefficients(int bits);

}  // namespace pact::numeric
