// SPDX-License-Identifier: Apache-2.0
// What the ways of computing an integer convolution share.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "pact/runtime/step.h"

namespace pact::runtime {

/// A step of the convolution `node`, fused with its Requantize if `requantize` >= 0, and with the
/// convolution `shortcut` if that is >= 0.
class ConvolutionStep : public Step {
 public:
  ConvolutionStep(const StepContext& context, std::int32_t node, std::int32_t requantize,
                  std::int32_t shortcut = -1);

  std::vector<std::int32_t> nodes() const final;

 protected:
  /// Elements of a filter.
  std::int64_t filter_size() const { return std::int64_t{op_.kernel.y} * op_.kernel.x * in_group_; }
  /// Weights of some filters as they are stored, [filter][in of the group][kernel row][column].
  std::vector<std::uint8_t> weight_codes(const Range& filters) const;
  /// The same as kernels read them, [filter][kernel row][kernel column][in of the group].
  std::vector<std::uint8_t> codes_by_pixel(const Range& filters) const;
  /// Their levels. Large layers are packed by few filters at a time, which takes little memory.
  std::vector<std::int16_t> weight_levels(const Range& filters) const;
  std::vector<std::int16_t> weight_levels() const { return weight_levels({0, out_.channels}); }

  const std::uint8_t* input(const Batch& batch, std::int64_t image) const {
    return batch.value<std::uint8_t>(input_, image);
  }

  /// Requantizes finished sums, or stores them, the summands of their channels added.
  void finish(const Batch& batch, std::int64_t image, const Sums& sums) const;
  /// For kernels that multiply codes: a level is a code and the lowest level of the grid, so sums
  /// lack that level times the levels of their filter's weights.
  void multiply_codes();
  /// Takes the sums that `shortcut` lacks, because it multiplies codes, into account.
  void add_summands_of(const ConvolutionStep& shortcut);

  const format::Conv& op_;
  const format::Value& in_;
  const format::Value& out_;
  std::int32_t in_group_;
  std::int32_t out_group_;
  LargePages& memory_;

 private:
  Fused fused_;
  std::int32_t input_;
  std::optional<Requantizer> requantizer_;
  std::vector<std::int32_t> summands_;  // of sums that are stored; none: zeros
};

/// What a worker's scratch should hold at most: padding, dilation and filters can be far larger
/// than the image.
constexpr std::int64_t kMostScratch = 64 << 20;

/// Rows of some channels of an image, of which some may lie outside.
struct InputRows {
  std::int64_t first;
  std::int64_t count;
  Range channels;
  std::int64_t step = 1;
};

/// A convolution whose work is cut into blocks of rows (of outputs, of tiles of them, or single
/// pixels where it does not matter which row they are in) times
/// blocks of panels (of as many output channels as the kernel has columns).
class PanelConvolution : public ConvolutionStep {
 public:
  using ConvolutionStep::ConvolutionStep;

  void run(const Batch& batch) const final;

 protected:
  struct Block {
    Range rows;
    Range panels;
  };
  virtual void run_block(const Batch& batch, std::int64_t image, const Block& block,
                         std::byte* scratch) const = 0;

  Range all_channels() const { return {0, in_.channels}; }
  /// Copies rows of channels of an image with zeros around it: `framed_width` pixels each, at least
  /// the padding on the left and the width of the image. As codes, or as levels.
  void frame(const std::uint8_t* source, const InputRows& rows, std::int64_t framed_width,
             std::uint8_t* target) const;
  void frame(const std::uint8_t* source, const InputRows& rows, std::int64_t framed_width,
             std::int16_t* target) const;

  std::int64_t largest_code() const { return in_.grid.codes - 1; }
  /// Whether sums fit 32 bits if every activation is the largest code.
  bool sums_of_codes_fit() const;
  /// That a 16-bit sum can always hold, of rows of a filter (kernels/dot.h).
  int most_products_in_16_bits() const;
  /// All inputs of one pixel to each output.
  bool is_fully_connected() const {
    return in_.pixels() == 1 && out_.pixels() == 1 && op_.groups == 1 && op_.kernel.y == 1 &&
           op_.kernel.x == 1 && op_.padding.top == 0 && op_.padding.left == 0;
  }
  std::int64_t padded_width() const { return in_.width + op_.padding.left + op_.padding.right; }
  /// Sets rows_in_block_ so that what a block reads, `bytes(rows)`, stays in a second-level
  /// cache together with a panel of weights; more rows never read less. False if what one row of
  /// outputs reads is more than scratch should hold.
  bool cut_rows(const std::function<std::int64_t(std::int64_t)>& bytes);
  /// Whether AMX tiles are faster than vectors, for several pixels: of
  /// few products, or cut into small tiles, they are slower to come and go than to multiply.
  bool suits_tiles() const;
  /// Whether Winograd transforms can save products, as far as the shape decides that.
  bool suits_winograd() const;
  /// Whether tables (kernels/table_dot.h) can take the place of products and are faster.
  bool suits_tables(Isa isa) const;
  /// Of convolutions whose panels are cut group by group.
  std::int64_t panels_of_group() const { return parts_of(out_group_, columns_); }
  std::int64_t group_of(std::int64_t panel) const { return panel / panels_of_group(); }
  /// The filters of a panel, all of one group.
  Range filters_of(std::int64_t panel) const {
    const std::int64_t first = panel % panels_of_group() * columns_;
    return {group_of(panel) * out_group_ + first,
            std::min<std::int64_t>(columns_, out_group_ - first)};
  }
  /// Input rows that `rows` rows of outputs read.
  std::int64_t rows_read(std::int64_t rows) const {
    return (rows - 1) * op_.stride.y + std::int64_t{op_.dilation.y} * (op_.kernel.y - 1) + 1;
  }

  /// Products that are done sooner than another thread would begin; a shortcut's do not count.
  std::int64_t products_for_thread_ = 1;
  std::int64_t rows_ = 1;
  std::int64_t rows_in_block_ = 1;  // that scratch has room for
  std::int64_t panels_ = 1;
  int columns_ = 1;  // of a panel
  std::span<std::byte> weights_;
};

/// A step of the type that can prepare(isa) itself for its layer, or null.
template <typename Convolution>
std::unique_ptr<Step> make_prepared(const StepContext& context, std::int32_t node,
                                    std::int32_t requantize) {
  const LargePages::Mark before = context.memory.mark();
  auto step = std::make_unique<Convolution>(context, node, requantize);
  if (step->prepare(context.isa)) return step;
  context.memory.release(before);
  return nullptr;
}

/// Makes a step, or null if the layer or the instruction set does not allow this way.
std::unique_ptr<Step> make_depthwise_convolution(const StepContext& context, std::int32_t node,
                                                 std::int32_t requantize);
std::unique_ptr<Step> make_table_convolution(const StepContext& context, std::int32_t node,
                                             std::int32_t requantize);
std::unique_ptr<Step> make_packed_convolution(const StepContext& context, std::int32_t node,
                                              std::int32_t requantize);
std::unique_ptr<Step> make_direct_convolution(const StepContext& context, std::int32_t node,
                                              std::int32_t requantize);
std::unique_ptr<Step> make_winograd_convolution(const StepContext& context, std::int32_t node,
                                                std::int32_t requantize);
/// The way that every layer and instruction set allows.
std::unique_ptr<Step> make_gathered_convolution(const StepContext& context, std::int32_t node,
                                                std::int32_t requantize);

}  // namespace pact::runtime
