// SPDX-License-Identifier: Apache-2.0
// Convolution on the image as it lies: the codes under a row of a filter are contiguous, and those
// of the neighbouring pixel lie a fixed distance further on.
#include <algorithm>
#include <limits>

#include "pact/kernels/dot.h"
#include "pact/kernels/unpack.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

// As many weights as stay in a second-level cache are read for every row, so that a row of outputs,
// of which each panel makes a part, stays in the first.
constexpr std::int64_t kCachedWeights = 512 << 10;
// Weights that are worth unpacking: smaller ones may stay in a cache from one run to the next.
constexpr std::int64_t kFewestPacked = 128 << 10;
constexpr int kMostPackedBits = 4;
constexpr std::int64_t kOverread = 3;  // bytes, where a row of a filter is no whole quad
// That are finished together: few enough for the first cache.
constexpr std::int64_t kSums = 4096;

bool fit_bytes(const numeric::Grid& grid) {
  using Byte = std::numeric_limits<std::int8_t>;
  return grid.lowest >= Byte::min() && grid.highest() <= Byte::max();
}

class DirectConvolution final : public PanelConvolution {
 public:
  using PanelConvolution::PanelConvolution;

  // False where this way cannot go. Bytes where weights and sums fit and the kernel is exact, else
  // words: a model bounds sums of products of levels, and codes can be larger.
  bool prepare(Isa isa) { return prepare(isa, windows_in_run()); }
  // For a kernel that takes that many `windows` at once, if one does.
  bool prepare(Isa isa, std::int64_t windows) {
    if (op_.dilation.x != 1 || (is_grouped() && !suits_groups())) return false;
    depth_ = std::int64_t{op_.kernel.x} * in_group_;
    if (fit_bytes(op_.grid) && sums_of_codes_fit()) {
      const int most = kernels::sums_in_16_bits(isa) ? most_products_in_16_bits() : 0;
      const Isa level = isa == Isa::Amx && !suits_tiles() ? slower(isa) : isa;
      // Weights that are read once for all rows pay where multiplying is that fast.
      kernel_ = kernels::select_byte_dot(level, out_group_, most, level == Isa::Amx ? windows : 1);
    }
    if (kernel_ == nullptr) kernel_ = &kernels::select_word_dot(isa, out_group_);
    if (kernel_->release != nullptr) products_for_thread_ = kProductsInTiles;
    choose_sizes(isa);
    if (!cut_rows([&](std::int64_t rows) { return read_bytes(rows); }) && is_framed()) return false;
    pack();
    if (on_bytes()) multiply_codes();
    return true;
  }

  // Computes the shortcut's sums wherever its own are finished. False where one of both has a
  // faster way of its own, or where they do not have the same kernel.
  bool join(std::unique_ptr<DirectConvolution> shortcut, Isa isa) {
    const bool in_tiles = isa == Isa::Amx && suits_tiles();
    if (is_grouped() || (!is_pointwise() && !in_tiles) || suits_tables(isa)) return false;
    if (!shortcut->prepare(isa, windows_in_run()) || !shortcut->is_pointwise() ||
        shortcut->is_framed())
      return false;
    if (!prepare(isa) || kernel_ != shortcut->kernel_) return false;
    const auto bytes = [&](std::int64_t rows) {
      return read_bytes(rows) + shortcut->pixels_bytes(rows * width_);
    };
    if (!cut_rows(bytes)) return false;
    add_summands_of(*shortcut);
    panels_at_once_ =
        std::max<std::int64_t>(1, kCachedWeights / (panel_bytes_ + shortcut->panel_bytes_));
    shortcut->panels_at_once_ = panels_at_once_;
    shortcut_ = std::move(shortcut);
    return true;
  }

  std::string_view kernel() const override { return kernel_->name; }
  std::size_t weight_bytes() const override {
    return weights_.size() + (shortcut_ ? shortcut_->weights_.size() : 0);
  }
  std::size_t scratch_bytes() const override { return scratch_parts().bytes; }

