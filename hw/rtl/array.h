// SPDX-License-Identifier: Apache-2.0
// Drives the simulated array through a layer: loads the weights of one tile, streams the pixels
// through it, keeps the partial sums for the next tile of the filter, and collects the codes that
// the last tile makes. The timing is that of array.sv.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/rtl/layers.h"
#include "hw/rtl/ports.h"

namespace pact::rtl {

/// `Module` is array.sv, Verilated with these parameters.
template <typename Module, int kBits>
class Array {
 public:
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kColumns = 16;
  static constexpr int kSumBits = 2 * kBits + 13;
  static constexpr int kCodeBits = 8;

  /// Codes of the output, [channel][row][column].
  std::vector<std::int32_t> run(const Layer& layer) {
    layer_ = &layer;
    windows_ = windows(layer);
    output_.assign(layer.channels() * layer.pixels(), -1);
    module_.step_is_two = layer.convolution.weights.step == 2;
    set_field(module_.lowest, {0, kBits + 1},
              static_cast<std::uint64_t>(layer.convolution.weights.lowest));
    module_.shift = static_cast<std::uint8_t>(layer.requantization.shift);
    module_.highest = static_cast<std::uint8_t>(layer.output_type.grid.codes - 1);
    for (std::size_t channel = 0; channel < layer.channels(); channel += kColumns) {
      set_constants(channel);
      sums_.assign(layer.pixels() * kColumns, 0);
      activation_sums_.assign(layer.pixels(), 0);
      for (std::size_t input = 0; input < layer.filter_size(); input += kRows) {
        tile_ = {.channel = channel, .input = input};
        load();
        stream();
      }
    }
    return output_;
  }

  std::int64_t cycles() const { return cycles_; }

 private:
  // What lies under row 0 and column 0 of the array.
  struct Tile {
    std::size_t channel;
    std::size_t input;
  };

  void advance() {
    tick(module_);
    ++cycles_;
  }

  void set_constants(std::size_t first) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Constants values =
          first + c < layer_->channels() ? constants(*layer_, first + c) : Constants{};
      set_field(module_.multipliers, {c, 32}, static_cast<std::uint64_t>(values.multiplier));
      set_field(module_.residual_multipliers, {c, 32},
                static_cast<std::uint64_t>(values.residual_multiplier));
      set_field(module_.offsets, {c, 64}, static_cast<std::uint64_t>(values.offset));
    }
  }

  // Rows beyond the filter and columns beyond the channels hold code 0.
  std::uint64_t weight(std::size_t row, std::size_t column) const {
    const std::size_t input = tile_.input + row;
    const std::size_t channel = tile_.channel + column;
    if (input >= layer_->filter_size() || channel >= layer_->channels()) return 0;
    return static_cast<std::uint64_t>(layer_->weights[channel * layer_->filter_size() + input]);
  }

  void load() {
    module_.load = 1;
    for (std::size_t row = kRows; row-- > 0;) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        set_field(module_.weights, {c, kBits}, weight(row, c));
      }
      advance();
    }
    module_.load = 0;
  }

  void stream() {
    const std::size_t cycles = layer_->pixels() + kRows + kColumns + 1;
    for (std::size_t n = 0; n < cycles; ++n) {
      collect(n);  // what comes out stands in registers
      feed(n);
      advance();
    }
  }

  // Calls act(pixel, column) where the wave of a pixel is due in column c in cycle n.
  template <typename Act>
  void for_each_due(std::size_t n, std::size_t delay, Act act) const {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::size_t pixel = n - delay - c;  // before the first: huge
      if (pixel < layer_->pixels()) act(pixel, c);
    }
  }

  void feed(std::size_t n) {
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::size_t pixel = n - r;
      const std::size_t input = tile_.input + r;
      const bool real = pixel < layer_->pixels() && input < layer_->filter_size();
      set_field(
          module_.activations, {r, kBits},
          real ? static_cast<std::uint64_t>(windows_[pixel * layer_->filter_size() + input]) : 0);
    }
    if (n < layer_->pixels()) {
      module_.activation_sum_in = static_cast<std::uint32_t>(activation_sums_[n]);
    }
    for_each_due(n, 1, [&](std::size_t pixel, std::size_t c) {
      set_field(module_.sums_in, {c, kSumBits}, sums_[pixel * kColumns + c]);
    });
    if (layer_->residuals.empty()) return;
    for_each_due(n, kRows + 1, [&](std::size_t pixel, std::size_t c) {
      if (tile_.channel + c >= layer_->channels()) return;
      set_field(module_.residuals, {c, kCodeBits},
                static_cast<std::uint64_t>(
                    layer_->residuals[(tile_.channel + c) * layer_->pixels() + pixel]));
    });
  }

  void collect(std::size_t n) {
    if (n >= kRows && n - kRows < layer_->pixels()) {
      activation_sums_[n - kRows] = module_.activation_sum_out;
    }
    for_each_due(n, kRows + 1, [&](std::size_t pixel, std::size_t c) {
      sums_[pixel * kColumns + c] = field_of(module_.sums_out, {c, kSumBits});
    });
    if (tile_.input + kRows < layer_->filter_size()) return;
    for_each_due(n, kRows + 2, [&](std::size_t pixel, std::size_t c) {
      if (tile_.channel + c >= layer_->channels()) return;
      output_[(tile_.channel + c) * layer_->pixels() + pixel] =
          static_cast<std::int32_t>(field_of(module_.codes, {c, kCodeBits}));
    });
  }

  Module module_;
  const Layer* layer_ = nullptr;
  Tile tile_{};
  std::vector<std::int32_t> windows_;
  std::vector<std::uint64_t> sums_;             // [pixel][column]
  std::vector<std::uint64_t> activation_sums_;  // [pixel]
  std::vector<std::int32_t> output_;
  std::int64_t cycles_ = 0;
};

}  // namespace pact::rtl
