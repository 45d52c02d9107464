// SPDX-License-Identifier: Apache-2.0
// Pools. Channels are in the innermost loops: they are contiguous.
#include <algorithm>
#include <limits>

#include "pact/kernels/maximum.h"
#include "pact/runtime/image_step.h"

namespace pact::runtime {
namespace {

// The part of a window that lies in the image.
struct Span {
  std::int64_t first;
  std::int64_t last;  // without

  std::int64_t size() const { return last - first; }
};

Span covered(std::int64_t first, std::int64_t kernel, std::int64_t size) {
  return {std::max<std::int64_t>(first, 0), std::min(first + kernel, size)};
}

// What the windows of a pool cover.
struct Windows {
  const format::Pool& op;
  const format::Value& in;

  Span rows(std::int64_t y) const {
    return covered(y * op.stride.y - op.padding.top, op.kernel.y, in.height);
  }
  Span columns(std::int64_t x) const {
    return covered(x * op.stride.x - op.padding.left, op.kernel.x, in.width);
  }
};

// Takes in `taps` values that lie `stride` apart, for `count` targets in a row. In their order, as
// the evaluator does: of floats, it decides which of two zeros stays, and that no NaN does.
template <typename T>
void take_larger(const T* first, std::int64_t stride, std::int64_t taps, std::int64_t count,
                 T* __restrict target) {
  const auto larger = [](T a, T b) { return a < b ? b : a; };
  const T* second = first + std::min<std::int64_t>(1, taps - 1) * stride;
  const T* third = first + std::min<std::int64_t>(2, taps - 1) * stride;
  for (std::int64_t i = 0; i < count; ++i) {
    target[i] = larger(larger(larger(target[i], first[i]), second[i]), third[i]);
  }
  for (std::int64_t tap = 3; tap < taps; ++tap) {
    const T* values = first + tap * stride;
    for (std::int64_t i = 0; i < count; ++i) target[i] = larger(target[i], values[i]);
  }
}

// A row of outputs. Of codes, the maximum of the rows of the image first, then of their columns;
// of others, that of each tap in turn.
class MaxPool final : public Step {
 public:
  MaxPool(const StepContext& context, std::int32_t node)
      : Step(node),
        source_(context.model.nodes[static_cast<std::size_t>(node)].inputs[0]),
        in_(context.model.nodes[static_cast<std::size_t>(source_)].value),
        out_(context.model.nodes[static_cast<std::size_t>(node)].value),
        op_(std::get<format::Pool>(context.model.nodes[static_cast<std::size_t>(node)].operation)),
        kernel_(kernels::select_maximum(context.isa)) {}

  std::string_view kernel() const override {
    return storage_of(in_) == Storage::U8 ? kernel_.name : std::string_view();
  }
  std::size_t scratch_bytes() const override {
    if (storage_of(in_) != Storage::U8) return 0;
    return whole_lines(static_cast<std::size_t>(std::int64_t{in_.width} * in_.channels));
  }

  void run(const Batch& batch) const override {
    batch.pool->parallel_for(batch.images * out_.height, [&](std::int64_t index, int worker) {
      std::byte* scratch = batch.scratch + static_cast<std::size_t>(worker) * batch.scratch_stride;
      const std::int64_t image = index / out_.height;
      const std::int64_t y = index % out_.height;
      if (storage_of(in_) == Storage::U8) {
        return run_codes(batch, image, y, reinterpret_cast<std::uint8_t*>(scratch));
      }
      with_type(storage_of(in_), [&](auto zero) { run_row<decltype(zero)>(batch, image, y); });
    });
  }

 private:
  void run_codes(const Batch& batch, std::int64_t image, std::int64_t y,
                 std::uint8_t* largest) const {
    const std::int64_t channels = out_.channels;
    const std::int64_t row_size = in_.width * channels;
    const Windows windows{op_, in_};
    const Span rows = windows.rows(y);
    kernel_.run({.values = batch.value<std::uint8_t>(source_, image) + rows.first * row_size,
                 .stride = row_size,
                 .taps = rows.size(),
                 .count = row_size,
                 .target = largest});
    std::uint8_t* target = batch.value<std::uint8_t>(node(), image) + y * out_.width * channels;
    for (std::int64_t x = 0; x < out_.width; ++x, target += channels) {
      const Span columns = windows.columns(x);
      kernel_.run({.values = largest + columns.first * channels,
                   .stride = channels,
                   .taps = columns.size(),
                   .count = channels,
                   .target = target});
    }
  }

