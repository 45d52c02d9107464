// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "pact/kernels/lookup.h"
#include "pact/runtime/step.h"

namespace pact::runtime {
namespace {

kernels::TermType type_of(Storage storage) {
  switch (storage) {
    case Storage::U8:
      return kernels::TermType::Codes;
    case Storage::I16:
      return kernels::TermType::Levels;
    default:
      return kernels::TermType::Accumulators;
  }
}

// The largest magnitude of a stored value: a code's, a level's, or that of a sum of products of
// codes (which kernels multiply) or levels.
std::int64_t largest_value(const format::Model& model, std::int32_t node) {
  const format::Node& n = model.nodes[static_cast<std::size_t>(node)];
  const auto size = [](const numeric::Grid& grid) {
    return std::max<std::int64_t>({grid.codes - 1, -std::int64_t{grid.lowest}, grid.highest()});
  };
  if (storage_of(n.value) != Storage::I32) return size(n.value.grid);
  const auto* conv = std::get_if<format::Conv>(&n.operation);
  if (conv == nullptr) return std::numeric_limits<std::int32_t>::max();
  const format::Value& in = model.input_of(n);
  const std::int64_t filter =
      std::int64_t{conv->kernel.y} * conv->kernel.x * (in.channels / conv->groups);
  return filter * size(in.grid) * size(conv->grid);
}

}  // namespace

Requantizer::Requantizer(const StepContext& context, std::int32_t node, const Fused& fused)
    : node_(node) {
  const format::Node& n = context.model.nodes[static_cast<std::size_t>(node)];
  const auto& op = std::get<format::Requantize>(n.operation);
  const kernels::RequantizeKernel& kernel = kernels::select_requantize(context.isa);
  storage_ = storage_of(n.value);
  run_ = storage_ == Storage::U8 ? kernel.to_codes : kernel.to_levels;
  // The target holds codes or levels; codes count from the lowest level.
  const std::int32_t base = storage_ == Storage::U8 ? n.value.grid.lowest : 0;
  lowest_ = n.value.grid.lowest - base;
  highest_ = n.value.grid.highest() - base;
  shift_ = op.shift;
  channels_ = static_cast<std::int64_t>(op.offset.size());
  std::vector<std::int64_t> offsets;
  for (std::size_t c = 0; c < op.offset.size(); ++c) {
    offsets.push_back(op.full_offset(c) + (std::int64_t{1} << (shift_ - 1)) -
                      std::int64_t{base} * (std::int64_t{1} << shift_));
  }
  const auto from = [&](std::int32_t input) {
    if (input == fused.conv) return Term::From::Conv;
    return input == fused.shortcut ? Term::From::Shortcut : Term::From::Value;
  };
  for (std::size_t t = 0; t < n.inputs.size(); ++t) {
    const format::Value& value = context.model.input_of(n, t);
    const Storage storage = storage_of(value);
    Term& term = terms_.emplace_back(Term{.node = n.inputs[t],
                                          .from = from(n.inputs[t]),
                                          .type = type_of(storage),
                                          .element_bytes = element_bytes(storage),
                                          .largest = largest_value(context.model, n.inputs[t]),
                                          .multipliers = {},
                                          .float_multipliers = {}});
    for (std::size_t c = 0; c < offsets.size(); ++c) {
      term.multipliers.push_back(op.full_multiplier(t, c));
      // Codes are levels less the lowest one, whose share goes into the offset once and for all.
      if (storage == Storage::U8) {
        offsets[c] += std::int64_t{value.grid.lowest} * term.multipliers[c];
      }
    }
  }
  // Kernels are fastest where accumulators come first.
  std::stable_partition(terms_.begin(), terms_.end(), [](const Term& term) {
    return term.type == kernels::TermType::Accumulators;
  });
  for (std::size_t c = 0; c < offsets.size(); ++c) {
    (c % 2 == 0 ? even_offsets_ : odd_offsets_).push_back(offsets[c]);
  }
  make_floats();
}

void Requantizer::make_floats() {
  if (storage_ != Storage::U8) return;
  std::vector<kernels::RequantizeTerms::Term> terms;
  for (const Term& term : terms_) {
    terms.push_back({term.type, term.multipliers.data(), term.largest});
  }
  fraction_bits_ = kernels::float_fraction_bits({.terms = terms.data(),
                                                 .term_count = static_cast<int>(terms.size()),
                                                 .even_offsets = even_offsets_.data(),
                                                 .odd_offsets = odd_offsets_.data(),
                                                 .shift = shift_,
                                                 .highest = highest_,
                                                 .channels = channels_});
  if (fraction_bits_ == 0) return;
  for (Term& term : terms_) {
    term.float_multipliers.clear();
    for (const std::int32_t multiplier : term.multipliers) {
      term.float_multipliers.push_back(
          kernels::float_multiplier(multiplier, shift_, fraction_bits_));
    }
  }
  float_offsets_.clear();
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c) {
    const std::int64_t offset = (c % 2 == 0 ? even_offsets_ : odd_offsets_)[c / 2];
    float_offsets_.push_back(kernels::float_offset(offset, shift_, fraction_bits_));
  }
}

void Requantizer::add_to_accumulators(std::int32_t conv,
                                      const std::vector<std::int32_t>& summands) {
  for (const Term& term : terms_) {
    if (term.node != conv) continue;
    for (std::size_t c = 0; c < summands.size(); ++c) {
      (c % 2 == 0 ? even_offsets_ : odd_offsets_)[c / 2] +=
          std::int64_t{summands[c]} * term.multipliers[c];
    }
  }
  make_floats();
}