 private:
  // Tiles do them in 1 to 2 microseconds, in which two threads have hardly met.
  static constexpr std::int64_t kProductsInTiles = 3 << 19;

  bool is_pointwise() const {
    return op_.kernel.y == 1 && op_.kernel.x == 1 && out_.pixels() > 1 && !is_grouped();
  }
  bool is_grouped() const { return op_.groups > 1; }
  bool suits_groups() const { return in_group_ % 4 == 0; }
  bool on_bytes() const { return kernel_->operand == kernels::DotOperand::Bytes; }
  std::int64_t element_bytes() const { return on_bytes() ? 1 : 2; }
  std::int64_t pixel_bytes() const { return in_group_ * element_bytes(); }
  std::ptrdiff_t step_bytes() const { return op_.stride.x * pixel_bytes(); }
  bool is_dense() const { return op_.stride.x == 1 && op_.stride.y == 1; }
  // Whether rows can be framed in such a way that the windows of all outputs are equally far apart.
  bool can_join_rows() const { return is_dense() || op_.kernel.y > 1; }
  // Of windows, that a row takes.
  std::int64_t steps_in(std::int64_t width) const { return parts_of(width, op_.stride.x); }
  // That are equally far apart: of all outputs, or of a row.
  std::int64_t windows_in_run() const {
    return (can_join_rows() ? (out_.height - 1) * steps_in(padded_width()) : 0) + out_.width;
  }
  std::int64_t quads() const { return kernels::dot_quads(kernel_->operand, depth_); }
  bool is_framed() const {
    const format::Padding& p = op_.padding;
    return by_filter_row_ || is_grouped() || !on_bytes() || p.top != 0 || p.left != 0 ||
           p.bottom != 0 || p.right != 0 || depth_ % 4 != 0;
  }
  std::int64_t framed_width() const {
    if (by_filter_row_) return steps_in(padded_width()) * op_.stride.x;
    return is_framed() ? padded_width() : in_.width;
  }
  // For `rows` rows of outputs.
  std::int64_t framed_rows(std::int64_t rows) const {
    return by_filter_row_ ? op_.kernel.y * rows : rows_read(rows);
  }
  std::int64_t row_bytes() const { return framed_width() * pixel_bytes(); }
  // By `rows` rows of outputs, of all groups.
  std::int64_t read_bytes(std::int64_t rows) const {
    return pixels_alone_ ? rows * pixel_bytes() : op_.groups * group_bytes(rows);
  }
  std::int64_t group_bytes(std::int64_t rows) const { return framed_rows(rows) * row_bytes(); }
  std::size_t framed_bytes() const {
    if (!is_framed()) return 0;
    return static_cast<std::size_t>(read_bytes(rows_in_block_) + kOverread);
  }

  // Where what is in scratch begins.
  struct ScratchParts {
    std::size_t sums;
    std::size_t shortcut_sums;
    std::size_t unpacked;
    std::size_t shortcut_unpacked;
    std::size_t shortcut_pixels;
    std::size_t bytes;
  };
  ScratchParts scratch_parts() const {
    constexpr std::size_t kSumsBytes = kSums * sizeof(std::int32_t);
    ScratchParts parts{};
    parts.sums = whole_lines(framed_bytes());
    parts.shortcut_sums = parts.sums + whole_lines(kSumsBytes);
    parts.unpacked = parts.shortcut_sums + (shortcut_ ? whole_lines(kSumsBytes) : 0);
    parts.shortcut_unpacked = parts.unpacked + whole_lines(unpacked_bytes());
    parts.bytes = parts.shortcut_pixels = parts.shortcut_unpacked;
    if (!shortcut_) return parts;
    parts.shortcut_pixels += whole_lines(shortcut_->unpacked_bytes());
    const std::int64_t pixels = shortcut_->pixels_bytes(rows_in_block_ * width_);
    parts.bytes = parts.shortcut_pixels + whole_lines(static_cast<std::size_t>(pixels));
    return parts;
  }

