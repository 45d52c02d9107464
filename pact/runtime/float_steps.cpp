// SPDX-License-Identifier: Apache-2.0
// Steps of layers that stay in full precision, and the ways between floats and levels. Sums are
// taken in double precision in the order that format/model.h states: a product of two floats is
// exact there, so the result is the same on every machine and for every vector width.
#include <algorithm>
#include <cmath>

#include "pact/numeric/activations.h"
#include "pact/runtime/image_step.h"

namespace pact::runtime {
namespace {

class FloatConvolution final : public ImageStep {
 public:
  FloatConvolution(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), op_(std::get<format::Conv>(file_node_.operation)) {
    // [out][in][ky][kx] -> [ky][kx][in][out], so that the innermost loop runs over outputs.
    const std::int64_t in_group = in_.channels / op_.groups;
    const std::int64_t window = std::int64_t{op_.kernel.y} * op_.kernel.x;
    weights_.resize(op_.weights.size());
    for (std::int64_t o = 0; o < out_.channels; ++o) {
      for (std::int64_t c = 0; c < in_group; ++c) {
        for (std::int64_t k = 0; k < window; ++k) {
          weights_[static_cast<std::size_t>((k * in_group + c) * out_.channels + o)] =
              op_.weights[static_cast<std::size_t>((o * in_group + c) * window + k)];
        }
      }
    }
  }

  std::size_t weight_bytes() const override { return weights_.size() * sizeof(float); }
  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(out_.channels) * sizeof(double);
  }

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte* scratch) const override {
    auto* sums = reinterpret_cast<double*>(scratch);
    const float* source = input<float>(batch, image);
    float* target = output<float>(batch, image);
    for (std::int64_t pixel = 0; pixel < out_.pixels(); ++pixel) {
      for (std::int64_t o = 0; o < out_.channels; ++o) {
        sums[o] = op_.bias.empty() ? 0.0 : op_.bias[static_cast<std::size_t>(o)];
      }
      add_window(source, pixel, sums);
      std::transform(sums, sums + out_.channels, target + pixel * out_.channels,
                     [](double sum) { return static_cast<float>(sum); });
    }
  }

  void add_window(const float* source, std::int64_t pixel, double* sums) const {
    const std::int64_t top = pixel / out_.width * op_.stride.y - op_.padding.top;
    const std::int64_t left = pixel % out_.width * op_.stride.x - op_.padding.left;
    const std::int64_t in_group = in_.channels / op_.groups;
    const std::int64_t out_group = out_.channels / op_.groups;
    for (std::int64_t ky = 0; ky < op_.kernel.y; ++ky) {
      const std::int64_t y = top + ky * op_.dilation.y;
      for (std::int64_t kx = 0; kx < op_.kernel.x; ++kx) {
        const std::int64_t x = left + kx * op_.dilation.x;
        if (y < 0 || y >= in_.height || x < 0 || x >= in_.width) continue;
        const float* values = source + (y * in_.width + x) * in_.channels;
        for (std::int64_t c = 0; c < in_.channels; ++c) {
          const std::int64_t group = c / in_group;
          const float* weights =
              weights_.data() +
              ((ky * op_.kernel.x + kx) * in_group + c % in_group) * out_.channels;
          for (std::int64_t o = group * out_group; o < (group + 1) * out_group; ++o) {
            sums[o] += static_cast<double>(values[c]) * static_cast<double>(weights[o]);
          }
        }
      }
    }
  }

  const format::Conv& op_;
  std::vector<float> weights_;
};

class BatchNorm final : public ImageStep {
 public:
  BatchNorm(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), op_(std::get<format::BatchNorm>(file_node_.operation)) {
    for (std::size_t c = 0; c < op_.weight.size(); ++c) {
      slopes_.push_back(op_.weight[c] /
                        std::sqrt(static_cast<double>(op_.variance[c]) + op_.epsilon));
    }
  }

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    const float* source = input<float>(batch, image);
    float* target = output<float>(batch, image);
    const std::size_t channels = slopes_.size();
    for (std::size_t i = 0; i < static_cast<std::size_t>(out_.elements()); ++i) {
      const std::size_t c = i % channels;
      target[i] = static_cast<float>((static_cast<double>(source[i]) - op_.mean[c]) * slopes_[c] +
                                     op_.bias[c]);
    }
  }

  const format::BatchNorm& op_;
  std::vector<double> slopes_;
};

class Quantize final : public ImageStep {
 public:
  Quantize(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), op_(std::get<format::Quantize>(file_node_.operation)) {}

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    if (storage_of(out_) == Storage::U8) {
      quantize(input<float>(batch, image), output<std::uint8_t>(batch, image), out_.grid.lowest);
    } else {
      quantize(input<float>(batch, image), output<std::int16_t>(batch, image), 0);
    }
  }

  template <typename T>
  void quantize(const float* source, T* target, std::int32_t lowest) const {
    numeric::ActivationQuantizer quantizer = numeric::make_activation_quantizer(out_.grid, 1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(out_.elements()); ++i) {
      quantizer.inverse = op_.inverse[i % op_.inverse.size()];
      const auto level = static_cast<std::int32_t>(numeric::quantize_level(quantizer, source[i]));
      target[i] = static_cast<T>(level - lowest);
    }
  }

  const format::Quantize& op_;
};

class Dequantize final : public ImageStep {
 public:
  Dequantize(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), op_(std::get<format::Dequantize>(file_node_.operation)) {
    for (std::size_t t = 0; t < file_node_.inputs.size(); ++t) {
      const format::Value& value = context.model.input_of(file_node_, t);
      storages_.push_back(storage_of(value));
      lowests_.push_back(storages_.back() == Storage::U8 ? value.grid.lowest : 0);
    }
  }

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    float* target = output<float>(batch, image);
    const std::size_t channels = op_.offset.size();
    for (std::size_t i = 0; i < static_cast<std::size_t>(out_.elements()); ++i) {
      double sum = 0;
      for (std::size_t t = 0; t < storages_.size(); ++t) {
        const double product =
            static_cast<double>(level(batch, image, t, i)) * op_.scale[t * channels + i % channels];
        sum += product;
      }
      target[i] = static_cast<float>(sum + op_.offset[i % channels]);
    }
  }

  std::int32_t level(const Batch& batch, std::int64_t image, std::size_t term,
                     std::size_t i) const {
    switch (storages_[term]) {
      case Storage::U8:
        return input<std::uint8_t>(batch, image, term)[i] + lowests_[term];
      case Storage::I16:
        return input<std::int16_t>(batch, image, term)[i];
      default:
        return input<std::int32_t>(batch, image, term)[i];
    }
  }

  const format::Dequantize& op_;
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
