// SPDX-License-Identifier: Apache-2.0
// Integer convolution as a product of matrices: for a tile of output pixels, the levels under the
// filter are gathered as rows (order: kernel row, kernel column, channel), multiplied with the
// filters, and requantized while they are in the cache.
#include <algorithm>

#include "pact/kernels/dot.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

// Pixels of a tile, at most: the gathered rows of usual layers stay within a second-level cache.
constexpr std::int64_t kTile = 32;

class GatheredConvolution final : public ConvolutionStep {
 public:
  GatheredConvolution(const StepContext& context, std::int32_t node, std::int32_t requantize)
      : ConvolutionStep(context, node, requantize),
        depth_(std::int64_t{in_group_} * op_.kernel.y * op_.kernel.x),
        tile_(std::clamp<std::int64_t>(kMostScratch / pixel_bytes(), 1, kTile)),
        kernel_(kernels::select_word_dot(context.isa, out_group_)) {
    pack_weights();
  }

  std::string_view kernel() const override { return kernel_.name; }
  std::size_t weight_bytes() const override { return weights_.size() * sizeof(std::int16_t); }
  std::size_t scratch_bytes() const override { return rows_bytes() + block_bytes() + sums_bytes(); }

  void run(const Batch& batch) const override {
    const std::int64_t tiles = parts_of(out_.pixels(), tile_);
    batch.pool->parallel_for(batch.images * tiles, [&](std::int64_t index, int worker) {
      std::byte* scratch = batch.scratch + static_cast<std::size_t>(worker) * batch.scratch_stride;
      run_tile(batch, index / tiles, index % tiles * tile_, scratch);
    });
  }

 private:
  std::int64_t depth_pairs() const { return (depth_ + 1) / 2; }
  std::int64_t row_bytes() const { return depth_pairs() * 2 * std::int64_t{sizeof(std::int16_t)}; }
  // Of scratch, that grows with the tile.
  std::int64_t pixel_bytes() const {
    return row_bytes() + std::int64_t{out_.channels} * std::int64_t{sizeof(std::int32_t)};
  }
  std::size_t rows_bytes() const {
    return whole_lines(static_cast<std::size_t>(tile_ * row_bytes()));
  }
  // What a call of the kernel makes.
  std::size_t block_bytes() const {
    return whole_lines(static_cast<std::size_t>(kernel_.max_rows * kernel_.columns) *
                       sizeof(std::int32_t));
  }
  std::size_t sums_bytes() const {
    return whole_lines(static_cast<std::size_t>(tile_ * out_.channels) * sizeof(std::int32_t));
  }

  // Levels -> the kernel's blocks, group by group.
  void pack_weights() {
    const std::vector<std::int16_t> levels = weight_levels();
    const std::int64_t group_size =
        kernels::dot_packed_bytes(kernels::DotOperand::Words, out_group_, 1, depth_,
                                  kernel_.columns) /
        std::int64_t{sizeof(std::int16_t)};
    const auto size = static_cast<std::size_t>(group_size * op_.groups);
    weights_ = {reinterpret_cast<std::int16_t*>(memory_.take(size * sizeof(std::int16_t)).data()),
                size};
    for (std::int64_t g = 0; g < op_.groups; ++g) {
      kernels::pack_dot_columns(levels.data() + g * out_group_ * depth_, out_group_, 1, depth_,
                                kernel_.columns, weights_.data() + g * group_size);
    }
  }

  void run_tile(const Batch& batch, std::int64_t image, std::int64_t first,
                std::byte* scratch) const {
    auto* rows = reinterpret_cast<std::int16_t*>(scratch);
    auto* block = reinterpret_cast<std::int32_t*>(scratch + rows_bytes());
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + rows_bytes() + block_bytes());
    const std::int64_t count = std::min(tile_, out_.pixels() - first);
    const std::uint8_t* source = input(batch, image);
    const std::int16_t* weights = weights_.data();
    for (std::int64_t group = 0; group < op_.groups; ++group) {
      for (std::int64_t i = 0; i < count; ++i) {
        gather(source + group * in_group_, first + i, rows + i * depth_pairs() * 2);
      }
      for (std::int64_t column = 0; column < out_group_; column += kernel_.columns) {
        multiply(rows, count, weights, block,
                 {sums + group * out_group_ + column,
                  std::min<std::int64_t>(kernel_.columns, out_group_ - column)});
        weights += depth_pairs() * kernel_.columns * 2;
      }
    }
    finish(batch, image,
           {.values = sums,
            .stride = out_.channels,
            .pixel = first,
            .count = count,
            .channels = out_.channels});
  }

  // The levels under the filter at output pixel `pixel`; outside the image they are zero.
  void gather(const std::uint8_t* source, std::int64_t pixel, std::int16_t* row) const {
    const std::int64_t top = pixel / out_.width * op_.stride.y - op_.padding.top;
    const std::int64_t left = pixel % out_.width * op_.stride.x - op_.padding.left;
    const auto lowest = static_cast<std::int16_t>(in_.grid.lowest);
    for (std::int64_t ky = 0; ky < op_.kernel.y; ++ky) {
      const std::int64_t y = top + ky * op_.dilation.y;
      for (std::int64_t kx = 0; kx < op_.kernel.x; ++kx, row += in_group_) {
        const std::int64_t x = left + kx * op_.dilation.x;
        if (y < 0 || y >= in_.height || x < 0 || x >= in_.width) {
          std::fill(row, row + in_group_, std::int16_t{0});
          continue;
        }
        const std::uint8_t* codes = source + (y * in_.width + x) * in_.channels;
        for (std::int64_t c = 0; c < in_group_; ++c) {
          row[c] = static_cast<std::int16_t>(codes[c] + lowest);
        }
      }
    }
    if (depth_ % 2 != 0) *row = 0;
  }

  struct Columns {
    std::int32_t* sums;  // [tile][out channels]
    std::int64_t count;
  };
  void multiply(const std::int16_t* rows, std::int64_t count, const std::int16_t* weights,
                std::int32_t* block, Columns columns) const {
    for (std::int64_t first = 0; first < count; first += kernel_.max_rows) {
      const std::int64_t pixels = std::min<std::int64_t>(kernel_.max_rows, count - first);
      kernel_.run[pixels - 1]({.a = rows + first * depth_pairs() * 2,
                               .row_stride = row_bytes(),
                               .segment_stride = 0,
                               .segments = 1,
                               .quads = depth_pairs(),
                               .b = weights,
                               .c = block});
      for (std::int64_t i = 0; i < pixels; ++i) {
        std::copy_n(block + i * kernel_.columns, columns.count,
                    columns.sums + (first + i) * out_.channels);
      }
    }
  }

  std::int64_t depth_;
  std::int64_t tile_;  // its pixels
  const kernels::DotKernel& kernel_;
  std::span<std::int16_t> weights_;
};

}  // namespace

std::unique_ptr<Step> make_gathered_convolution(const StepContext& context, std::int32_t node,
                                                std::int32_t requantize) {
  return std::make_unique<GatheredConvolution>(context, node, requantize);
}

}  // namespace pact::runtime
