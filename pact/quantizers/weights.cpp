// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/weights.h"

#include <cmath>
#include <span>

#include "pact/base/result.h"
#include "pact/quantizers/composed.h"

namespace pact::quantizers {
namespace {

using numeric::WeightScheme;
using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

std::span<const float> elements(const Tensor& t) {
  return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())};
}

// value(w) = tanh(w) / m, m = max|tanh|; the element at the maximum also moves m.
Tensor dorefa_gradient(const Tensor& weights, const Tensor& upstream) {
  const Tensor squashed = torch::tanh(weights);
  const auto w = elements(weights);
  const auto t = elements(squashed);
  const auto g = elements(upstream);
  Tensor result = torch::empty_like(weights);
  float* out = result.data_ptr<float>();
  std::size_t peak = 0;
  double through_maximum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (std::abs(w[i]) > std::abs(w[peak])) peak = i;
    through_maximum += static_cast<double>(g[i] * t[i]);
  }
  const float maximum = std::max(std::abs(t[peak]), 1e-8F);
  for (std::size_t i = 0; i < w.size(); ++i) out[i] = g[i] * (1 - t[i] * t[i]) / maximum;
  const float sign = t[peak] < 0 ? -1.0F : 1.0F;
  out[peak] -=
      static_cast<float>(through_maximum) / (maximum * maximum) * sign * (1 - t[peak] * t[peak]);
  return result;
}

Tensor clipped_gradient(const Tensor& weights, const Tensor& upstream, const Tensor& alphas) {
  const auto w = elements(weights);
  const auto g = elements(upstream);
  const auto alpha = elements(alphas);
  Tensor result = torch::empty_like(weights);
  float* out = result.data_ptr<float>();
  const std::size_t group = w.size() / alpha.size();
  for (std::size_t i = 0; i < w.size(); ++i) {
    out[i] = std::abs(w[i]) <= alpha[i / group] ? g[i] : 0.0F;
  }
  return result;
}

class QuantizeWeights : public torch::autograd::Function<QuantizeWeights> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input,
                        const numeric::WeightSpec* spec, std::span<const float> given) {
    TORCH_CHECK(input.scalar_type() == torch::kFloat, "weight quantizer: expected an f32 tensor");
    const Tensor weights = input.contiguous();
    const auto quantized = value_or_throw(numeric::quantize_weights(
        elements(weights), static_cast<std::size_t>(weights.size(0)), *spec, given));
    Tensor alphas;
    if (spec->scheme == WeightScheme::Sawb || numeric::has_given_scales(*spec)) {
      alphas = torch::empty({static_cast<std::int64_t>(quantized.scales.size())});
      for (std::size_t i = 0; i < quantized.scales.size(); ++i) {
        alphas.data_ptr<float>()[i] =
            quantized.scales[i] * static_cast<float>(quantized.grid.magnitude());
      }
    }
    context->saved_data["scheme"] = static_cast<std::int64_t>(spec->scheme);
    context->saved_data["is_squashed"] = numeric::is_squashed(*spec);
    context->save_for_backward({weights, alphas});
    Tensor values = torch::empty_like(weights);
    numeric::dequantize_weights(
        quantized, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    return values;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor upstream = gradients[0].contiguous();
    switch (static_cast<WeightScheme>(context->saved_data["scheme"].toInt())) {
      case WeightScheme::DoReFa:
        if (!context->saved_data["is_squashed"].toBool()) return {upstream, {}, {}};
        return {dorefa_gradient(saved[0], upstream), {}, {}};
      case WeightScheme::Sawb:
      case WeightScheme::Scaled:
      case WeightScheme::ScaledOdd:
        return {clipped_gradient(saved[0], upstream, saved[1]), {}, {}};
      default:
        return {upstream, {}, {}};
    }
  }
};

}  // namespace

Tensor quantize_weights(const Tensor& weights, const numeric::WeightSpec& spec,
                        const Tensor& given) {
  if (!weights.device().is_cpu()) return composed::quantize_weights(weights, spec, given);
  return QuantizeWeights::apply(weights, &spec,
                                given.defined() ? elements(given) : std::span<const float>{});
}

}  // namespace pact::quantizers
