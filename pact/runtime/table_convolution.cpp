// SPDX-License-Identifier: Apache-2.0
// Layers of 2-bit codes and 2-bit weights, by tables (kernels/table_dot.h): fully connected ones,
// and convolutions where nothing multiplies bytes faster.
#include <algorithm>
#include <numeric>

#include "pact/kernels/dot.h"
#include "pact/kernels/table_dot.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

class TableConvolution final : public PanelConvolution {
 public:
  using PanelConvolution::PanelConvolution;

  // False where this way cannot go, or another one is faster.
  bool prepare(Isa isa) {
    if (!suits_tables(isa)) return false;
    kernel_ = &kernels::select_table_dot(isa);
    groups_ = kernels::table_dot_groups(std::int64_t{op_.kernel.x} * in_.channels);
    columns_ = kernel_->columns;
    panels_ = parts_of(out_.channels, columns_);
    rows_ = out_.height;
    const auto bytes = [&](std::int64_t rows) {
      return static_cast<std::int64_t>(scratch_parts(rows).sums);
    };
    if (!cut_rows(bytes)) return false;
    pack();
    multiply_codes();
    return true;
  }

  std::string_view kernel() const override { return kernel_->name; }
  std::size_t weight_bytes() const override { return weights_.size(); }
  std::size_t scratch_bytes() const override { return scratch_parts(rows_in_block_).bytes; }

 private:
  // That are finished together: few enough for the first cache.
  static constexpr std::int64_t kSums = 2048;

  bool is_framed() const {
    const format::Padding& p = op_.padding;
    return p.top != 0 || p.left != 0 || p.bottom != 0 || p.right != 0;
  }
  // That `rows` rows of outputs read.
  std::int64_t framed_pixels(std::int64_t rows) const { return rows_read(rows) * padded_width(); }

  // Where what is in scratch begins, for `rows` rows of outputs; framed codes at its start.
  struct ScratchParts {
    std::size_t pairs;
    std::size_t pixel_sums;
    std::size_t sums;
    std::size_t bytes;
  };
  ScratchParts scratch_parts(std::int64_t rows) const {
    const auto pixels = static_cast<std::size_t>(framed_pixels(rows));
    const auto channels = static_cast<std::size_t>(in_.channels);
    const auto groups = static_cast<std::size_t>(kernels::table_dot_groups(in_.channels));
    ScratchParts parts{};
    parts.pairs = is_framed() ? whole_lines(pixels * channels) : 0;
    parts.pixel_sums = parts.pairs + whole_lines(pixels * 2 * groups);
    parts.sums = parts.pixel_sums + whole_lines(pixels * sizeof(std::int32_t));
    parts.bytes = parts.sums + kSums * sizeof(std::int32_t);
    return parts;
  }

  std::int64_t panel_bytes() const { return op_.kernel.y * groups_ * columns_; }

  void pack() {
    weights_ = memory_.take(static_cast<std::size_t>(panels_ * panel_bytes()));
    auto* packed = reinterpret_cast<std::uint8_t*>(weights_.data());
    for (std::int64_t panel = 0; panel < panels_; ++panel, packed += panel_bytes()) {
      const Range filters = filters_of(panel);
      kernels::pack_table_columns(*kernel_, codes_by_pixel(filters).data(), filters.count,
                                  filter_size(), packed);
    }
  }

