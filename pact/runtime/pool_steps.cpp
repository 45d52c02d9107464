// SPDX-License-Identifier: Apache-2.0
// Pools. Channels are in the innermost loops: they are contiguous.
#include <algorithm>
#include <limits>

#include "pact/kernels/maximum.h"
#include "pact/runtime/pixel_step.h"

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
// the evaluator does: it decides which of two zeros stays, and that no NaN does.
void take_larger(const float* first, std::int64_t stride, std::int64_t taps, std::int64_t count,
                 float* __restrict target) {
  const auto larger = [](float a, float b) { return a < b ? b : a; };
  const float* second = first + std::min<std::int64_t>(1, taps - 1) * stride;
  const float* third = first + std::min<std::int64_t>(2, taps - 1) * stride;
  for (std::int64_t i = 0; i < count; ++i) {
    target[i] = larger(larger(larger(target[i], first[i]), second[i]), third[i]);
  }
  for (std::int64_t tap = 3; tap < taps; ++tap) {
    const float* values = first + tap * stride;
    for (std::int64_t i = 0; i < count; ++i) target[i] = larger(target[i], values[i]);
  }
}

// A row of outputs. Of integers, the maximum of the rows of the image first, then of their columns;
// of floats, that of each tap in turn.
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
    return is_float() ? std::string_view() : kernel_.name;
  }
  std::size_t scratch_bytes() const override {
    if (is_float()) return 0;
    return whole_lines(static_cast<std::size_t>(row_size()) * element_bytes(storage_of(in_)));
  }

  void run(const Batch& batch) const override {
    batch.pool->parallel_for(batch.images * out_.height, [&](std::int64_t index, int worker) {
      std::byte* scratch = batch.scratch + static_cast<std::size_t>(worker) * batch.scratch_stride;
      const std::int64_t image = index / out_.height;
      const std::int64_t y = index % out_.height;
      switch (storage_of(in_)) {
        case Storage::U8:
          return run_integers(batch, image, y, kernel_.of_codes, scratch);
        case Storage::I16:
          return run_integers(batch, image, y, kernel_.of_levels, scratch);
        case Storage::I32:
          return run_integers(batch, image, y, kernel_.of_accumulators, scratch);
        case Storage::F32:
          return run_floats(batch, image, y);
      }
    });
  }

 private:
  bool is_float() const { return storage_of(in_) == Storage::F32; }
  std::int64_t row_size() const { return std::int64_t{in_.width} * in_.channels; }

  template <typename T>
  void run_integers(const Batch& batch, std::int64_t image, std::int64_t y,
                    kernels::MaximumFunction<T> maximum, std::byte* scratch) const {
    T* largest = reinterpret_cast<T*>(scratch);
    const std::int64_t channels = out_.channels;
    const Windows windows{op_, in_};
    const Span rows = windows.rows(y);
    maximum({.values = batch.value<T>(source_, image) + rows.first * row_size(),
             .stride = row_size(),
             .taps = rows.size(),
             .count = row_size(),
             .target = largest});
    T* target = batch.value<T>(node(), image) + y * out_.width * channels;
    for (std::int64_t x = 0; x < out_.width; ++x, target += channels) {
      const Span columns = windows.columns(x);
      maximum({.values = largest + columns.first * channels,
               .stride = channels,
               .taps = columns.size(),
               .count = channels,
               .target = target});
    }
  }

  void run_floats(const Batch& batch, std::int64_t image, std::int64_t y) const {
    const std::int64_t channels = out_.channels;
    const Windows windows{op_, in_};
    const Span window_rows = windows.rows(y);
    const float* source = batch.value<float>(source_, image) + window_rows.first * row_size();
    float* target = batch.value<float>(node(), image) + y * out_.width * channels;
    std::fill_n(target, out_.width * channels, std::numeric_limits<float>::lowest());
    for (std::int64_t x = 0; x < out_.width; ++x, target += channels) {
      const Span columns = windows.columns(x);
      for (std::int64_t row = 0; row < window_rows.size(); ++row) {
        take_larger(source + row * row_size() + columns.first * channels, channels, columns.size(),
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
class SumPool final : public PixelStep {
 public:
  SumPool(const StepContext& context, std::int32_t node)
      : PixelStep(context, node), op_(std::get<format::Pool>(file_node_.operation)) {}

 private:
  void run_pixels(const Batch& batch, std::int64_t image, const Range& pixels) const override {
    if (op_.kind == format::PoolKind::Average) {
      average(batch, image, pixels);
    } else if (storage_of(in_) == Storage::U8) {
      sum<std::uint8_t>(batch, image, pixels, in_.grid.lowest);
    } else {
      sum<std::int16_t>(batch, image, pixels, 0);
    }
  }
  std::int64_t operations() const override { return in_.pixels() / out_.pixels() + 1; }

  template <typename T>
  void sum(const Batch& batch, std::int64_t image, const Range& pixels, std::int32_t lowest) const {
    const std::int64_t channels = out_.channels;
    const T* source = batch.value<T>(file_node_.inputs[0], image);
    std::int32_t* target = output<std::int32_t>(batch, image, pixels);
    for_each_window(pixels, [&](Span rows, Span columns) {
      std::fill_n(target, channels,
                  lowest * static_cast<std::int32_t>(rows.size() * columns.size()));
      for_each_pixel(rows, columns, [&](std::int64_t pixel) {
        const T* from = source + pixel * channels;
        for (std::int64_t c = 0; c < channels; ++c) target[c] += from[c];
      });
      target += channels;
    });
  }

  // In double precision, in the order of the pixels.
  void average(const Batch& batch, std::int64_t image, const Range& pixels) const {
    constexpr std::int64_t kChannels = 64;  // whose totals are made together
    const float* source = batch.value<float>(file_node_.inputs[0], image);
    float* target = output<float>(batch, image, pixels);
    for_each_window(pixels, [&](Span rows, Span columns) {
      const bool over_window = op_.over == format::AverageOver::Window;
      const auto divisor = static_cast<double>(
          over_window ? std::int64_t{op_.kernel.y} * op_.kernel.x : rows.size() * columns.size());
      for (std::int64_t first = 0; first < out_.channels; first += kChannels) {
        const std::int64_t count = std::min(kChannels, out_.channels - first);
        double totals[kChannels] = {};
        for_each_pixel(rows, columns, [&](std::int64_t pixel) {
          const float* from = source + pixel * out_.channels + first;
          for (std::int64_t c = 0; c < count; ++c) totals[c] += static_cast<double>(from[c]);
        });
        target = std::transform(totals, totals + count, target,
                                [&](double total) { return static_cast<float>(total / divisor); });
      }
    });
  }

  template <typename Body>
  void for_each_window(const Range& pixels, const Body& body) const {
    const Windows windows{op_, in_};
    for (std::int64_t i = pixels.first; i < pixels.first + pixels.count; ++i) {
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
