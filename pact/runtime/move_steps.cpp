// SPDX-License-Identifier: Apache-2.0
// Steps that move values: the pixel table, shortcuts, padding, resizing, flattening, parts of
// channels.
#include <algorithm>

#include "pact/kernels/lookup.h"
#include "pact/runtime/step.h"

namespace pact::runtime {
namespace {

class MoveStep : public Step {
 public:
  MoveStep(const StepContext& context, std::int32_t node)
      : Step(node),
        file_node_(context.model.nodes[static_cast<std::size_t>(node)]),
        in_(context.model.input_of(file_node_)),
        out_(file_node_.value),
        storage_(storage_of(out_)) {}

  void run(const Batch& batch) const final {
    batch.pool->parallel_for(batch.images,
                             [&](std::int64_t image, int) { run_image(batch, image); });
  }

 protected:
  virtual void run_image(const Batch& batch, std::int64_t image) const = 0;

  template <typename T>
  const T* input(const Batch& batch, std::int64_t image, std::size_t i = 0) const {
    return batch.value<T>(file_node_.inputs[i], image);
  }
  template <typename T>
  T* output(const Batch& batch, std::int64_t image) const {
    return batch.value<T>(node(), image);
  }

  // The output, filled with zeros.
  template <typename T>
  T* zeros(const Batch& batch, std::int64_t image) const {
    T* target = output<T>(batch, image);
    // The code of level 0.
    const auto fill = static_cast<T>(storage_ == Storage::U8 ? -out_.grid.lowest : 0);
    std::fill(target, target + out_.elements(), fill);
    return target;
  }

  const format::Node& file_node_;
  const format::Value& in_;
  const format::Value& out_;
  Storage storage_;
};

// Rows of pixels, cut into a few parts for each thread.
class Lookup final : public Step {
 public:
  Lookup(const StepContext& context, std::int32_t node)
      : Step(node),
        out_(context.model.nodes[static_cast<std::size_t>(node)].value),
        op_(std::get<format::Lookup>(
            context.model.nodes[static_cast<std::size_t>(node)].operation)),
        kernel_(kernels::select_lookup(context.isa)) {}

  std::string_view kernel() const override {
    return op_.integer() ? kernel_.name : std::string_view();
  }
  void run(const Batch& batch) const override {
    const std::int64_t parts = std::min<std::int64_t>(out_.height, 2 * batch.pool->size());
    const bool planar = batch.order == PixelOrder::Planar;
    const std::int64_t channel_stride = planar ? out_.pixels() : 1;
    const std::int64_t pixel_stride = planar ? 1 : out_.channels;
    batch.pool->parallel_for(batch.images * parts, [&](std::int64_t index, int) {
      const std::int64_t image = index / parts;
      const Range rows = part_of({0, out_.height}, index % parts, parts);
      const std::int64_t first = rows.first * out_.width;
      const kernels::LookupOperands pixels{
          .tables = op_.codes.data(),
          .values = batch.pixels + image * out_.elements() + first * pixel_stride,
          .pixel_stride = pixel_stride,
          .channel_stride = channel_stride,
          .channels = out_.channels,
          .count = rows.count * out_.width,
          .target = batch.value<std::uint8_t>(node(), image) + first * out_.channels};
      if (op_.integer()) {
        kernel_.run(pixels);
      } else {
        look_up_floats(pixels, batch.value<float>(node(), image) + first * out_.channels);
      }
    });
  }

 private:
  void look_up_floats(const kernels::LookupOperands& pixels, float* target) const {
    for (std::int64_t p = 0; p < pixels.count; ++p) {
      for (std::int64_t c = 0; c < pixels.channels; ++c) {
        const std::uint8_t value =
            pixels.values[p * pixels.pixel_stride + c * pixels.channel_stride];
        target[p * pixels.channels + c] = op_.floats[static_cast<std::size_t>(c * 256 + value)];
      }
    }
  }

  const format::Value& out_;
  const format::Lookup& op_;
  const kernels::LookupKernel& kernel_;
};

class Shortcut final : public MoveStep {
 public:
  Shortcut(const StepContext& context, std::int32_t node)
      : MoveStep(context, node), op_(std::get<format::Shortcut>(file_node_.operation)) {}

