// SPDX-License-Identifier: Apache-2.0
// 3x3 convolutions of narrow codes and weights by exact integer Winograd (kernels/winograd.h).
#include <algorithm>
#include <limits>
#include <numeric>

#include "pact/kernels/dot.h"
#include "pact/kernels/winograd.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

using kernels::kWinogradComponents;
using kernels::kWinogradOutputs;

// Weights that stay in a second-level cache are read for a few tiles at a time, which stay in the
// first; of larger ones a panel stays, and is read for many tiles.
constexpr std::size_t kCachedFilters = 512 << 10;
constexpr std::int64_t kTileBytes = 256 << 10;
// Of one component, that are finished together: all sixteen stay in the first cache.
constexpr int kProducts = 448;

class WinogradConvolution final : public PanelConvolution {
 public:
  using PanelConvolution::PanelConvolution;

  // False where this way cannot go.
  bool prepare(Isa isa) {
    if (!suits_winograd()) return false;
    if (isa == Isa::Amx) {
      if (suits_tiles()) return false;  // which multiply faster than transforms save products
      isa = slower(isa);
    }
    if (largest_component() > std::numeric_limits<std::uint8_t>::max()) return false;
    const int most = kernels::sums_in_16_bits(isa) ? most_products() : 0;
    kernel_ =
        kernels::select_byte_dot(isa, out_.channels, most, (out_.height + 1) / 2 * tiles_across());
    if (kernel_ == nullptr) return false;
    transforms_ = &kernels::select_winograd(isa);
    choose_sizes();
    return framed_bytes() + codes_bytes() <= kMostScratch && pack();
  }

  std::string_view kernel() const override { return transforms_->name; }
  std::size_t weight_bytes() const override {
    return weights_.size() + corrections_.size() * sizeof(std::int32_t);
  }
  std::size_t scratch_bytes() const override {
    return framed_bytes() + codes_bytes() + products_bytes() + sums_bytes();
  }

 private:
  std::int64_t tiles_across() const { return (out_.width + 1) / 2; }
  std::int64_t framed_width() const {
    return std::max<std::int64_t>(2 * tiles_across() + 2,
                                  in_.width + op_.padding.left + op_.padding.right);
  }
  std::size_t framed_bytes() const {
    return whole_lines(
        static_cast<std::size_t>((2 * rows_in_block_ + 2) * framed_width() * in_.channels));
  }
  // Of one component of the transformed tiles of a group; no power of two, for the cache's sake.
  std::int64_t component_bytes() const { return tiles_in_group_ * in_.channels + 64; }
  std::size_t codes_bytes() const {
    return whole_lines(static_cast<std::size_t>(kWinogradComponents * component_bytes()));
  }
  // Of one component of a piece.
  std::int64_t component_products() const { return tiles_in_piece() * columns_; }
  std::int64_t tiles_in_piece() const { return std::max(1, kProducts / columns_); }
  std::size_t products_bytes() const {
    return whole_lines(static_cast<std::size_t>(kWinogradComponents * component_products()) *
                       sizeof(std::int32_t));
  }
  std::size_t sums_bytes() const {
    return whole_lines(static_cast<std::size_t>(kWinogradOutputs * component_products()) *
                       sizeof(std::int32_t));
  }
  // Of transformed codes, made unsigned.
  std::int64_t largest_component() const { return 4 * largest_code() + sums_zero(); }
  std::uint8_t sums_zero() const { return zero() % 4; }
  std::uint8_t zero() const { return static_cast<std::uint8_t>(2 * largest_code()); }

  // A filter transformed, [component][in].
  std::vector<std::int16_t> components_of(const std::int16_t* filter) const {
    std::vector<std::int16_t> components(
        static_cast<std::size_t>(std::int64_t{kWinogradComponents} * in_.channels));
    kernels::transform_winograd_filters(filter, in_.channels, components.data());
    return components;
  }

  static int largest_of(const std::vector<std::int16_t>& components) {
    std::int16_t highest = 0;
    std::int16_t lowest = 0;
    for (const std::int16_t component : components) {
      highest = std::max(highest, component);
      lowest = std::min(lowest, component);
    }
    return std::max<int>(highest, -lowest);
  }

  int most_products() const {
    int most = kernels::kMostProductsIn16Bits;
    for (std::int64_t filter = 0; filter < out_.channels && most > 0; ++filter) {
      const auto components = components_of(weight_levels({filter, 1}).data());
      if (largest_of(components) > std::numeric_limits<std::int8_t>::max()) return 0;
      const std::vector<std::int8_t> bytes(components.begin(), components.end());
      most =
          std::min(most, kernels::most_products_in_16_bits({.weights = bytes.data(),
                                                            .count = kWinogradComponents,
                                                            .segments = 1,
                                                            .depth = in_.channels,
                                                            .largest_code = largest_component()}));
    }
    return most;
  }