  // Of the panels that are unpacked at a time.
  std::size_t unpacked_bytes() const {
    if (unpack_ == nullptr) return 0;
    return static_cast<std::size_t>(std::min(panels_at_once_, panels_) * panel_bytes_);
  }

  void choose_sizes(Isa isa) {
    columns_ = kernel_->columns;
    panels_ = op_.groups * panels_of_group();
    rows_ = out_.height;
    width_ = out_.width;
    pixels_alone_ = op_.kernel.y == 1 && op_.kernel.x == 1 && is_dense() && !is_framed();
    panel_bytes_ =
        kernels::dot_packed_bytes(kernel_->operand, columns_, op_.kernel.y, depth_, columns_);
    if (on_bytes() && op_.grid.bits <= kMostPackedBits && depth_ % 4 == 0 &&
        panel_bytes_ % kernels::kUnpackedBytes == 0 && panel_bytes_ <= kCachedWeights &&
        panels_ * panel_bytes_ >= kFewestPacked) {
      unpack_ = &kernels::select_unpack(isa);
      for (int code = 0; code < op_.grid.codes; ++code) {
        levels_[code] = static_cast<std::int8_t>(op_.grid.level(code));
      }
    }
    panels_at_once_ = std::max<std::int64_t>(1, kCachedWeights / panel_bytes_);
    if (pixels_alone_) {
      rows_ = out_.pixels();
      width_ = 1;
      rows_at_once_ = longest();
    } else if (can_join_rows() && 2 * width_ <= kernel_->max_rows) {
      by_filter_row_ = !is_dense();
      const std::int64_t most =
          std::max<std::int64_t>(1, (longest() + between_rows()) / windows_in_row());
      // Groups of one size make runs of one length; but not of far fewer rows.
      rows_at_once_ = most;
      while (2 * rows_at_once_ > most && rows_ % rows_at_once_ != 0) --rows_at_once_;
      if (rows_at_once_ == 1 || rows_ % rows_at_once_ != 0) rows_at_once_ = most;
      by_filter_row_ = by_filter_row_ && rows_at_once_ > 1;
    }
  }
  // Of `rows` rows, as many in each as can be: runs of one length follow each other best.
  std::int64_t rows_in_group(std::int64_t rows) const {
    return parts_of(rows, parts_of(rows, rows_at_once_));
  }
  // Pixels that are finished together: whole runs of the kernel.
  std::int64_t longest() const { return kSums / columns_ / kernel_->max_rows * kernel_->max_rows; }
  // What a window passes over from the end of a row of outputs to the start of the next.
  std::int64_t between_rows() const { return windows_in_row() - width_; }
  std::int64_t windows_in_row() const { return pixels_alone_ ? width_ : steps_in(framed_width()); }

  int packed_bits() const { return op_.grid.bits <= 2 ? 2 : 4; }
  // Of a panel as it lies in memory.
  std::int64_t stored_bytes() const {
    return unpack_ == nullptr ? panel_bytes_ : panel_bytes_ * packed_bits() / 8;
  }

  void pack() {
    weights_ = memory_.take(static_cast<std::size_t>(panels_ * stored_bytes()));
    for (std::int64_t panel = 0; panel < panels_; ++panel) {
      std::byte* target = weights_.data() + panel * stored_bytes();
      const Range filters = filters_of(panel);
      if (unpack_ != nullptr) {
        // Columns that do not exist have the first code; nobody reads their sums.
        std::vector<std::int8_t> codes(static_cast<std::size_t>(panel_bytes_));
        pack_columns(codes_by_pixel(filters), filters.count, codes.data());
        kernels::pack_groups(reinterpret_cast<const std::uint8_t*>(codes.data()),
                             panel_bytes_ / kernels::kUnpackedBytes, packed_bits(),
                             reinterpret_cast<std::uint8_t*>(target));
      } else if (on_bytes()) {
        pack_columns(weight_levels(filters), filters.count, reinterpret_cast<std::int8_t*>(target));
      } else {
        pack_columns(weight_levels(filters), filters.count,
                     reinterpret_cast<std::int16_t*>(target));
      }
    }
  }
  template <typename From, typename T>
  void pack_columns(const std::vector<From>& values, std::int64_t count, T* target) const {
    const std::vector<T> weights(values.begin(), values.end());
    kernels::pack_dot_columns(weights.data(), count, op_.kernel.y, depth_, columns_, target);
  }

