// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pact/runtime/step.h"

namespace pact::runtime {

/// A step that makes its value one image at a time.
class ImageStep : public Step {
 public:
  ImageStep(const StepContext& context, std::int32_t node)
      : Step(node),
        file_node_(context.model.nodes[static_cast<std::size_t>(node)]),
        in_(context.model.input_of(file_node_)),
        out_(file_node_.value) {}

  void run(const Batch& batch) const final {
    batch.pool->parallel_for(batch.images, [&](std::int64_t image, int worker) {
      run_image(batch, image,
                batch.scratch + static_cast<std::size_t>(worker) * batch.scratch_stride);
    });
  }

 protected:
  virtual void run_image(const Batch& batch, std::int64_t image, std::byte* scratch) const = 0;

  template <typename T>
  const T* input(const Batch& batch, std::int64_t image, std::size_t i = 0) const {
    return batch.value<T>(file_node_.inputs[i], image);
  }
  template <typename T>
  T* output(const Batch& batch, std::int64_t image) const {
    return batch.value<T>(node(), image);
  }

  const format::Node& file_node_;
  const format::Value& in_;
  const format::Value& out_;
};

}  // namespace pact::runtime
