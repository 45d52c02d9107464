// SPDX-License-Identifier: Apache-2.0
#include "pact/runtime/convolution.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "pact/kernels/dot.h"
#include "pact/kernels/table_dot.h"
#include "pact/numeric/pack.h"

namespace pact::runtime {

ConvolutionStep::ConvolutionStep(const StepContext& context, std::int32_t node,
                                 std::int32_t requantize, std::int32_t shortcut)
    : Step(requantize >= 0 ? requantize : node),
      op_(std::get<format::Conv>(context.model.nodes[static_cast<std::size_t>(node)].operation)),
      in_(context.model.input_of(context.model.nodes[static_cast<std::size_t>(node)])),
      out_(context.model.nodes[static_cast<std::size_t>(node)].value),
      in_group_(in_.channels / op_.groups),
      out_group_(out_.channels / op_.groups),
      memory_(context.memory),
      fused_{node, shortcut},
      input_(context.model.nodes[static_cast<std::size_t>(node)].inputs[0]) {
  if (requantize >= 0) requantizer_.emplace(context, requantize, fused_);
}

std::vector<std::int32_t> ConvolutionStep::nodes() const {
  std::vector<std::int32_t> nodes{fused_.conv};
  if (fused_.shortcut >= 0) nodes.push_back(fused_.shortcut);
  if (requantizer_) nodes.push_back(node());
  return nodes;
}

std::vector<std::uint8_t> ConvolutionStep::weight_codes(const Range& filters) const {
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(filters.count * filter_size()));
  numeric::unpack(op_.packed, op_.grid.bits,
                  static_cast<std::size_t>(filters.first * filter_size()), codes);
  return codes;
}

std::vector<std::uint8_t> ConvolutionStep::codes_by_pixel(const Range& filters) const {
  const std::int64_t window = std::int64_t{op_.kernel.y} * op_.kernel.x;
  std::vector<std::uint8_t> codes = weight_codes(filters);
  if (window == 1) return codes;
  std::vector<std::uint8_t> by_pixel(codes.size());
  std::uint8_t* target = by_pixel.data();
  for (std::int64_t o = 0; o < filters.count; ++o) {
    const std::uint8_t* filter = codes.data() + o * filter_size();
    for (std::int64_t k = 0; k < window; ++k) {
      for (std::int64_t c = 0; c < in_group_; ++c) *target++ = filter[c * window + k];
    }
  }
  return by_pixel;
}

std::vector<std::int16_t> ConvolutionStep::weight_levels(const Range& filters) const {
  const std::vector<std::uint8_t> codes = codes_by_pixel(filters);
  std::vector<std::int16_t> levels(codes.begin(), codes.end());
  const auto lowest = static_cast<std::int16_t>(op_.grid.lowest);
  const auto step = static_cast<std::int16_t>(op_.grid.step);
  for (std::int16_t& level : levels) {
    level = static_cast<std::int16_t>(lowest + static_cast<std::int16_t>(step * level));
  }
  return levels;
}

void ConvolutionStep::multiply_codes() {
  const std::int32_t lowest = in_.grid.lowest;
  if (lowest == 0) return;
  std::vector<std::int32_t> summands;
  for (std::int64_t filter = 0; filter < out_.channels; ++filter) {
    const std::vector<std::int16_t> levels = weight_levels({filter, 1});
    summands.push_back(lowest * std::accumulate(levels.begin(), levels.end(), 0));
  }
  if (requantizer_) {
    requantizer_->add_to_accumulators(fused_.conv, summands);
  } else {
    summands_ = std::move(summands);
  }
}

void ConvolutionStep::add_summands_of(const ConvolutionStep& shortcut) {
  if (!shortcut.summands_.empty()) {
    requantizer_->add_to_accumulators(fused_.shortcut, shortcut.summands_);
  }
}

void ConvolutionStep::finish(const Batch& batch, std::int64_t image, const Sums& sums) const {
  if (requantizer_) return requantizer_->run(batch, image, sums);
  std::int32_t* values = batch.value<std::int32_t>(fused_.conv, image) + sums.channel;
  for (std::int64_t i = 0; i < sums.rows * sums.count; ++i) {
    const std::int64_t row = i / sums.count;
    const std::int64_t column = i % sums.count;
    std::int32_t* target = values + (sums.pixel + row * sums.width + column) * out_.channels;
    std::copy_n(sums.values + row * sums.row_stride + column * sums.stride, sums.channels, target);
    if (summands_.empty()) continue;
    for (std::int64_t c = 0; c < sums.channels; ++c) {
      target[c] += summands_[static_cast<std::size_t>(sums.channel + c)];
    }
  }
}