  // Of some panels, as the kernel reads them, and what it has to unpack before it comes there.
  struct Weights {
    const std::byte* bytes;
    kernels::UnpackOperands packed;
  };
  Weights weights_of(const Range& panels, std::byte* scratch) const {
    const std::byte* stored = weights_.data() + panels.first * stored_bytes();
    if (unpack_ == nullptr) return {stored, {}};
    Weights weights{scratch,
                    {.packed = reinterpret_cast<const std::uint8_t*>(stored),
                     .bits = packed_bits(),
                     .levels = levels_,
                     .groups = panels.count * panel_bytes_ / kernels::kUnpackedBytes,
                     .target = reinterpret_cast<std::int8_t*>(scratch)}};
    unpack_->run(
        weights.packed.take(kernel_->unpacks ? kernels::kGroupsAhead : weights.packed.groups));
    return weights;
  }

  // What the kernel reads.
  struct Windows {
    const std::byte* codes;
    std::ptrdiff_t step;
    std::ptrdiff_t filter_row;  // from one to the next

    Windows from(std::ptrdiff_t offset) const { return {codes + offset, step, filter_row}; }
  };
  // Of some rows of outputs, framed in scratch if they have to be.
  Windows windows_of(const Batch& batch, std::int64_t image, const Block& block,
                     std::byte* scratch) const {
    const Range& rows = block.rows;
    const std::uint8_t* codes = input(batch, image);
    const std::ptrdiff_t filter_row = (by_filter_row_ ? rows.count : op_.dilation.y) * row_bytes();
    if (!is_framed()) {
      return {reinterpret_cast<const std::byte*>(codes) + row_offset(rows.first), step_bytes(),
              filter_row};
    }
    const std::int64_t top = rows.first * op_.stride.y - op_.padding.top;
    const std::int64_t last = group_of(block.panels.first + block.panels.count - 1);
    for (std::int64_t group = group_of(block.panels.first); group <= last; ++group) {
      std::byte* target = scratch + group * group_bytes(rows.count);
      const Range channels{group * in_group_, in_group_};
      for (std::int32_t y = 0; by_filter_row_ && y < op_.kernel.y; ++y) {
        const std::int64_t first = top + std::int64_t{y} * op_.dilation.y;
        frame_in(target + y * filter_row, codes, {first, rows.count, channels, op_.stride.y});
      }
      if (!by_filter_row_) frame_in(target, codes, {top, rows_read(rows.count), channels});
    }
    return {scratch, step_bytes(), filter_row};
  }
  void frame_in(std::byte* scratch, const std::uint8_t* codes, const InputRows& rows) const {
    if (on_bytes()) {
      frame(codes, rows, framed_width(), reinterpret_cast<std::uint8_t*>(scratch));
    } else {
      frame(codes, rows, framed_width(), reinterpret_cast<std::int16_t*>(scratch));
    }
  }
  // From the first windows to those of another row of outputs.
  std::ptrdiff_t row_offset(std::int64_t row) const {
    if (pixels_alone_) return row * pixel_bytes();
    return row * (by_filter_row_ ? 1 : op_.stride.y) * row_bytes();
  }

  struct SumsOf {
    std::int32_t* windows;
    std::int32_t* shortcut;  // null without one
  };

