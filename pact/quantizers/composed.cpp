// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/composed.h"

#include "pact/base/result.h"
#include "pact/numeric/activations.h"

namespace pact::quantizers::composed {
namespace {

using numeric::WeightScheme;
using torch::Tensor;

// As numeric::quantize_weights has it: a group of zeros keeps a finite scale.
constexpr double kTiny = 1e-8;

Tensor only_where(const Tensor& mask, const Tensor& x) {
  return torch::where(mask, x, torch::zeros({}, x.options()));
}

// `values`, with the gradient of `surrogate`.
Tensor with_gradient_of(const Tensor& values, const Tensor& surrogate) {
  return values.detach() + (surrogate - surrogate.detach());
}

int last_code(int bits) { return (1 << bits) - 1; }

// Rounded once. By a number, CUDA multiplies with the reciprocal; by a tensor, it divides.
Tensor quotient(const Tensor& x, int n) { return x / torch::full_like(x, n); }
Tensor quotient(int n, const Tensor& x) { return torch::full_like(x, n) / x; }

// What an activation is quantized by; all tensors of the device.
struct Steps {
  Tensor scale;
  Tensor inverse;
  Tensor lowest;  // level
  Tensor highest;
};

Tensor fake_quantize(const Tensor& x, const Steps& steps) {
  const Tensor scaled = x.detach() * steps.inverse;
  const Tensor level = torch::minimum(torch::maximum(scaled, steps.lowest), steps.highest);
  return torch::round(level) * steps.scale;
}

// (round(z) - z) / n, which PACT+ adds inside the clip.
Tensor residual(const Tensor& x, const Tensor& inverse, const Tensor& inside, int n) {
  const Tensor z = x.detach() * inverse;
  return only_where(inside, quotient(torch::round(z) - z, n));
}

// One clip a channel goes along the second dimension.
Tensor along_channels(const Tensor& clip, const Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = clip.numel();
  return clip.view(shape);
}

Tensor odd_codes(const Tensor& clipped, int n) {
  return torch::round((torch::clamp(clipped, -1, 1) * 0.5 + 0.5) * n);
}

// Largest magnitude of each group.
Tensor largest(const Tensor& groups) { return groups.abs().amax(1, true).clamp_min(kTiny); }

Tensor dorefa(const Tensor& groups, int bits) {
  const int n = last_code(bits);
  const Tensor squashed = torch::tanh(groups);
  const Tensor highest = largest(squashed);
  const Tensor codes = odd_codes(squashed.detach() * (1 / highest.detach()), n);
  return with_gradient_of((2 * codes - n) * (1.0F / static_cast<float>(n)), squashed / highest);
}

Tensor sawb(const Tensor& groups, const numeric::WeightSpec& spec) {
  const int n = last_code(spec.bits);
  const numeric::SawbCoefficients c = numeric::sawb_coefficients(spec.bits);
  const Tensor weights = groups.detach();
  const Tensor wide = weights.to(torch::kDouble);
  const Tensor fitted =
      (c.c1 * wide.square().mean(1, true).sqrt() + c.c2 * wide.abs().mean(1, true));
  const Tensor alpha = torch::where(fitted > kTiny, fitted.to(torch::kFloat), largest(weights));
  const Tensor values = (2 * odd_codes(weights * (1 / alpha), n) - n) * quotient(alpha, n);
  const bool clips = spec.scheme == WeightScheme::Sawb;
  return with_gradient_of(values, clips ? only_where(weights.abs() <= alpha, groups) : groups);
}

Tensor min_max(const Tensor& groups, int bits) {
  const int highest = numeric::symmetric_grid(bits).highest();
  const Tensor weights = groups.detach();
  const Tensor scale = quotient(largest(weights), highest);
  const Tensor levels = torch::round(weights * (1 / scale)).clamp(-highest, highest);
  return with_gradient_of(levels * scale, groups);
}

Tensor by_given_scales(const Tensor& groups, const numeric::WeightSpec& spec, const Tensor& given) {
  const numeric::Grid grid = numeric::weight_grid(spec);
  const Tensor weights = groups.detach();
  const Tensor scale = given.view({-1, 1});
  const Tensor codes = torch::round((weights * (1 / scale) - grid.lowest) / grid.step);
  const Tensor values = (codes.clamp(0, grid.codes - 1) * grid.step + grid.lowest) * scale;
  return with_gradient_of(values, only_where(weights.abs() <= scale * grid.magnitude(), groups));
}

}  // namespace

Tensor pact(const Tensor& input, const Tensor& clip, int bits, Gradient gradient) {
  const Tensor x = input.to(torch::kFloat);
  const Tensor alpha = along_channels(clip, x);
  const int n = last_code(bits);
  const bool plus = gradient == Gradient::PactPlus;
  const Tensor fixed = alpha.detach();
  const Tensor zero = torch::zeros_like(fixed);
  const Steps steps{quotient(fixed, n), quotient(n, fixed), zero, zero + n};
  const Tensor above = x >= fixed;
  const Tensor inside = torch::logical_not(torch::logical_or(above, plus ? x <= 0 : x < 0));
  Tensor surrogate = only_where(inside, x) + only_where(above, alpha);
  if (plus) surrogate = surrogate + alpha * residual(x, steps.inverse, inside, n);
  return with_gradient_of(fake_quantize(x, steps), surrogate).to(input.scalar_type());
}

Tensor two_sided(const Tensor& input, const Tensor& low, const Tensor& high, int bits,
                 Gradient gradient) {
  const Tensor x = input.to(torch::kFloat);
  const int n = last_code(bits);
  const Tensor fixed_low = low.detach();
  const Tensor fixed_high = high.detach();
  const Tensor scale = quotient(fixed_high - fixed_low, n);
  const Tensor zero_point = torch::round(-fixed_low / scale).clamp(0, n);
  const Tensor above = x >= fixed_high;
  const Tensor below = x <= fixed_low;
  const Tensor inside = torch::logical_not(torch::logical_or(above, below));
  Tensor surrogate = only_where(inside, x) + only_where(above, high) + only_where(below, low);
  if (gradient == Gradient::PactPlus) {
    const Tensor inverse = quotient(n, fixed_high - fixed_low);
    surrogate = surrogate + (high - low) * residual(x, inverse, inside, n);
  }
  const Steps steps{scale, 1 / scale, -zero_point, n - zero_point};
  return with_gradient_of(fake_quantize(x, steps), surrogate).to(input.scalar_type());
}

Tensor stream(const Tensor& input, const Tensor& range) {
  const Tensor x = input.to(torch::kFloat);
  const int highest = numeric::symmetric_grid(numeric::kStreamBits).highest();
  const Tensor scale = quotient(range.detach(), highest);
  const Tensor last = torch::full_like(scale, highest);
  const Tensor values = fake_quantize(x, {scale, 1 / scale, -last, last});
  return with_gradient_of(values, only_where(x.abs() <= range.detach(), x)).to(input.scalar_type());
}

Tensor quantize_weights(const Tensor& weights, const numeric::WeightSpec& spec,
                        const Tensor& given) {
  value_or_throw(numeric::check(spec));
  const auto outputs = static_cast<std::size_t>(weights.size(0));
  const auto all = static_cast<std::size_t>(weights.numel());
  const auto groups = value_or_throw(numeric::scale_groups(spec, outputs, all / outputs));
  const Tensor rows = weights.contiguous().view({static_cast<std::int64_t>(groups.count), -1});
  const auto quantized = [&] {
    switch (spec.scheme) {
      case WeightScheme::DoReFa:
        return numeric::is_squashed(spec) ? dorefa(rows, spec.bits) : sawb(rows, spec);
      case WeightScheme::MinMax:
        return min_max(rows, spec.bits);
      case WeightScheme::Scaled:
      case WeightScheme::ScaledOdd:
        return by_given_scales(rows, spec, given);
      default:
        return sawb(rows, spec);
    }
  };
  return quantized().view(weights.sizes());
}

}  // namespace pact::quantizers::composed
