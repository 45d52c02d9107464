// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "pact/runtime/step.h"

namespace pact::runtime {

/// A step whose pixels can be made in any order, and by several threads.
class PixelStep : public Step {
 public:
  PixelStep(const StepContext& context, std::int32_t node)
      : Step(node),
        file_node_(context.model.nodes[static_cast<std::size_t>(node)]),
        in_(context.model.input_of(file_node_)),
        out_(file_node_.value) {}

  void run(const Batch& batch) const final {
    constexpr std::int64_t kFewestOperations = 1 << 14;  // of a thread
    const std::int64_t parts = std::clamp<std::int64_t>(
        out_.elements() * operations() / kFewestOperations, 1, batch.pool->size());
    batch.pool->parallel_for(batch.images * parts, [&](std::int64_t index, int) {
      run_pixels(batch, index / parts, part_of({0, out_.pixels()}, index % parts, parts));
    });
  }

 protected:
  virtual void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const = 0;
  /// That an element of the output takes, about.
  virtual std::int64_t operations() const { return 1; }

  /// For steps that read the pixels that they make: from the first on, of as many channels.
  template <typename T>
  const T* input(const Batch& batch, std::int64_t image, const Range& pixels,
                 std::size_t i = 0) const {
    return batch.value<T>(file_node_.inputs[i], image) + pixels.first * out_.channels;
  }
  template <typename T>
  T* output(const Batch& batch, std::int64_t image, const Range& pixels) const {
    return batch.value<T>(node(), image) + pixels.first * out_.channels;
  }
  std::int64_t elements(const Range& pixels) const { return pixels.count * out_.channels; }

  const format::Node& file_node_;
  const format::Value& in_;
  const format::Value& out_;
};

}  // namespace pact::runtime