  // What was added to make codes of levels, and of transformed codes unsigned ones.
  void correct(std::int64_t filter, const std::vector<std::int16_t>& components,
               const std::int16_t* levels) {
    std::int64_t sums[kWinogradComponents];
    for (int i = 0; i < kWinogradComponents; ++i) {
      const std::int16_t* source = components.data() + i * in_.channels;
      const std::int64_t added = i == kernels::kWinogradSums ? sums_zero() : zero();
      sums[i] = added * std::accumulate(source, source + in_.channels, 0);
    }
    std::int64_t added[kWinogradOutputs];
    kernels::transform_winograd_products(sums, added);
    const std::int64_t level_sum = std::accumulate(levels, levels + filter_size(), 0);
    for (std::int64_t i = 0; i < kWinogradOutputs; ++i) {
      corrections_[static_cast<std::size_t>(i * panels_ * columns_ + filter)] =
          static_cast<std::int32_t>(added[i] - in_.grid.lowest * level_sum);
    }
  }

  // Nine products of a component make an output, before it is divided.
  bool sums_fit(std::int64_t largest) const {
    return 9 * in_.channels * largest_component() * largest <
           std::numeric_limits<std::int32_t>::max() / 2;
  }

  void choose_sizes() {
    columns_ = kernel_->columns;
    panels_ = (out_.channels + columns_ - 1) / columns_;
    rows_ = (out_.height + 1) / 2;
    const std::int64_t row_bytes = kWinogradComponents * tiles_across() * in_.channels;
    rows_in_block_ = std::clamp<std::int64_t>(kTileBytes / row_bytes, 1, rows_);
    const std::size_t weight_bytes = static_cast<std::size_t>(kWinogradComponents * panels_) *
                                     static_cast<std::size_t>(columns_ * in_.channels);
    tiles_in_group_ =
        weight_bytes <= kCachedFilters ? tiles_in_piece() : rows_in_block_ * tiles_across();
  }

  // [panel][component][quad][column][4]. False if the components fit no bytes or their sums no 32
  // bits.
  bool pack() {
    const std::int64_t component_size =
        kernels::dot_packed_bytes(kernels::DotOperand::Bytes, columns_, 1, in_.channels, columns_);
    weights_ =
        memory_.take(static_cast<std::size_t>(panels_ * kWinogradComponents * component_size));
    corrections_.assign(static_cast<std::size_t>(kWinogradOutputs * panels_ * columns_), 0);
    int largest = 0;
    auto* packed = reinterpret_cast<std::int8_t*>(weights_.data());
    for (std::int64_t panel = 0; panel < panels_; ++panel) {
      const Range filters = filters_of(panel);
      const std::vector<std::int8_t> components = transform(filters, largest);
      if (largest > std::numeric_limits<std::int8_t>::max()) return false;
      for (int i = 0; i < kWinogradComponents; ++i, packed += component_size) {
        kernels::pack_dot_columns(components.data() + i * filters.count * in_.channels,
                                  filters.count, 1, in_.channels, columns_, packed);
      }
    }
    return sums_fit(largest);
  }

  // [component][filter][in]; `largest` takes in the largest of them.
  std::vector<std::int8_t> transform(const Range& filters, int& largest) {
    const std::vector<std::int16_t> levels = weight_levels(filters);
    std::vector<std::int8_t> result(
        static_cast<std::size_t>(kWinogradComponents * filters.count * in_.channels));
    for (std::int64_t f = 0; f < filters.count; ++f) {
      const std::int16_t* filter = levels.data() + f * filter_size();
      const auto components = components_of(filter);
      largest = std::max(largest, largest_of(components));
      correct(filters.first + f, components, filter);
      for (std::int64_t i = 0; i < kWinogradComponents; ++i) {
        std::copy_n(components.data() + i * in_.channels, in_.channels,
                    result.data() + (i * filters.count + f) * in_.channels);
      }
    }
    return result;
  }

  void run_block(const Batch& batch, std::int64_t image, const Block& block,
                 std::byte* scratch) const override {
    auto* framed = reinterpret_cast<std::uint8_t*>(scratch);
    auto* codes = framed + framed_bytes();
    auto* products = reinterpret_cast<std::int32_t*>(codes + codes_bytes());
    frame(input(batch, image),
          {2 * block.rows.first - op_.padding.top, 2 * block.rows.count + 2, all_channels()},
          framed_width(), framed);
    const std::int64_t tiles = block.rows.count * tiles_across();
    const std::int64_t groups = parts_of(tiles, tiles_in_group_);
    for (std::int64_t group = 0; group < groups; ++group) {
      const Range part = part_of({0, tiles}, group, groups);
      transform_tiles(framed, part, codes);
      for (std::int64_t panel = 0; panel < block.panels.count; ++panel) {
        run_panel(batch, image, {block.rows.first * tiles_across() + part.first, part.count},
                  block.panels.first + panel, codes, products);
      }
    }
  }

