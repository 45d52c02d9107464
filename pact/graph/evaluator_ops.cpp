// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/evaluator_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pact/graph/activation_quantizers.h"
#include "pact/numeric/requantize.h"

namespace pact::graph {
namespace {

using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;

std::size_t count(const ValueType& type) {
  return static_cast<std::size_t>(element_count(type.shape));
}

// Output columns x for which input column x * stride + offset lies in [0, width).
struct Range {
  std::int64_t first;
  std::int64_t last;
};
Range inside(std::int64_t outputs, std::int64_t stride, std::int64_t offset, std::int64_t width) {
  const std::int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t last = offset >= width ? 0 : (width - 1 - offset) / stride + 1;
  return {first, std::clamp(last, first, std::max(first, outputs))};
}

// One row of outputs of one channel: sums in the order kernel row, kernel column, input channel.
template <typename Conv, typename In, typename Sum>
void convolve_row(const Conv& op, const ValueType& in_type, const In* in, const In* weights,
                  std::int64_t group, std::int64_t y, std::vector<Sum>& sums) {
  const std::int64_t height = in_type.shape[1];
  const std::int64_t width = in_type.shape[2];
  const std::int64_t depth = in_type.channels() / op.groups;
  for (std::int64_t ky = 0; ky < op.kernel.y; ++ky) {
    const std::int64_t row = y * op.stride.y - op.padding.top + ky * op.dilation.y;
    if (row < 0 || row >= height) continue;
    for (std::int64_t kx = 0; kx < op.kernel.x; ++kx) {
      const std::int64_t offset = kx * op.dilation.x - op.padding.left;
      const Range range =
          inside(static_cast<std::int64_t>(sums.size()), op.stride.x, offset, width);
      for (std::int64_t c = 0; c < depth; ++c) {
        const Sum weight = weights[(c * op.kernel.y + ky) * op.kernel.x + kx];
        const In* source = in + ((group * depth + c) * height + row) * width + offset;
        for (std::int64_t x = range.first; x < range.last; ++x) {
          sums[static_cast<std::size_t>(x)] += weight * static_cast<Sum>(source[x * op.stride.x]);
        }
      }
    }
  }
}

template <typename Conv, typename In, typename Sum>
std::vector<In> convolve(const Conv& op, const ValueType& in_type, const ValueType& out_type,
                         const std::vector<In>& in, const std::vector<In>& weights,
                         const Floats* bias) {
  std::vector<In> out(count(out_type));
  const std::int64_t height = out_type.shape[1];
  const std::int64_t width = out_type.shape[2];
  const std::int64_t per_group = op.out_channels / op.groups;
  const auto filter = static_cast<std::int64_t>(weights.size()) / op.out_channels;
  for (std::int64_t c = 0; c < op.out_channels; ++c) {
    const auto start =
        static_cast<Sum>(bias == nullptr ? 0.0F : (*bias)[static_cast<std::size_t>(c)]);
    for (std::int64_t y = 0; y < height; ++y) {
      std::vector<Sum> sums(static_cast<std::size_t>(width), start);
      convolve_row<Conv, In, Sum>(op, in_type, in.data(), weights.data() + c * filter,
                                  c / per_group, y, sums);
      std::transform(sums.begin(), sums.end(), out.begin() + (c * height + y) * width,
                     [](Sum sum) { return static_cast<In>(sum); });
    }
  }
  return out;
}

template <typename In, typename Sum>
std::vector<In> multiply(const std::vector<In>& in, const std::vector<In>& weights,
                         std::size_t outputs, const Floats* bias) {
  std::vector<In> out(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    auto sum = static_cast<Sum>(bias == nullptr ? 0.0F : (*bias)[o]);
    for (std::size_t i = 0; i < in.size(); ++i) {
      sum += static_cast<Sum>(weights[o * in.size() + i]) * static_cast<Sum>(in[i]);
    }
    out[o] = static_cast<In>(sum);
  }
  return out;
}

// 32-bit sums are exact only if no filter can exceed them; refuse instead of wrapping around.
Status check_sums(const Ints& weights, std::size_t outputs, const numeric::Grid& grid) {
  const std::size_t filter = weights.size() / outputs;
  for (std::size_t o = 0; o < outputs; ++o) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < filter; ++i) sum += std::abs(std::int64_t{weights[o * filter + i]});
    if (sum > std::numeric_limits<std::int32_t>::max() / std::max(1, grid.magnitude())) {
      return make_error(ErrorCode::Unsupported, "the sum of output ", o, " could leave 32 bits");
    }
  }
  return {};
}