  void run_block(const Batch& batch, std::int64_t image, const Block& block,
                 std::byte* scratch) const override {
    const ScratchParts parts = scratch_parts();
    const SumsOf sums{
        reinterpret_cast<std::int32_t*>(scratch + parts.sums),
        shortcut_ ? reinterpret_cast<std::int32_t*>(scratch + parts.shortcut_sums) : nullptr};
    const Windows windows = windows_of(batch, image, block, scratch);
    Pixels shortcut_pixels{};
    if (shortcut_) {
      const Range pixels{block.rows.first * width_, block.rows.count * width_};
      shortcut_pixels = shortcut_->pixels_of(batch, image, pixels, scratch + parts.shortcut_pixels);
    }
    const std::int64_t group = rows_in_group(block.rows.count);
    for (std::int64_t first = 0; first < block.panels.count; first += panels_at_once_) {
      const Range panels{block.panels.first + first,
                         std::min(panels_at_once_, block.panels.count - first)};
      Weights weights = weights_of(panels, scratch + parts.unpacked);
      Weights shortcut =
          shortcut_ ? shortcut_->weights_of(panels, scratch + parts.shortcut_unpacked) : Weights{};
      for (std::int64_t row = 0; row < block.rows.count; row += group) {
        const Range rows{row, std::min(group, block.rows.count - row)};
        for (std::int64_t p = 0; p < panels.count; ++p) {
          const Panel panel{panels.first + p, panel_of(weights, p, row == 0),
                            shortcut_ ? shortcut_->panel_of(shortcut, p, row == 0) : PanelWeights{},
                            shortcut_pixels};
          const std::ptrdiff_t skipped = group_of(panel.index) * group_bytes(block.rows.count);
          run_rows(batch, image, {block.rows.first + rows.first, rows.count}, panel,
                   windows.from(skipped + row_offset(rows.first)), sums);
        }
      }
    }
    if (kernel_->release != nullptr) kernel_->release();
  }

  // Of a pointwise convolution: the codes of outputs' pixels, side by side.
  struct Pixels {
    const std::byte* codes;
    std::int64_t first;
  };
  Pixels pixels_of(const Batch& batch, std::int64_t image, const Range& pixels,
                   std::byte* scratch) const {
    const auto* codes = reinterpret_cast<const std::byte*>(input(batch, image));
    if (is_dense()) return {codes, 0};
    for (std::int64_t i = 0; i < pixels.count; ++i) {
      const std::int64_t y = (pixels.first + i) / out_.width * op_.stride.y;
      const std::int64_t x = (pixels.first + i) % out_.width * op_.stride.x;
      std::copy_n(codes + (y * in_.width + x) * pixel_bytes(), pixel_bytes(),
                  scratch + i * pixel_bytes());
    }
    return {scratch, pixels.first};
  }
  std::int64_t pixels_bytes(std::int64_t pixels) const {
    return is_dense() ? 0 : pixels * pixel_bytes();
  }

  struct PanelWeights {
    const std::byte* bytes;
    kernels::UnpackOperands* ahead;  // of the panels behind it
    bool are_far;
  };
  PanelWeights panel_of(Weights& weights, std::int64_t place, bool is_first_read) const {
    return {weights.bytes + place * panel_bytes_, &weights.packed,
            is_first_read && unpack_ == nullptr};
  }
  struct Panel {
    std::int64_t index;
    PanelWeights weights;
    PanelWeights shortcut;
    Pixels shortcut_pixels;
  };

  void run_rows(const Batch& batch, std::int64_t image, const Range& rows, const Panel& panel,
                const Windows& windows, const SumsOf& sums) const {
    const std::int64_t first_pixel = rows.first * width_;
    if (rows.count > 1 && !pixels_alone_) {
      // Of several short rows as of one, with the windows between them, whose sums are dropped.
      multiply(windows, rows.count * windows_in_row() - between_rows(), panel.weights,
               sums.windows);
      sum_shortcut({first_pixel, rows.count * width_}, panel, sums.shortcut);
      finish_pixels(batch, image, {first_pixel, width_}, rows.count, panel, sums);
      return;
    }
    const Range run{first_pixel, rows.count * width_};
    const std::int64_t parts = parts_of(run.count, longest());
    for (std::int64_t part = 0; part < parts; ++part) {
      const Range pixels = part_of(run, part, parts);
      multiply(windows.from((pixels.first - first_pixel) * step_bytes()), pixels.count,
               panel.weights, sums.windows);
      sum_shortcut(pixels, panel, sums.shortcut);
      finish_pixels(batch, image, pixels, 1, panel, sums);
    }
  }