  // What the kernel reads of the image.
  struct Pixels {
    const std::uint8_t* pairs;
    const std::int32_t* sums;  // of the codes of each
  };
  Pixels pixels_of(const Batch& batch, std::int64_t image, const Range& rows,
                   std::byte* scratch) const {
    const ScratchParts parts = scratch_parts(rows_in_block_);
    const std::int64_t channels = in_.channels;
    const std::int64_t top = rows.first * op_.stride.y - op_.padding.top;
    const std::int64_t pixels = framed_pixels(rows.count);
    const std::uint8_t* codes = input(batch, image);
    if (is_framed()) {
      auto* framed = reinterpret_cast<std::uint8_t*>(scratch);
      frame(codes, {top, rows_read(rows.count), all_channels()}, padded_width(), framed);
      codes = framed;
    } else {
      codes += top * in_.width * channels;
    }
    auto* pairs = reinterpret_cast<std::uint8_t*>(scratch + parts.pairs);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + parts.pixel_sums);
    kernels::pair_codes(codes, pixels * channels, pairs);
    for (std::int64_t i = 0; i < pixels; ++i, codes += channels) {
      sums[i] = std::accumulate(codes, codes + channels, std::int32_t{0});
    }
    return {pairs, sums};
  }

  void run_block(const Batch& batch, std::int64_t image, const Block& block,
                 std::byte* scratch) const override {
    const Pixels pixels = pixels_of(batch, image, block.rows, scratch);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + scratch_parts(rows_in_block_).sums);
    const std::int64_t pieces = parts_of(out_.width, kSums / columns_);
    for (std::int64_t i = 0; i < block.panels.count; ++i) {
      const std::int64_t panel = block.panels.first + i;
      const Range filters = filters_of(panel);
      for (std::int64_t piece = 0; piece < block.rows.count * pieces; ++piece) {
        const std::int64_t row = piece / pieces;
        const Range columns = part_of({0, out_.width}, piece % pieces, pieces);
        const std::int64_t first =
            row * op_.stride.y * padded_width() + columns.first * op_.stride.x;
        multiply(pixels, first, columns.count, panel, sums);
        finish(batch, image,
               {.values = sums,
                .stride = columns_,
                .pixel = (block.rows.first + row) * out_.width + columns.first,
                .count = columns.count,
                .channel = filters.first,
                .channels = filters.count});
      }
    }
  }

  // `count` outputs side by side; the window of the first one begins at pixel `first`.
  void multiply(const Pixels& pixels, std::int64_t first, std::int64_t count, std::int64_t panel,
                std::int32_t* sums) const {
    const std::int64_t parts = parts_of(count, kernel_->max_rows);
    const std::int64_t pixel_pairs = in_.channels / 2;
    for (std::int64_t p = 0; p < parts; ++p) {
      const Range part = part_of({0, count}, p, parts);
      const std::int64_t pixel = first + part.first * op_.stride.x;
      std::int32_t added[kernels::kMostTableRows];
      for (std::int64_t i = 0; i < part.count; ++i) {
        // A level of a weight is the lowest one and a step for each unit of its code.
        added[i] = op_.grid.lowest * window_sum(pixels.sums + pixel + i * op_.stride.x);
      }
      kernel_->run[part.count - 1](
          {.pairs = pixels.pairs + pixel * pixel_pairs,
           .row_stride = op_.stride.x * pixel_pairs,
           .segment_stride = op_.dilation.y * padded_width() * pixel_pairs,
           .segments = op_.kernel.y,
           .groups = groups_,
           .b = reinterpret_cast<const std::uint8_t*>(weights_.data()) + panel * panel_bytes(),
           .scale = op_.grid.step,
           .added = added,
           .c = sums + part.first * columns_});
    }
  }

  std::int32_t window_sum(const std::int32_t* pixel) const {
    std::int32_t sum = 0;
    for (std::int32_t y = 0; y < op_.kernel.y; ++y) {
      const std::int32_t* row = pixel + op_.dilation.y * padded_width() * y;
      sum = std::accumulate(row, row + op_.kernel.x, sum);
    }
    return sum;
  }

  const kernels::TableDotKernel* kernel_ = nullptr;
  std::int64_t groups_ = 0;  // of a row of a filter
};

}  // namespace

std::unique_ptr<Step> make_table_convolution(const StepContext& context, std::int32_t node,
                                             std::int32_t requantize) {
  return make_prepared<TableConvolution>(context, node, requantize);
}

}  // namespace pact::runtime