  template <typename T>
  void run_row(const Batch& batch, std::int64_t image, std::int64_t y) const {
    const std::int64_t channels = out_.channels;
    const std::int64_t row_size = in_.width * channels;
    const Windows windows{op_, in_};
    const Span window_rows = windows.rows(y);
    const T* source = batch.value<T>(source_, image) + window_rows.first * row_size;
    T* target = batch.value<T>(node(), image) + y * out_.width * channels;
    std::fill_n(target, out_.width * channels, std::numeric_limits<T>::lowest());
    for (std::int64_t x = 0; x < out_.width; ++x, target += channels) {
      const Span columns = windows.columns(x);
      for (std::int64_t row = 0; row < window_rows.size(); ++row) {
        take_larger(source + row * row_size + columns.first * channels, channels, columns.size(),
                    channels, target);
      }
    }
  }

  std::int32_t source_;
  const format::Value& in_;
  const format::Value& out_;
  const format::Pool& op_;
  const kernels::MaximumKernel& kernel_;
};

// Sums of levels, and averages of floats.
class SumPool final : public ImageStep {
 public:
  SumPool(const StepContext& context, std::int32_t node)
      : ImageStep(context, node), op_(std::get<format::Pool>(file_node_.operation)) {}

 private:
  void run_image(const Batch& batch, std::int64_t image, std::byte*) const override {
    if (op_.kind == format::PoolKind::Average) {
      average(batch, image);
    } else if (storage_of(in_) == Storage::U8) {
      sum<std::uint8_t>(batch, image, in_.grid.lowest);
    } else {
      sum<std::int16_t>(batch, image, 0);
    }
  }

  template <typename T>
  void sum(const Batch& batch, std::int64_t image, std::int32_t lowest) const {
    const std::int64_t channels = out_.channels;
    std::int32_t* target = output<std::int32_t>(batch, image);
    for_each_output([&](Span rows, Span columns) {
      std::fill_n(target, channels,
                  lowest * static_cast<std::int32_t>(rows.size() * columns.size()));
      for_each_pixel(rows, columns, [&](std::int64_t pixel) {
        const T* from = input<T>(batch, image) + pixel * channels;
        for (std::int64_t c = 0; c < channels; ++c) target[c] += from[c];
      });
      target += channels;
    });
  }

  void average(const Batch& batch, std::int64_t image) const {
    const float* source = input<float>(batch, image);
    float* target = output<float>(batch, image);
    for_each_output([&](Span rows, Span columns) {
      const bool over_window = op_.over == format::AverageOver::Window;
      const std::int64_t pixels =
          over_window ? std::int64_t{op_.kernel.y} * op_.kernel.x : rows.size() * columns.size();
      for (std::int64_t c = 0; c < out_.channels; ++c) {
        double total = 0;
        for_each_pixel(rows, columns,
                       [&](std::int64_t pixel) { total += source[pixel * in_.channels + c]; });
        *target++ = static_cast<float>(total / static_cast<double>(pixels));
      }
    });
  }

  template <typename Body>
  void for_each_output(const Body& body) const {
    const Windows windows{op_, in_};
    for (std::int64_t i = 0; i < out_.pixels(); ++i) {
      body(windows.rows(i / out_.width), windows.columns(i % out_.width));
    }
  }
  template <typename Body>
  void for_each_pixel(Span rows, Span columns, const Body& body) const {
    for (std::int64_t y = rows.first; y < rows.last; ++y) {
      for (std::int64_t x = columns.first; x < columns.last; ++x) body(y * in_.width + x);
    }
  }

  const format::Pool& op_;
};

}  // namespace

std::unique_ptr<Step> make_pool_step(const StepContext& context, std::int32_t node) {
  const auto* op =
      std::get_if<format::Pool>(&context.model.nodes[static_cast<std::size_t>(node)].operation);
  if (op == nullptr) return nullptr;
  if (op->kind == format::PoolKind::Max) return std::make_unique<MaxPool>(context, node);
  return std::make_unique<SumPool>(context, node);
}

}  // namespace pact::runtime