 private:
  void run_image(const Batch& batch, std::int64_t image) const override {
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      const T* source = input<T>(batch, image);
      T* target = zeros<T>(batch, image);
      for (std::int64_t y = 0; y < out_.height; ++y) {
        for (std::int64_t x = 0; x < out_.width; ++x) {
          const T* from = source + (y * op_.stride.y * in_.width + x * op_.stride.x) * in_.channels;
          copy(from, target + (y * out_.width + x) * out_.channels + op_.before);
        }
      }
    });
  }

  // The channels of a pixel, often so few that a call costs more than they do.
  template <typename T>
  void copy(const T* from, T* to) const {
    constexpr int kChunk = 16;
    std::int64_t c = 0;
    for (; c + kChunk <= in_.channels; c += kChunk) std::copy_n(from + c, kChunk, to + c);
    for (; c < in_.channels; ++c) to[c] = from[c];
  }

  const format::Shortcut& op_;
};

class Pad final : public MoveStep {
 public:
  Pad(const StepContext& context, std::int32_t node)
      : MoveStep(context, node), op_(std::get<format::Pad>(file_node_.operation)) {}

 private:
  void run_image(const Batch& batch, std::int64_t image) const override {
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      const T* source = input<T>(batch, image);
      T* target = zeros<T>(batch, image);
      for (std::int64_t y = 0; y < in_.height; ++y) {
        const std::int64_t row = op_.padding.top + y * op_.spread.y;
        for (std::int64_t x = 0; x < in_.width; ++x) {
          const std::int64_t column = op_.padding.left + x * op_.spread.x;
          std::copy_n(source, in_.channels, target + (row * out_.width + column) * out_.channels);
          source += in_.channels;
        }
      }
    });
  }

  const format::Pad& op_;
};

class Resize final : public MoveStep {
 public:
  Resize(const StepContext& context, std::int32_t node)
      : MoveStep(context, node), op_(std::get<format::Resize>(file_node_.operation)) {
    rows_ = numeric::resize_taps({in_.height, out_.height, op_.scale_y}, op_.rule);
    columns_ = numeric::resize_taps({in_.width, out_.width, op_.scale_x}, op_.rule);
  }

 private:
  void run_image(const Batch& batch, std::int64_t image) const override {
    if (op_.rule.interpolation == numeric::Interpolation::Linear) {
      return interpolate(input<float>(batch, image), output<float>(batch, image));
    }
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      const T* source = input<T>(batch, image);
      T* target = output<T>(batch, image);
      for (const numeric::Tap& row : rows_) {
        for (const numeric::Tap& column : columns_) {
          target = std::copy_n(pixel(source, row.first, column.first), in_.channels, target);
        }
      }
    });
  }

  void interpolate(const float* source, float* target) const {
    for (const numeric::Tap& row : rows_) {
      for (const numeric::Tap& column : columns_) {
        const float* top[] = {pixel(source, row.first, column.first),
                              pixel(source, row.first, column.second)};
        const float* bottom[] = {pixel(source, row.second, column.first),
                                 pixel(source, row.second, column.second)};
        for (std::int64_t c = 0; c < in_.channels; ++c) {
          *target++ = numeric::interpolate({top[0][c], top[1][c]}, {bottom[0][c], bottom[1][c]},
                                           row, column);
        }
      }
    }
  }

  template <typename T>
  const T* pixel(const T* source, std::int64_t y, std::int64_t x) const {
    return source + (y * in_.width + x) * in_.channels;
  }

  const format::Resize& op_;
  std::vector<numeric::Tap> rows_;
  std::vector<numeric::Tap> columns_;
};

class Flatten final : public MoveStep {
 public:
  using MoveStep::MoveStep;

 private:
  void run_image(const Batch& batch, std::int64_t image) const override {
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      const T* source = input<T>(batch, image);
      T* target = output<T>(batch, image);
      for (std::int64_t c = 0; c < in_.channels; ++c) {
        for (std::int64_t p = 0; p < in_.pixels(); ++p) *target++ = source[p * in_.channels + c];
      }
    });
  }
};

