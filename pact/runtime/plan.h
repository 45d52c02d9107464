// SPDX-License-Identifier: Apache-2.0
// What is decided once, when a session is created: which steps run, which are fused, and where
// every value lies. Values that are never needed at the same time share memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "pact/base/large_pages.h"
#include "pact/runtime/step.h"

namespace pact::runtime {

class Plan {
 public:
  /// Weights are packed into `memory`, which must outlive the plan.
  Plan(const format::Model& model, Isa isa, int batch, LargePages& memory);

  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }
  const std::vector<Slot>& slots() const { return slots_; }
  std::size_t arena_bytes() const { return arena_bytes_; }
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  std::size_t weight_bytes() const;

 private:
  void make_steps(const StepContext& context);
  void add_step(const StepContext& context, std::unique_ptr<Step> step);
  void place_values(const format::Model& model, int batch);

  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Slot> slots_;  // by node; zero bytes for values that are never stored
  std::size_t arena_bytes_ = 0;
  std::size_t scratch_bytes_ = 0;
};

/// A plan with its memory and threads.
class Executor {
 public:
  Executor(std::shared_ptr<const format::Model> model, Isa isa, const SessionOptions& options);

  void run(std::span<const std::uint8_t> images, PixelOrder order, std::span<float> outputs);
  void observe(std::function<void(const LayerView&)> observer) { observer_ = std::move(observer); }

  const format::Model& model() const { return *model_; }
  Isa isa() const { return isa_; }
  std::vector<StepTime> steps() const;
  std::size_t memory() const { return arena_.size() + scratch_.size() + plan_.weight_bytes(); }

 private:
  std::size_t bytes_of(std::int32_t node) const;
  void run_batch(const Batch& batch, std::size_t first_image);
  void copy_outputs(const Batch& batch, float* outputs) const;
  void show(const Batch& batch, std::int32_t node, std::size_t first_image) const;

  std::shared_ptr<const format::Model> model_;
  Isa isa_;
  int batch_;
  LargePages memory_;
  Plan plan_;
  std::span<std::byte> arena_;
  std::span<std::byte> scratch_;
  ThreadPool pool_;
  std::vector<double> step_seconds_;  // empty: not timed
  std::function<void(const LayerView&)> observer_;
};

}  // namespace pact::runtime
