// SPDX-License-Identifier: Apache-2.0
// Steps of float values that act on each element alone, or on the channels of each pixel.
#include <algorithm>
#include <functional>

#include "pact/runtime/pixel_step.h"

namespace pact::runtime {
namespace {

class Relu final : public PixelStep {
 public:
  using PixelStep::PixelStep;

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    const float* source = input<float>(batch, image, pixels);
    std::transform(source, source + elements(pixels), output<float>(batch, image, pixels),
                   [](float x) { return x > 0 ? x : 0.0F; });
  }
};

class Add final : public PixelStep {
 public:
  using PixelStep::PixelStep;

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    const float* left = input<float>(batch, image, pixels);
    std::transform(left, left + elements(pixels), input<float>(batch, image, pixels, 1),
                   output<float>(batch, image, pixels), [](float a, float b) { return a + b; });
  }
};

class Pointwise final : public PixelStep {
 public:
  Pointwise(const StepContext& context, std::int32_t node)
      : PixelStep(context, node), op_(std::get<format::Pointwise>(file_node_.operation)) {}

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    const float* source = input<float>(batch, image, pixels);
    std::transform(source, source + elements(pixels), output<float>(batch, image, pixels),
                   [&](float x) { return numeric::apply(op_.function, op_.a, op_.b, x); });
  }

  const format::Pointwise& op_;
};

class Multiply final : public PixelStep {
 public:
  Multiply(const StepContext& context, std::int32_t node)
      : PixelStep(context, node),
        by_channel_(context.model.input_of(file_node_, 1).elements() != out_.elements()) {}

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    const float* left = input<float>(batch, image, pixels);
    float* target = output<float>(batch, image, pixels);
    const float* right = by_channel_ ? batch.value<float>(file_node_.inputs[1], image)
                                     : input<float>(batch, image, pixels, 1);
    const std::int64_t run = by_channel_ ? out_.channels : elements(pixels);
    for (std::int64_t i = 0; i < elements(pixels); i += run) {
      std::transform(left + i, left + i + run, right, target + i, std::multiplies<>());
    }
  }

  bool by_channel_;  // a factor for each
};

class Softmax final : public PixelStep {
 public:
  using PixelStep::PixelStep;

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    const float* source = input<float>(batch, image, pixels);
    float* target = output<float>(batch, image, pixels);
    const auto channels = static_cast<std::size_t>(out_.channels);
    for (std::int64_t i = 0; i < elements(pixels); i += out_.channels) {
      numeric::softmax({source + i, channels, 1}, {target + i, channels, 1});
    }
  }
};

}  // namespace

std::unique_ptr<Step> make_element_step(const StepContext& context, std::int32_t node) {
  const format::Operation& op = context.model.nodes[static_cast<std::size_t>(node)].operation;
  if (std::holds_alternative<format::Relu>(op)) return std::make_unique<Relu>(context, node);
  if (std::holds_alternative<format::Add>(op)) return std::make_unique<Add>(context, node);
  if (std::holds_alternative<format::Pointwise>(op))
    return std::make_unique<Pointwise>(context, node);
  if (std::holds_alternative<format::Multiply>(op))
    return std::make_unique<Multiply>(context, node);
  if (std::holds_alternative<format::Softmax>(op)) return std::make_unique<Softmax>(context, node);
  return nullptr;
}

}  // namespace pact::runtime