namespace {

struct Cut {
  std::int64_t rows;    // blocks
  std::int64_t panels;  // blocks
};

// At least as many blocks of rows as scratch asks for. As many blocks as give each thread as much
// to do, or nearly: of rows, which all read all weights, or of panels, which all read all rows and
// write parts of every pixel.
Cut cut(std::int64_t rows, std::int64_t rows_in_block, std::int64_t panels, std::int64_t images,
        int threads, bool by_panels) {
  Cut cut{parts_of(rows, rows_in_block), 1};
  if (threads == 1) return cut;
  constexpr std::int64_t kMostForThread = 4;
  const std::int64_t wanted = std::min(threads / std::gcd<std::int64_t>(threads, images),
                                       parts_of(kMostForThread * threads, images));
  if (cut.rows >= wanted) {
    cut.rows = std::min(rows, parts_of(cut.rows, wanted) * wanted);
  } else if (by_panels && panels >= std::min(rows, wanted)) {
    cut.panels = std::min(panels, parts_of(wanted, cut.rows));
  } else {
    cut.rows = std::min(rows, wanted);
  }
  return cut;
}

}  // namespace

bool PanelConvolution::cut_rows(const std::function<std::int64_t(std::int64_t)>& bytes) {
  constexpr std::int64_t kCachedBytes = 192 << 10;
  rows_in_block_ = 1;
  for (std::int64_t most = rows_; rows_in_block_ < most;) {
    const std::int64_t middle = most - (most - rows_in_block_) / 2;
    if (bytes(middle) <= kCachedBytes) {
      rows_in_block_ = middle;
    } else {
      most = middle - 1;
    }
  }
  return bytes(rows_in_block_) <= kMostScratch;
}

bool PanelConvolution::sums_of_codes_fit() const {
  if (in_.grid.lowest == 0) return true;
  for (std::int64_t filter = 0; filter < out_.channels; ++filter) {
    std::int64_t sum = 0;
    for (const std::int16_t level : weight_levels({filter, 1})) sum += std::abs(level);
    if (sum * largest_code() > std::numeric_limits<std::int32_t>::max()) return false;
  }
  return true;
}

int PanelConvolution::most_products_in_16_bits() const {
  int most = kernels::kMostProductsIn16Bits;
  for (std::int64_t filter = 0; filter < out_.channels && most > 0; ++filter) {
    const std::vector<std::int16_t> levels = weight_levels({filter, 1});
    const std::vector<std::int8_t> bytes(levels.begin(), levels.end());
    most = std::min(
        most, kernels::most_products_in_16_bits({.weights = bytes.data(),
                                                 .count = 1,
                                                 .segments = op_.kernel.y,
                                                 .depth = std::int64_t{op_.kernel.x} * in_group_,
                                                 .largest_code = largest_code()}));
  }
  return most;
}

bool PanelConvolution::suits_tiles() const {
  constexpr std::int64_t kFewestProducts = 27;
  const int fewest_quads = suits_winograd() ? 6 : 3;  // of a tile
  const std::int64_t depth = std::int64_t{op_.kernel.x} * in_group_;
  const std::int64_t quads = kernels::dot_quads(kernels::DotOperand::Bytes, depth);
  return out_.pixels() > 1 && filter_size() >= kFewestProducts &&
         kernels::quads_in_tile(quads) >= fewest_quads;
}

bool PanelConvolution::suits_winograd() const {
  // With fewer channels the transforms cost more than the products that they save.
  constexpr std::int64_t kFewestChannels = 32;
  const auto is = [](const format::Pair& pair, std::int32_t value) {
    return pair.y == value && pair.x == value;
  };
  return is(op_.kernel, 3) && is(op_.stride, 1) && is(op_.dilation, 1) && op_.groups == 1 &&
         in_.channels >= kFewestChannels && in_.channels % 4 == 0 && out_.pixels() >= 4;
}

bool PanelConvolution::suits_tables(Isa isa) const {
  constexpr std::int64_t kLargest = (1 << kernels::kTableBits) - 1;
  const std::int64_t largest_level =
      kLargest * std::int64_t{op_.grid.step} + std::abs(std::int64_t{op_.grid.lowest});
  if (op_.grid.bits > kernels::kTableBits || largest_code() > kLargest ||
      filter_size() * kLargest * largest_level > std::numeric_limits<std::int32_t>::max()) {
    return false;
  }
  if (is_fully_connected()) return true;
  const bool pairs_are_contiguous =  // those under a row of a filter
      op_.groups == 1 && op_.dilation.x == 1 && in_.channels % kernels::kTableGroup == 0;
  // Faster where a product of bytes takes several instructions, and most columns are wanted; but
  // Winograd saves more of them, as long as its weights stay in a second-level cache.
  constexpr std::int64_t kCachedComponents = 2 << 20;
  const std::int64_t components = std::int64_t{16} * in_.channels * out_.channels;
  const bool saves_less = !suits_winograd() || components > kCachedComponents;
  const std::int64_t columns = kernels::select_table_dot(isa).columns;
  const std::int64_t computed = parts_of(out_.channels, columns) * columns;
  return pairs_are_contiguous && saves_less && kernels::sums_in_16_bits(isa) &&
         2 * computed <= 3 * out_.channels;
}

