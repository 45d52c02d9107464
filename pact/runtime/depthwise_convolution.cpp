// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel with a filter of its own, on the image as it lies.
#include <algorithm>
#include <limits>

#include "pact/kernels/depthwise.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

// Pixels that are finished together: their sums stay in the first cache.
constexpr std::int64_t kDepthwisePixels = 112;

class DepthwiseConvolution final : public PanelConvolution {
 public:
  using PanelConvolution::PanelConvolution;

  // False where this way cannot go: a model bounds sums of products of levels, and codes can be
  // larger.
  bool prepare(Isa isa) {
    if (op_.groups == 1 || in_group_ != 1 || out_group_ != 1) return false;
    rows_ = out_.height;
    const auto bytes = [&](std::int64_t rows) { return rows_read(rows) * row_bytes(); };
    if (!cut_rows(bytes)) return false;
    const auto largest = std::max(std::abs(op_.grid.lowest), std::abs(op_.grid.highest()));
    if (taps() * largest * largest_code() > std::numeric_limits<std::int32_t>::max()) return false;
    kernel_ = &kernels::select_depthwise(isa);
    columns_ = kernels::kDepthwiseColumns;
    panels_ = parts_of(out_.channels, columns_);
    weights_ = memory_.take_zeros(static_cast<std::size_t>(panels_) * panel_bytes());
    kernels::pack_taps(weight_levels().data(), out_.channels, taps(),
                       reinterpret_cast<std::int16_t*>(weights_.data()));
    place_taps();
    multiply_codes();
    return true;
  }

  std::string_view kernel() const override { return kernel_->name; }
  std::size_t weight_bytes() const override { return weights_.size(); }
  std::size_t scratch_bytes() const override {
    return framed_bytes() + whole_lines(static_cast<std::size_t>(kDepthwisePixels * columns_) *
                                        sizeof(std::int32_t));
  }

 private:
  std::int64_t taps() const { return std::int64_t{op_.kernel.y} * op_.kernel.x; }
  std::size_t panel_bytes() const {
    return static_cast<std::size_t>(kernels::depthwise_pairs(taps()) * columns_ * 2) *
           sizeof(std::int16_t);
  }
  std::int64_t row_bytes() const { return padded_width() * in_.channels; }
  // The last panel's columns may reach beyond the last pixel.
  std::size_t framed_bytes() const {
    return whole_lines(
        static_cast<std::size_t>(rows_read(rows_in_block_) * row_bytes() + columns_));
  }

  // The last of an odd number is paired with the first, at weights of zero.
  void place_taps() {
    taps_.assign(static_cast<std::size_t>(2 * kernels::depthwise_pairs(taps())), 0);
    for (std::int64_t t = 0; t < taps(); ++t) {
      taps_[static_cast<std::size_t>(t)] =
          t / op_.kernel.x * op_.dilation.y * row_bytes() +
          t % op_.kernel.x * op_.dilation.x * std::int64_t{in_.channels};
    }
  }

  void run_block(const Batch& batch, std::int64_t image, const Block& block,
                 std::byte* scratch) const override {
    auto* framed = reinterpret_cast<std::uint8_t*>(scratch);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + framed_bytes());
    const std::int64_t top = block.rows.first * op_.stride.y - op_.padding.top;
    frame(input(batch, image), {top, rows_read(block.rows.count), all_channels()}, padded_width(),
          framed);
    for (std::int64_t row = 0; row < block.rows.count; ++row) {
      const std::uint8_t* source = framed + row * op_.stride.y * row_bytes();
      for (std::int64_t i = 0; i < block.panels.count; ++i) {
        run_row(batch, image, block.rows.first + row, block.panels.first + i, source, sums);
      }
    }
  }

  void run_row(const Batch& batch, std::int64_t image, std::int64_t row, std::int64_t panel,
               const std::uint8_t* source, std::int32_t* sums) const {
    const std::int64_t channel = panel * columns_;
    const std::ptrdiff_t pixel_stride = std::int64_t{op_.stride.x} * in_.channels;
    for (std::int64_t x = 0; x < out_.width; x += kDepthwisePixels) {
      const std::int64_t count = std::min<std::int64_t>(kDepthwisePixels, out_.width - x);
      kernel_->run({.a = source + x * pixel_stride + channel,
                    .pixel_stride = pixel_stride,
                    .taps = taps_.data(),
                    .pairs = kernels::depthwise_pairs(taps()),
                    .b = reinterpret_cast<const std::int16_t*>(
                        weights_.data() + static_cast<std::size_t>(panel) * panel_bytes()),
                    .c = sums,
                    .count = count});
      finish(batch, image,
             {.values = sums,
              .stride = columns_,
              .pixel = row * out_.width + x,
              .count = count,
              .channel = channel,
              .channels = std::min<std::int64_t>(columns_, out_.channels - channel)});
    }
  }

  const kernels::DepthwiseKernel* kernel_ = nullptr;
  std::vector<std::ptrdiff_t> taps_;
};

}  // namespace

std::unique_ptr<Step> make_depthwise_convolution(const StepContext& context, std::int32_t node,
                                                 std::int32_t requantize) {
  return make_prepared<DepthwiseConvolution>(context, node, requantize);
}

}  // namespace pact::runtime