// Calls reduce(window element) for each output of a window operation.
template <typename In, typename Out, typename Reduce>
std::vector<Out> windowed(const ValueType& in_type, const ValueType& out_type, Pair kernel,
                          Pair stride, Padding padding, const std::vector<In>& in, Out start,
                          Reduce reduce) {
  std::vector<Out> out;
  out.reserve(count(out_type));
  const std::int64_t height = in_type.shape[1];
  const std::int64_t width = in_type.shape[2];
  for (std::int64_t c = 0; c < in_type.channels(); ++c) {
    for (std::int64_t y = 0; y < out_type.shape[1]; ++y) {
      for (std::int64_t x = 0; x < out_type.shape[2]; ++x) {
        Out result = start;
        for (std::int64_t ky = 0; ky < kernel.y; ++ky) {
          for (std::int64_t kx = 0; kx < kernel.x; ++kx) {
            const std::int64_t row = y * stride.y - padding.top + ky;
            const std::int64_t column = x * stride.x - padding.left + kx;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            result =
                reduce(result, in[static_cast<std::size_t>((c * height + row) * width + column)]);
          }
        }
        out.push_back(result);
      }
    }
  }
  return out;
}

template <typename T>
std::vector<T> max_pool(const MaxPool& op, const Operands& o, const std::vector<T>& in) {
  return windowed<T, T>(o.input_type(), o.type(), op.kernel, op.stride, op.padding, in,
                        std::numeric_limits<T>::lowest(), [](T a, T b) { return std::max(a, b); });
}

Floats average(const Operands& o, const AvgPool& op) {
  const auto add = [](double a, float b) { return a + b; };
  const auto sums = windowed<float, double>(o.input_type(), o.type(), op.kernel, op.stride,
                                            op.padding, o.floats(), 0.0, add);
  Floats out(sums.size());
  auto area = static_cast<double>(op.kernel.y * op.kernel.x);
  const Shape& in = o.input_type().shape;
  const Shape& shape = o.type().shape;
  const auto covered = [](std::int64_t first, std::int64_t kernel, std::int64_t size) {
    return std::min(first + kernel, size) - std::max<std::int64_t>(first, 0);
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto pixel = static_cast<std::int64_t>(i) % (shape[1] * shape[2]);
    if (op.over == AverageOver::Image) {
      area = static_cast<double>(
          covered(pixel / shape[2] * op.stride.y - op.padding.top, op.kernel.y, in[1]) *
          covered(pixel % shape[2] * op.stride.x - op.padding.left, op.kernel.x, in[2]));
    }
    out[i] = static_cast<float>(sums[i] / area);
  }
  return out;
}

// Calls element(channel, index) for each element of the node's value, in order.
template <typename Body>
void for_each_element(const Operands& o, Body element) {
  const auto channels = static_cast<std::size_t>(o.type().channels());
  const auto size = static_cast<std::size_t>(o.type().channel_size());
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = c * size; i < (c + 1) * size; ++i) element(c, i);
  }
}

struct Evaluate {
  const Operands& o;