void PanelConvolution::run(const Batch& batch) const {
  // Weights come from a cache that threads share, rows from that of the thread that wrote them. Few
  // pixels leave a kernel half empty, but for that of depthwise filters, which takes one. Both
  // limits are from ResNet-18 and -50 on two threads.
  constexpr std::size_t kRowsCost = 8;
  constexpr std::int64_t kFewestPixels = 32;  // of a thread
  const std::int64_t products = batch.images * out_.elements() * filter_size();
  const int threads = static_cast<int>(
      std::clamp<std::int64_t>(products / products_for_thread_, 1, batch.pool->size()));
  const bool are_few = op_.groups == 1 && out_.pixels() < kFewestPixels * threads;
  const bool by_panels =
      are_few || weight_bytes() > kRowsCost * static_cast<std::size_t>(in_.elements());
  const Cut blocks = cut(rows_, rows_in_block_, panels_, batch.images, threads, by_panels);
  const std::int64_t per_image = blocks.rows * blocks.panels;
  const auto run_index = [&](std::int64_t index, int worker) {
    const Block block{part_of({0, rows_}, index % per_image / blocks.panels, blocks.rows),
                      part_of({0, panels_}, index % blocks.panels, blocks.panels)};
    run_block(batch, index / per_image, block,
              batch.scratch + static_cast<std::size_t>(worker) * batch.scratch_stride);
  };
  const std::int64_t count = batch.images * per_image;
  if (threads > 1) return batch.pool->parallel_for(count, run_index);
  for (std::int64_t index = 0; index < count; ++index) run_index(index, 0);
}

namespace {

// copy(from, count, to) copies elements, `zero` fills what lies outside the image.
template <typename T, typename Copy>
void frame_rows(const format::Value& in, std::int64_t padding, const InputRows& rows,
                std::int64_t framed_width, T zero, T* target, const Copy& copy) {
  const std::int64_t channels = rows.channels.count;
  const bool whole_pixels = channels == in.channels;
  const std::int64_t row_size = in.width * channels;
  const std::int64_t left = padding * channels;
  const std::int64_t framed_size = framed_width * channels;
  for (std::int64_t row = 0; row < rows.count; ++row, target += framed_size) {
    const std::int64_t y = rows.first + row * rows.step;
    if (y < 0 || y >= in.height) {
      std::fill_n(target, framed_size, zero);
      continue;
    }
    std::fill_n(target, left, zero);
    const std::int64_t from = y * in.width * in.channels + rows.channels.first;
    if (whole_pixels) {
      copy(from, row_size, target + left);
    } else {
      for (std::int64_t x = 0; x < in.width; ++x) {
        copy(from + x * in.channels, channels, target + left + x * channels);
      }
    }
    std::fill(target + left + row_size, target + framed_size, zero);
  }
}

}  // namespace

void PanelConvolution::frame(const std::uint8_t* source, const InputRows& rows,
                             std::int64_t framed_width, std::uint8_t* target) const {
  const auto zero = static_cast<std::uint8_t>(-in_.grid.lowest);
  frame_rows(in_, op_.padding.left, rows, framed_width, zero, target,
             [&](std::int64_t from, std::int64_t count, std::uint8_t* to) {
               std::copy_n(source + from, count, to);
             });
}

void PanelConvolution::frame(const std::uint8_t* source, const InputRows& rows,
                             std::int64_t framed_width, std::int16_t* target) const {
  const std::int32_t lowest = in_.grid.lowest;
  frame_rows(in_, op_.padding.left, rows, framed_width, std::int16_t{0}, target,
             [&](std::int64_t from, std::int64_t count, std::int16_t* to) {
               for (std::int64_t i = 0; i < count; ++i) {
                 to[i] = static_cast<std::int16_t>(source[from + i] + lowest);
               }
             });
}

std::unique_ptr<Step> make_convolution(const StepContext& context, std::int32_t node,
                                       std::int32_t requantize) {
  if (auto step = make_depthwise_convolution(context, node, requantize)) return step;
  if (auto step = make_table_convolution(context, node, requantize)) return step;
  if (auto step = make_packed_convolution(context, node, requantize)) return step;
  if (auto step = make_winograd_convolution(context, node, requantize)) return step;
  if (auto step = make_direct_convolution(context, node, requantize)) return step;
  return make_gathered_convolution(context, node, requantize);
}

}  // namespace pact::runtime