  void run_panel(const Batch& batch, std::int64_t image, const Range& tiles, std::int64_t panel,
                 const std::uint8_t* codes, std::int32_t* products) const {
    const std::int64_t pieces = parts_of(tiles.count, tiles_in_piece());
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      const Range part = part_of(tiles, piece, pieces);
      multiply(codes + (part.first - tiles.first) * in_.channels, part.count, panel, products);
      finish_tiles(batch, image, part, panel, products);
    }
  }

  void transform_tiles(const std::uint8_t* framed, const Range& tiles, std::uint8_t* codes) const {
    const std::ptrdiff_t row_stride = framed_width() * in_.channels;
    const std::int64_t across = tiles_across();
    std::int64_t x = tiles.first % across;
    const std::uint8_t* row = framed + 2 * (tiles.first / across) * row_stride;
    kernels::WinogradInput tile{.pixels = nullptr,
                                .row_stride = row_stride,
                                .pixel_stride = in_.channels,
                                .channels = in_.channels,
                                .zero = zero(),
                                .sums_zero = sums_zero(),
                                .components = codes,
                                .component_stride = component_bytes()};
    for (std::int64_t i = 0; i < tiles.count; ++i, ++x, tile.components += in_.channels) {
      if (x == across) {
        x = 0;
        row += 2 * row_stride;
      }
      tile.pixels = row + 2 * x * in_.channels;
      transforms_->transform_input(tile);
    }
  }

  void multiply(const std::uint8_t* codes, std::int64_t tiles, std::int64_t panel,
                std::int32_t* products) const {
    const std::int64_t panel_bytes = static_cast<std::int64_t>(weights_.size()) / panels_;
    const std::int64_t calls = parts_of(tiles, kernel_->max_rows);
    for (std::int64_t call = 0; call < calls; ++call) {
      const Range part = part_of({0, tiles}, call, calls);
      kernel_->run[part.count - 1]({.a = codes + part.first * in_.channels,
                                    .row_stride = in_.channels,
                                    .segment_stride = 0,
                                    .segments = 1,
                                    .quads = in_.channels / 4,
                                    .b = weights_.data() + panel * panel_bytes,
                                    .c = products + part.first * columns_,
                                    .count = kWinogradComponents,
                                    .a_next = component_bytes(),
                                    .c_next = component_products()});
    }
  }

  // Sums lie behind the products.
  void finish_tiles(const Batch& batch, std::int64_t image, const Range& tiles, std::int64_t panel,
                    std::int32_t* products) const {
    std::int32_t* sums = products + kWinogradComponents * component_products();
    const std::int64_t across = tiles_across();
    std::int64_t row = tiles.first / across;
    std::int64_t column = tiles.first % across;
    for (std::int64_t left = tiles.count; left > 0; ++row, column = 0) {
      const std::int64_t run = std::min(left, across - column);
      finish_run(batch, image, {2 * row, 2 * column, run}, panel * columns_, products, sums);
      products += run * columns_;
      left -= run;
    }
  }

  // Tiles side by side, which make two rows of outputs.
  struct Run {
    std::int64_t y;  // of the first output
    std::int64_t x;
    std::int64_t tiles;
  };
  void finish_run(const Batch& batch, std::int64_t image, const Run& run, std::int64_t channel,
                  const std::int32_t* products, std::int32_t* sums) const {
    const std::int64_t row_stride = 2 * run.tiles * columns_;
    for (std::int64_t tile = 0; tile < run.tiles; ++tile) {
      transforms_->transform_output({.components = products + tile * columns_,
                                     .component_stride = component_products(),
                                     .corrections = corrections_.data() + channel,
                                     .correction_stride = panels_ * columns_,
                                     .columns = columns_,
                                     .sums = sums + 2 * tile * columns_,
                                     .row_stride = row_stride});
    }
    finish(batch, image,
           {.values = sums,
            .stride = columns_,
            .row_stride = row_stride,
            .pixel = run.y * out_.width + run.x,
            .count = std::min(2 * run.tiles, out_.width - run.x),
            .rows = std::min<std::int64_t>(2, out_.height - run.y),
            .width = out_.width,
            .channel = channel,
            .channels = std::min<std::int64_t>(columns_, out_.channels - channel)});
  }

  const kernels::DotKernel* kernel_ = nullptr;
  const kernels::WinogradKernel* transforms_ = nullptr;
  std::int64_t tiles_in_group_ = 1;        // that are transformed at a time
  std::vector<std::int32_t> corrections_;  // [4][panels * columns]
};

}  // namespace

std::unique_ptr<Step> make_winograd_convolution(const StepContext& context, std::int32_t node,
                                                std::int32_t requantize) {
  return make_prepared<WinogradConvolution>(context, node, requantize);
}

}  // namespace pact::runtime