  Result<Value> of(const Input&) const { return *o.values[0]; }
  Result<Value> of(const Conv2d& op) const {
    PACT_TRY(const Floats weights, effective_weights(op.weights, op.out_channels));
    return Value(convolve<Conv2d, float, double>(op, o.input_type(), o.type(), o.floats(), weights,
                                                 bias(op.bias)));
  }
  Result<Value> of(const Linear& op) const {
    PACT_TRY(const Floats weights, effective_weights(op.weights, op.out_features));
    return Value(multiply<float, double>(o.floats(), weights,
                                         static_cast<std::size_t>(op.out_features), bias(op.bias)));
  }
  Result<Value> of(const IntConv2d& op) const {
    const Ints& weights = o.parameter("weight").ints();
    PACT_CHECK_OK(
        check_sums(weights, static_cast<std::size_t>(op.out_channels), o.input_type().grid));
    return Value(convolve<IntConv2d, std::int32_t, std::int32_t>(op, o.input_type(), o.type(),
                                                                 o.ints(), weights, nullptr));
  }
  Result<Value> of(const IntLinear& op) const {
    const Ints& weights = o.parameter("weight").ints();
    const auto outputs = static_cast<std::size_t>(op.out_features);
    PACT_CHECK_OK(check_sums(weights, outputs, o.input_type().grid));
    return Value(multiply<std::int32_t, std::int32_t>(o.ints(), weights, outputs, nullptr));
  }
  Result<Value> of(const BatchNorm& op) const {
    const Floats& gamma = o.parameter("weight").floats();
    const Floats& beta = o.parameter("bias").floats();
    const Floats& mean = o.parameter("running_mean").floats();
    const Floats& variance = o.parameter("running_var").floats();
    Floats out(o.floats().size());
    for_each_element(o, [&](std::size_t c, std::size_t i) {
      const double slope = gamma[c] / std::sqrt(static_cast<double>(variance[c]) + op.epsilon);
      out[i] = static_cast<float>((static_cast<double>(o.floats()[i]) - mean[c]) * slope + beta[c]);
    });
    return Value(std::move(out));
  }
  Result<Value> of(const Relu&) const {
    Floats out(o.floats());
    for (float& x : out) x = x > 0 ? x : 0;
    return Value(std::move(out));
  }
  Result<Value> of(const Add&) const {
    Floats out(o.floats());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += o.floats(1)[i];
    return Value(std::move(out));
  }
  Result<Value> of(const MaxPool& op) const {
    return std::visit([&](const auto& in) { return Value(max_pool(op, o, in)); }, *o.values[0]);
  }
  Result<Value> of(const AvgPool& op) const { return Value(average(o, op)); }
  Result<Value> of(const GlobalAvgPool&) const {
    return Value(average(o, {.kernel = {o.input_type().shape[1], o.input_type().shape[2]}}));
  }
  Result<Value> of(const Pointwise& op) const {
    Floats out(o.floats());
    for (float& x : out) x = numeric::apply(op.function, op.a, op.b, x);
    return Value(std::move(out));
  }
  Result<Value> of(const Multiply&) const {
    Floats out(o.floats());
    const bool per_channel = o.input_type(1).shape != o.type().shape;
    for_each_element(
        o, [&](std::size_t c, std::size_t i) { out[i] *= o.floats(1)[per_channel ? c : i]; });
    return Value(std::move(out));
  }
  Result<Value> of(const Concat&) const { return concatenate(o); }
  Result<Value> of(const Slice& op) const { return slice(op, o); }
  Result<Value> of(const Rearrange& op) const { return rearrange(op, o); }
  Result<Value> of(const Softmax&) const {
    const Floats& in = o.floats();
    Floats out(in.size());
    const auto channels = static_cast<std::size_t>(o.type().channels());
    const auto size = static_cast<std::size_t>(o.type().channel_size());
    for (std::size_t pixel = 0; pixel < size; ++pixel) {
      numeric::softmax({in.data() + pixel, channels, size}, {out.data() + pixel, channels, size});
    }
    return Value(std::move(out));
  }
  Result<Value> of(const Flatten&) const { return *o.values[0]; }
  Result<Value> of(const Shortcut& op) const { return shortcut(op, o); }
  Result<Value> of(const Pad& op) const { return pad(op, o); }
  Result<Value> of(const Resize& op) const { return resize(op, o); }
  Result<Value> of(const FakeQuantize&) const {
    PACT_TRY(const auto quantizers, activation_quantizers(o.network, o.id));
    Floats out(o.floats().size());
    for_each_element(o, [&](std::size_t c, std::size_t i) {
      const auto& quantizer = quantizers[quantizers.size() == 1 ? 0 : c];
      out[i] = numeric::fake_quantize(quantizer, o.floats()[i]);
    });
    return Value(std::move(out));
  }
  Result<Value> of(const Lookup& op) const {
    const auto look_up = [&](const auto& table) {
      std::decay_t<decltype(table)> out(o.ints().size());
      for_each_element(o, [&](std::size_t c, std::size_t i) {
        out[i] = table[c * 256 + static_cast<std::size_t>(o.ints()[i] & 0xFF)];
      });
      return Value(std::move(out));
    };
    if (op.table == PixelTable::Levels) return look_up(o.parameter("table").ints());
    return look_up(o.parameter("table").floats());
  }
  Result<Value> of(const SumPool& op) const {
    Pair kernel = op.kernel;
    if (kernel == Pair{0, 0}) kernel = {o.input_type().shape[1], o.input_type().shape[2]};
    if (kernel.y * kernel.x >
        std::numeric_limits<std::int32_t>::max() / std::max(1, o.input_type().grid.magnitude())) {
      return make_error(ErrorCode::Unsupported, "a sum of the pool could leave 32 bits");
    }
    return Value(windowed<std::int32_t, std::int32_t>(
        o.input_type(), o.type(), kernel, op.stride, {}, o.ints(), 0,
        [](std::int32_t a, std::int32_t b) { return a + b; }));
  }
  Result<Value> of(const Requantize& op) const {
    const Ints& multiplier = o.parameter("multiplier").ints();
    const auto& offset = o.parameter("offset").longs();
    Ints out(count(o.type()));
    bool overflow = false;
    for_each_element(o, [&](std::size_t c, std::size_t i) {
      constexpr std::int64_t kLimit = std::int64_t{1} << 62;
      std::int64_t sum = offset[c];
      for (std::size_t t = 0; t < o.values.size(); ++t) {
        const std::int64_t product = std::int64_t{o.ints(t)[i]} * multiplier[t * offset.size() + c];
        overflow |= __builtin_add_overflow(sum, product, &sum);
      }
      overflow |= sum > kLimit || sum < -kLimit;
      if (overflow) return;
      out[i] = numeric::requantize_sum(sum, op.shift, op.grid.lowest, op.grid.highest());
    });
    if (overflow) return make_error(ErrorCode::Unsupported, "a sum leaves 63 bits");
    return Value(std::move(out));
  }
  Result<Value> of(const Quantize& op) const {
    numeric::ActivationQuantizer quantizer = numeric::make_activation_quantizer(op.grid, 1);
    Ints out(o.floats().size());
    for_each_element(o, [&](std::size_t c, std::size_t i) {
      quantizer.inverse = o.parameter("inverse").floats()[c];
      out[i] = static_cast<std::int32_t>(numeric::quantize_level(quantizer, o.floats()[i]));
    });
    return Value(std::move(out));
  }
  Result<Value> of(const Dequantize&) const {
    const Floats& scale = o.parameter("scale").floats();
    const Floats& offset = o.parameter("offset").floats();
    Floats out(count(o.type()));
    for_each_element(o, [&](std::size_t c, std::size_t i) {
      double sum = 0;
      for (std::size_t t = 0; t < o.values.size(); ++t) {
        const double product = static_cast<double>(o.ints(t)[i]) * scale[t * offset.size() + c];
        sum += product;
      }
      out[i] = static_cast<float>(sum + offset[c]);
    });
    return Value(std::move(out));
  }

 private:
  const Floats* bias(Bias bias) const {
    return bias == Bias::Present ? &o.parameter("bias").floats() : nullptr;
  }
  // The weights that the float network computes with: fake-quantized where it says so.
  Result<Floats> effective_weights(const numeric::WeightSpec& spec, std::int64_t outputs) const {
    Floats weights = o.parameter("weight").floats();
    if (spec.scheme == numeric::WeightScheme::None) return weights;
    std::span<const float> given;
    if (numeric::has_given_scales(spec)) given = o.parameter("weight_scale").floats();
    PACT_TRY(const auto quantized,
             numeric::quantize_weights(weights, static_cast<std::size_t>(outputs), spec, given));
    numeric::dequantize_weights(quantized, weights);
    return weights;
  }
};

}  // namespace

Result<Value> apply(const Operands& operands) {
  auto result = std::visit([&](const auto& op) { return Evaluate{operands}.of(op); },
                           operands.node().operation);
  if (!result) {
    return make_error(result.error().code, "node '", operands.node().name,
                      "': ", result.error().message);
  }
  return result;
}

}  // namespace pact::graph
