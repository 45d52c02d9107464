// SPDX-License-Identifier: Apache-2.0
// Steps of float values that act on each element alone, or on the channels of each pixel.
#include <algorithm>

#include "pact/runtime/image_step.h"

namespace pact::runtime {
namespace {

class Relu final : public ImageStep {
 public:
  using ImageStep::ImageStep;

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    const float* source = input<float>(batch, image);
    std::transform(source, source + out_.elements(), output<float>(batch, image),
                   [](float x) { return x > 0 ? x : 0.0F; });
  }
};

class Add final : public ImageStep {
 public:
  using ImageStep::ImageStep;

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    const float* left = input<float>(batch, image);
    std::transform(left, left + out_.elements(), input<float>(batch, image, 1),
                   output<float>(batch, image), [](float a, float b) { return a + b; });
  }
};

class Pointwise final : public ImageStep {
 public:
  Pointwise(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), op_(std::get<format::Pointwise>(file_node_.operation)) {}

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    const float* source = input<float>(batch, image);
    std::transform(source, source + out_.elements(), output<float>(batch, image),
                   [&](float x) { return numeric::apply(op_.function, op_.a, op_.b, x); });
  }

  const format::Pointwise& op_;
};

class Multiply final : public ImageStep {
 public:
  Multiply(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), factors_(context.model.input_of(file_node_, 1).elements()) {}

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    const float* left = input<float>(batch, image);
    const float* right = input<float>(batch, image, 1);
    float* target = output<float>(batch, image);
    for (std::int64_t i = 0; i < out_.elements(); ++i) target[i] = left[i] * right[i % factors_];
  }

  std::int64_t factors_;  // as many as elements, or one a channel
};

class Softmax final : public ImageStep {
 public:
  using ImageStep::ImageStep;

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    const float* source = input<float>(batch, image);
    float* target = output<float>(batch, image);
    const auto channels = static_cast<std::size_t>(out_.channels);
    for (std::int64_t p = 0; p < out_.pixels(); ++p) {
      numeric::softmax({source + p * out_.channels, channels, 1},
                       {target + p * out_.channels, channels, 1});
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
