// SPDX-License-Identifier: Apache-2.0
// Steps of layers that stay in full precision, and the ways between floats and levels. Sums are
// taken in double precision in the order that format/model.h states: a product of two floats is
// exact there, so the result is the same on every machine and for every vector width.
#include <algorithm>
#include <cmath>

#include "pact/kernels/floats.h"
#include "pact/numeric/activations.h"
#include "pact/runtime/pixel_step.h"

namespace pact::runtime {
namespace {

class FloatConvolution final : public PixelStep {
 public:
  FloatConvolution(const StepContext& context, std::int32_t node)
      : PixelStep(context, node),
        op_(std::get<format::Conv>(file_node_.operation)),
        kernel_(kernels::select_floats(context.isa)),
        in_group_(in_.channels / op_.groups),
        out_group_(out_.channels / op_.groups) {
    // [out][in][ky][kx] -> [ky][kx][in][out], so that vectors run over outputs.
    const std::int64_t window = std::int64_t{op_.kernel.y} * op_.kernel.x;
    weights_.resize(op_.weights.size());
    for (std::int64_t o = 0; o < out_.channels; ++o) {
      for (std::int64_t c = 0; c < in_group_; ++c) {
        for (std::int64_t k = 0; k < window; ++k) {
          weights_[static_cast<std::size_t>((k * in_group_ + c) * out_.channels + o)] =
              op_.weights[static_cast<std::size_t>((o * in_group_ + c) * window + k)];
        }
      }
    }
  }

  std::string_view kernel() const override { return kernel_.name; }
  std::size_t weight_bytes() const override { return weights_.size() * sizeof(float); }

 private:
  static constexpr std::int64_t kOutputs = 64;  // whose sums are made together

  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    const float* source = batch.value<float>(file_node_.inputs[0], image);
    float* target = output<float>(batch, image, pixels);
    for (std::int64_t pixel = pixels.first; pixel < pixels.first + pixels.count; ++pixel) {
      for (std::int64_t first = 0; first < out_.channels;) {
        const std::int64_t left = out_group_ - first % out_group_;
        const Range outputs{first, std::min(kOutputs, left)};
        run_outputs(source, pixel, outputs, target);
        first += outputs.count;
      }
      target += out_.channels;
    }
  }

  std::int64_t operations() const override {
    return std::int64_t{op_.kernel.y} * op_.kernel.x * in_group_;
  }
  bool has_rows() const { return op_.groups == 1 && op_.dilation.x == 1; }

  // Of one group.
  void run_outputs(const float* source, std::int64_t pixel, const Range& outputs,
                   float* target) const {
    double sums[kOutputs];
    for (std::int64_t i = 0; i < outputs.count; ++i) {
      sums[i] = op_.bias.empty() ? 0.0 : op_.bias[static_cast<std::size_t>(outputs.first + i)];
    }
    const std::int64_t top = pixel / out_.width * op_.stride.y - op_.padding.top;
    const std::int64_t left = pixel % out_.width * op_.stride.x - op_.padding.left;
    const std::int64_t channel = outputs.first / out_group_ * in_group_;
    for (std::int64_t ky = 0; ky < op_.kernel.y; ++ky) {
      const std::int64_t y = top + ky * op_.dilation.y;
      if (y < 0 || y >= in_.height) continue;
      for (std::int64_t kx = 0; kx < op_.kernel.x;) {
        const std::int64_t x = left + kx * op_.dilation.x;
        // Of a row, what lies side by side.
        const std::int64_t taps =
            x >= 0 && has_rows() ? std::min(op_.kernel.x - kx, in_.width - x) : 1;
        if (x >= 0 && x < in_.width) {
          kernel_.dot({.values = source + (y * in_.width + x) * in_.channels + channel,
                       .count = taps * in_group_,
                       .weights = weights_.data() + outputs.first +
                                  (ky * op_.kernel.x + kx) * in_group_ * out_.channels,
                       .stride = out_.channels,
                       .outputs = outputs.count,
                       .sums = sums});
        }
        kx += std::max<std::int64_t>(taps, 1);
      }
    }
    std::transform(sums, sums + outputs.count, target + outputs.first,
                   [](double sum) { return static_cast<float>(sum); });
  }

  const format::Conv& op_;
  const kernels::FloatKernel& kernel_;
  std::int64_t in_group_;
  std::int64_t out_group_;
  std::vector<float> weights_;
};

class BatchNorm final : public PixelStep {
 public:
  BatchNorm(const StepContext& context, std::int32_t node)
      : PixelStep(context, node),
        op_(std::get<format::BatchNorm>(file_node_.operation)),
        kernel_(kernels::select_floats(context.isa)) {
    for (std::size_t c = 0; c < op_.weight.size(); ++c) {
      slopes_.push_back(op_.weight[c] /
                        std::sqrt(static_cast<double>(op_.variance[c]) + op_.epsilon));
    }
  }

