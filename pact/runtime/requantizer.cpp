// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "pact/runtime/step.h"

namespace pact::runtime {

Requantizer::Requantizer(const StepContext& context, std::int32_t node, std::int32_t fused)
    : node_(node), kernel_(&kernels::select_requantize(context.isa)) {
  const format::Node& n = context.model.nodes[static_cast<std::size_t>(node)];
  const auto& op = std::get<format::Requantize>(n.operation);
  storage_ = storage_of(n.value);
  rounding_ = {op.shift, n.value.grid.lowest, n.value.grid.highest()};
  const std::size_t channels = op.offset.size();
  for (std::size_t c = 0; c < channels; ++c) offsets_.push_back(op.full_offset(c));
  for (std::size_t t = 0; t < n.inputs.size(); ++t) {
    std::vector<std::int32_t> multipliers;
    for (std::size_t c = 0; c < channels; ++c) multipliers.push_back(op.full_multiplier(t, c));
    const format::Value& value = context.model.input_of(n, t);
    Term term{.node = n.inputs[t] == fused ? -1 : n.inputs[t],
              .storage = storage_of(value),
              .multipliers = std::move(multipliers)};
    // Codes are levels less the lowest one, whose share goes into the offset once and for all.
    for (std::size_t c = 0; term.storage == Storage::U8 && c < channels; ++c) {
      offsets_[c] += std::int64_t{value.grid.lowest} * term.multipliers[c];
    }
    terms_.push_back(std::move(term));
  }
}

void Requantizer::add_term(const Batch& batch, const Term& term, std::int64_t image,
                           std::int64_t pixel, const std::int32_t* accumulators,
                           std::int64_t* sums) const {
  const std::int64_t n = channels();
  const std::int32_t* m = term.multipliers.data();
  if (term.node < 0) {
    kernel_->add_accumulators(sums, accumulators, m, n);
  } else if (term.storage == Storage::U8) {
    kernel_->add_codes(sums, batch.value<std::uint8_t>(term.node, image) + pixel * n, m, n);
  } else if (term.storage == Storage::I16) {
    kernel_->add_levels(sums, batch.value<std::int16_t>(term.node, image) + pixel * n, m, n);
  } else {
    kernel_->add_accumulators(sums, batch.value<std::int32_t>(term.node, image) + pixel * n, m, n);
  }
}

void Requantizer::run(const Batch& batch, std::int64_t image, std::int64_t pixel,
                      const std::int32_t* accumulators, std::int64_t* sums) const {
  const std::int64_t n = channels();
  std::copy(offsets_.begin(), offsets_.end(), sums);
  for (const Term& term : terms_) add_term(batch, term, image, pixel, accumulators, sums);
  if (storage_ == Storage::U8) {
    kernel_->round_codes(sums, rounding_, batch.value<std::uint8_t>(node_, image) + pixel * n, n);
  } else {
    kernel_->round_levels(sums, rounding_, batch.value<std::int16_t>(node_, image) + pixel * n, n);
  }
}

namespace {

class RequantizeStep : public Step {
 public:
  RequantizeStep(const StepContext& context, std::int32_t node)
      : Step(node),
        requantizer_(context, node),
        pixels_(context.model.nodes[static_cast<std::size_t>(node)].value.pixels()) {}

  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(requantizer_.channels()) * sizeof(std::int64_t);
  }

  void run(const Batch& batch) const override {
    batch.pool->parallel_for(batch.images, [&](std::int64_t image, int worker) {
      auto* sums = reinterpret_cast<std::int64_t*>(
          batch.scratch + static_cast<std::size_t>(worker) * batch.scratch_stride);
      for (std::int64_t pixel = 0; pixel < pixels_; ++pixel) {
        requantizer_.run(batch, image, pixel, nullptr, sums);
      }
    });
  }

 private:
  Requantizer requantizer_;
  std::int64_t pixels_;
};

}  // namespace

std::unique_ptr<Step> make_requantize_step(const StepContext& context, std::int32_t node) {
  return std::make_unique<RequantizeStep>(context, node);
}

}  // namespace pact::runtime