class Concat final : public MoveStep {
 public:
  Concat(const StepContext& context, std::int32_t node) : MoveStep(context, node) {
    for (std::size_t i = 0; i < file_node_.inputs.size(); ++i) {
      channels_.push_back(context.model.input_of(file_node_, i).channels);
    }
  }

 private:
  void run_image(const Batch& batch, std::int64_t image) const override {
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      std::int64_t first = 0;
      for (std::size_t i = 0; i < channels_.size(); ++i) {
        const T* source = input<T>(batch, image, i);
        T* target = output<T>(batch, image) + first;
        for (std::int64_t p = 0; p < out_.pixels(); ++p) {
          std::copy_n(source + p * channels_[i], channels_[i], target + p * out_.channels);
        }
        first += channels_[i];
      }
    });
  }

  std::vector<std::int64_t> channels_;  // of each part
};

class Slice final : public MoveStep {
 public:
  Slice(const StepContext& context, std::int32_t node)
      : MoveStep(context, node), op_(std::get<format::Slice>(file_node_.operation)) {}

 private:
  void run_image(const Batch& batch, std::int64_t image) const override {
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      const T* source = input<T>(batch, image) + op_.first;
      T* target = output<T>(batch, image);
      for (std::int64_t p = 0; p < out_.pixels(); ++p) {
        std::copy_n(source + p * in_.channels, out_.channels, target + p * out_.channels);
      }
    });
  }

  const format::Slice& op_;
};

class Rearrange final : public MoveStep {
 public:
  Rearrange(const StepContext& context, std::int32_t node) : MoveStep(context, node) {
    const auto& op = std::get<format::Rearrange>(file_node_.operation);
    const std::size_t rank = op.view.size();
    std::vector<std::int64_t> strides(rank, 1);  // of the view
    for (std::size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * op.view[i];
    std::vector<std::int64_t> at(rank, 0);  // in the permuted tensor
    sources_.resize(static_cast<std::size_t>(out_.elements()));
    for (std::int64_t n = 0; n < out_.elements(); ++n) {
      std::int64_t source = 0;
      for (std::size_t i = 0; i < rank; ++i) source += at[i] * strides[op.order[i]];
      sources_[static_cast<std::size_t>(channels_last(n, out_))] =
          static_cast<std::int32_t>(channels_last(source, in_));
      for (std::size_t i = rank; i-- > 0;) {
        if (++at[i] < op.view[op.order[i]]) break;
        at[i] = 0;
      }
    }
  }

 private:
  // Where element n of the order (channel, row, column) lies.
  static std::int64_t channels_last(std::int64_t n, const format::Value& value) {
    return n % value.pixels() * value.channels + n / value.pixels();
  }

  void run_image(const Batch& batch, std::int64_t image) const override {
    with_type(storage_, [&](auto zero) {
      using T = decltype(zero);
      const T* source = input<T>(batch, image);
      T* target = output<T>(batch, image);
      for (const std::int32_t from : sources_) *target++ = source[from];
    });
  }

  std::vector<std::int32_t> sources_;  // of each element
};

}  // namespace

std::unique_ptr<Step> make_move_step(const StepContext& context, std::int32_t node) {
  const format::Operation& op = context.model.nodes[static_cast<std::size_t>(node)].operation;
  if (std::holds_alternative<format::Lookup>(op)) return std::make_unique<Lookup>(context, node);
  if (std::holds_alternative<format::Shortcut>(op))
    return std::make_unique<Shortcut>(context, node);
  if (std::holds_alternative<format::Pad>(op)) return std::make_unique<Pad>(context, node);
  if (std::holds_alternative<format::Resize>(op)) return std::make_unique<Resize>(context, node);
  if (std::holds_alternative<format::Flatten>(op)) return std::make_unique<Flatten>(context, node);
  if (std::holds_alternative<format::Concat>(op)) return std::make_unique<Concat>(context, node);
  if (std::holds_alternative<format::Slice>(op)) return std::make_unique<Slice>(context, node);
  if (std::holds_alternative<format::Rearrange>(op))
    return std::make_unique<Rearrange>(context, node);
  return nullptr;
}

}  // namespace pact::runtime