  void sum_shortcut(const Range& pixels, const Panel& panel, std::int32_t* sums) const {
    if (!shortcut_) return;
    const std::ptrdiff_t step = shortcut_->pixel_bytes();
    const Pixels& from = panel.shortcut_pixels;
    shortcut_->multiply({from.codes + (pixels.first - from.first) * step, step, 0}, pixels.count,
                        panel.shortcut, sums);
  }

  // The same pixels of `rows` rows, of which the first is given.
  void finish_pixels(const Batch& batch, std::int64_t image, const Range& pixels, std::int64_t rows,
                     const Panel& panel, const SumsOf& sums) const {
    const Range filters = filters_of(panel.index);
    finish(batch, image,
           {.values = sums.windows,
            .shortcut = sums.shortcut,
            .stride = columns_,
            .row_stride = windows_in_row() * columns_,
            .shortcut_row_stride = width_ * columns_,
            .pixel = pixels.first,
            .count = pixels.count,
            .rows = rows,
            .width = width_,
            .channel = filters.first,
            .channels = filters.count});
  }

  // Pieces of about one length, none longer than the kernel's rows. Of exactly one, the last one
  // overlapping, for a kernel that configures registers for it.
  void multiply(const Windows& windows, std::int64_t count, const PanelWeights& weights,
                std::int32_t* sums) const {
    const std::int64_t pieces = parts_of(count, kernel_->max_rows);
    const std::int64_t longest_piece = parts_of(count, pieces);
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      Range part = part_of({0, count}, piece, pieces);
      if (kernel_->one_length) {
        part = {std::min(part.first, count - longest_piece), longest_piece};
      }
      kernel_->run[part.count - 1]({.a = windows.codes + part.first * windows.step,
                                    .row_stride = windows.step,
                                    .segment_stride = windows.filter_row,
                                    .segments = op_.kernel.y,
                                    .quads = quads(),
                                    .b = weights.bytes,
                                    .c = sums + part.first * columns_,
                                    .ahead = piece == 0 ? weights.ahead : nullptr,
                                    .b_is_far = piece == 0 && weights.are_far});
    }
  }

  const kernels::DotKernel* kernel_ = nullptr;
  const kernels::UnpackKernel* unpack_ = nullptr;  // of weights that lie packed
  std::int8_t levels_[kernels::kUnpackLevels] = {};
  std::int64_t panel_bytes_ = 0;     // as the kernel reads it
  std::int64_t panels_at_once_ = 1;  // that a second-level cache holds
  std::int64_t depth_ = 0;           // elements under a row of a filter
  std::int64_t width_ = 0;           // of a row of outputs
  std::int64_t rows_at_once_ = 1;
  bool pixels_alone_ = false;   // a row is one pixel
  bool by_filter_row_ = false;  // framed: what a row of filters reads for all outputs, together
  std::unique_ptr<DirectConvolution> shortcut_;
};

}  // namespace

std::unique_ptr<Step> make_direct_convolution(const StepContext& context, std::int32_t node,
                                              std::int32_t requantize) {
  return make_prepared<DirectConvolution>(context, node, requantize);
}

std::unique_ptr<Step> make_joined_convolution(const StepContext& context, const Fused& fused,
                                              std::int32_t requantize) {
  const LargePages::Mark before = context.memory.mark();
  auto step = std::make_unique<DirectConvolution>(context, fused.conv, requantize, fused.shortcut);
  auto shortcut = std::make_unique<DirectConvolution>(context, fused.shortcut, -1);
  if (step->join(std::move(shortcut), context.isa)) return step;
  context.memory.release(before);
  return nullptr;
}

}  // namespace pact::runtime