  std::string_view kernel() const override { return kernel_.name; }

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    kernel_.normalize({.values = input<float>(batch, image, pixels),
                       .mean = op_.mean.data(),
                       .slope = slopes_.data(),
                       .bias = op_.bias.data(),
                       .channels = out_.channels,
                       .pixels = pixels.count,
                       .target = output<float>(batch, image, pixels)});
  }

  const format::BatchNorm& op_;
  const kernels::FloatKernel& kernel_;
  std::vector<double> slopes_;
};

class Quantize final : public PixelStep {
 public:
  Quantize(const StepContext& context, std::int32_t node)
      : PixelStep(context, node),
        op_(std::get<format::Quantize>(file_node_.operation)),
        kernel_(kernels::select_floats(context.isa)),
        quantizer_(numeric::make_activation_quantizer(out_.grid, 1)) {}

  std::string_view kernel() const override { return kernel_.name; }

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    if (storage_of(out_) == Storage::U8) {
      kernel_.to_codes(operands<std::uint8_t>(batch, image, pixels, out_.grid.lowest));
    } else {
      kernel_.to_levels(operands<std::int16_t>(batch, image, pixels, 0));
    }
  }

  template <typename T>
  kernels::QuantizeOperands<T> operands(const Batch& batch, std::int64_t image, const Range& pixels,
                                        std::int32_t base) const {
    return {.values = input<float>(batch, image, pixels),
            .quantizer = quantizer_,
            .inverse = op_.inverse.data(),
            .base = base,
            .channels = out_.channels,
            .pixels = pixels.count,
            .target = output<T>(batch, image, pixels)};
  }

  const format::Quantize& op_;
  const kernels::FloatKernel& kernel_;
  numeric::ActivationQuantizer quantizer_;
};

class Dequantize final : public PixelStep {
 public:
  Dequantize(const StepContext& context, std::int32_t node)
      : PixelStep(context, node),
        op_(std::get<format::Dequantize>(file_node_.operation)),
        kernel_(kernels::select_floats(context.isa)) {
    for (std::size_t t = 0; t < file_node_.inputs.size(); ++t) {
      const format::Value& value = context.model.input_of(file_node_, t);
      storages_.push_back(storage_of(value));
      lowests_.push_back(value.grid.lowest);
    }
  }

  std::string_view kernel() const override { return kernel_.name; }

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    kernels::DequantizeOperands::Term terms[format::kMaxInputs];
    for (std::size_t t = 0; t < storages_.size(); ++t) {
      terms[t] = term(batch, image, pixels, t);
    }
    kernel_.dequantize({.terms = terms,
                        .term_count = static_cast<int>(storages_.size()),
                        .offset = op_.offset.data(),
                        .channels = out_.channels,
                        .pixels = pixels.count,
                        .target = output<float>(batch, image, pixels)});
  }

  kernels::DequantizeOperands::Term term(const Batch& batch, std::int64_t image,
                                         const Range& pixels, std::size_t t) const {
    using enum kernels::TermType;
    const float* scale = op_.scale.data() + t * op_.offset.size();
    switch (storages_[t]) {
      case Storage::U8:
        return {Codes, input<std::uint8_t>(batch, image, pixels, t), lowests_[t], scale};
      case Storage::I16:
        return {Levels, input<std::int16_t>(batch, image, pixels, t), 0, scale};
      default:
        return {Accumulators, input<std::int32_t>(batch, image, pixels, t), 0, scale};
    }
  }

  const format::Dequantize& op_;
  const kernels::FloatKernel& kernel_;
  std::vector<Storage> storages_;
  std::vector<std::int32_t> lowests_;
};

}  // namespace

std::unique_ptr<Step> make_float_step(const StepContext& context, std::int32_t node) {
  const format::Operation& op = context.model.nodes[static_cast<std::size_t>(node)].operation;
  if (std::holds_alternative<format::Conv>(op))
    return std::make_unique<FloatConvolution>(context, node);
  if (std::holds_alternative<format::BatchNorm>(op))
    return std::make_unique<BatchNorm>(context, node);
  if (std::holds_alternative<format::Quantize>(op))
    return std::make_unique<Quantize>(context, node);
  if (std::holds_alternative<format::Dequantize>(op))
    return std::make_unique<Dequantize>(context, node);
  return nullptr;
}

}  // namespace pact::runtime