std::optional<std::array<std::uint8_t, 256>> Requantizer::table() const {
  const auto is_uniform = [](const auto& values) {
    return std::all_of(values.begin(), values.end(), [&](auto v) { return v == values[0]; });
  };
  if (terms_.size() != 1 || terms_[0].type != kernels::TermType::Codes) return std::nullopt;
  if (storage_ != Storage::U8 || !is_uniform(terms_[0].multipliers)) return std::nullopt;
  if (!is_uniform(even_offsets_) || !is_uniform(odd_offsets_)) return std::nullopt;
  if (!odd_offsets_.empty() && odd_offsets_[0] != even_offsets_[0]) return std::nullopt;
  std::array<std::uint8_t, 256> codes{};
  std::array<std::uint8_t, 256> made{};
  std::iota(codes.begin(), codes.end(), std::uint8_t{0});
  const kernels::RequantizeTerm term{.type = kernels::TermType::Codes,
                                     .values = codes.data(),
                                     .pixel_bytes = 1,
                                     .row_bytes = 0,
                                     .multipliers = terms_[0].multipliers.data(),
                                     .float_multipliers = nullptr};
  run_({.terms = &term,
        .term_count = 1,
        .even_offsets = even_offsets_.data(),
        .odd_offsets = odd_offsets_.data(),
        .shift = shift_,
        .lowest = lowest_,
        .highest = highest_,
        .target = made.data(),
        .pixel_bytes = 1,
        .channels = 1,
        .pixels = 256,
        .rows = 1,
        .row_bytes = 0,
        .fraction_bits = 0,
        .float_offsets = nullptr});
  return made;
}

void Requantizer::run(const Batch& batch, std::int64_t image, const Sums& sums) const {
  const std::int64_t at = sums.pixel * channels_ + sums.channel;
  kernels::RequantizeTerm terms[format::kMaxInputs];
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const Term& term = terms_[t];
    const auto bytes = static_cast<std::int64_t>(term.element_bytes);
    terms[t] = {.type = term.type,
                .values = term.from == Term::From::Shortcut ? sums.shortcut : sums.values,
                .pixel_bytes = sums.stride * bytes,
                .row_bytes = (term.from == Term::From::Shortcut ? sums.shortcut_row_stride
                                                                : sums.row_stride) *
                             bytes,
                .multipliers = term.multipliers.data() + sums.channel,
                .float_multipliers =
                    fraction_bits_ > 0 ? term.float_multipliers.data() + sums.channel : nullptr};
    if (term.from == Term::From::Value) {
      terms[t].values = batch.value<std::byte>(term.node, image) + at * bytes;
      terms[t].pixel_bytes = channels_ * bytes;
      terms[t].row_bytes = sums.width * channels_ * bytes;
    }
  }
  const auto bytes = static_cast<std::int64_t>(element_bytes(storage_));
  const bool from_odd = sums.channel % 2 != 0;
  run_({.terms = terms,
        .term_count = static_cast<int>(terms_.size()),
        .even_offsets = (from_odd ? odd_offsets_ : even_offsets_).data() + sums.channel / 2,
        .odd_offsets = (from_odd ? even_offsets_ : odd_offsets_).data() + (sums.channel + 1) / 2,
        .shift = shift_,
        .lowest = lowest_,
        .highest = highest_,
        .target = batch.value<std::byte>(node_, image) + at * bytes,
        .pixel_bytes = channels_ * bytes,
        .channels = sums.channels,
        .pixels = sums.count,
        .rows = sums.rows,
        .row_bytes = sums.width * channels_ * bytes,
        .fraction_bits = fraction_bits_,
        .float_offsets = fraction_bits_ > 0 ? float_offsets_.data() + sums.channel : nullptr});
}

namespace {

// Codes of one scale become codes of another.
class RecodeStep final : public Step {
 public:
  RecodeStep(const StepContext& context, std::int32_t node,
             const std::array<std::uint8_t, 256>& table)
      : Step(node),
        node_(context.model.nodes[static_cast<std::size_t>(node)]),
        table_(table),
        kernel_(kernels::select_lookup(context.isa)) {}

  std::string_view kernel() const override { return kernel_.name; }
  void run(const Batch& batch) const override {
    const std::int64_t parts = batch.pool->size();
    batch.pool->parallel_for(batch.images * parts, [&](std::int64_t index, int) {
      const std::int64_t image = index / parts;
      const Range part = part_of({0, node_.value.elements()}, index % parts, parts);
      kernel_.run({.tables = table_.data(),
                   .values = batch.value<std::uint8_t>(node_.inputs[0], image) + part.first,
                   .pixel_stride = 1,
                   .channel_stride = 1,
                   .channels = 1,
                   .count = part.count,
                   .target = batch.value<std::uint8_t>(node(), image) + part.first});
    });
  }

 private:
  const format::Node& node_;
  std::array<std::uint8_t, 256> table_;
  const kernels::LookupKernel& kernel_;
};

class RequantizeStep : public Step {
 public:
  RequantizeStep(const StepContext& context, std::int32_t node, Requantizer requantizer)
      : Step(node),
        requantizer_(std::move(requantizer)),
        pixels_(context.model.nodes[static_cast<std::size_t>(node)].value.pixels()) {}

  void run(const Batch& batch) const override {
    batch.pool->parallel_for(batch.images, [&](std::int64_t image, int) {
      requantizer_.run(batch, image, {.count = pixels_, .channels = requantizer_.channels()});
    });
  }

 private:
  Requantizer requantizer_;
  std::int64_t pixels_;
};

}  // namespace

std::unique_ptr<Step> make_requantize_step(const StepContext& context, std::int32_t node) {
  Requantizer requantizer(context, node);
  if (const auto table = requantizer.table()) {
    return std::make_unique<RecodeStep>(context, node, *table);
  }
  return std::make_unique<RequantizeStep>(context, node, std::move(requantizer));
}

}  // namespace pact::runtime
