// SPDX-License-Identifier: Apache-2.0
// A step computes one value (or what is fused) of a batch. Steps are made when a session is created
// and hold everything they need; running one allocates nothing. Values lie channels-last:
// [image][row][column][channel]; levels of up to 8 bits as codes (u8), streams as levels (i16).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "pact/base/large_pages.h"
#include "pact/base/thread_pool.h"
#include "pact/format/model.h"
#include "pact/kernels/requantize.h"
#include "pact/runtime/model.h"

namespace pact::runtime {

/// Values and scratch are handed out in cache lines.
constexpr std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

struct Range {
  std::int64_t first;
  std::int64_t count;
};
/// One of `parts` parts of about the same size.
constexpr Range part_of(const Range& range, std::int64_t part, std::int64_t parts) {
  const std::int64_t first = part * range.count / parts;
  return {range.first + first, (part + 1) * range.count / parts - first};
}
/// How many parts of at most `most` there are.
constexpr std::int64_t parts_of(std::int64_t count, std::int64_t most) {
  return (count + most - 1) / most;
}

enum class Storage { U8, I16, I32, F32 };

Storage storage_of(const format::Value& value);
std::size_t element_bytes(Storage storage);

/// Calls body(T{}) with the element type of `storage`.
template <typename Body>
void with_type(Storage storage, const Body& body) {
  switch (storage) {
    case Storage::U8:
      body(std::uint8_t{});
      break;
    case Storage::I16:
      body(std::int16_t{});
      break;
    case Storage::I32:
      body(std::int32_t{});
      break;
    case Storage::F32:
      body(float{});
      break;
  }
}

/// Where the values of one image lie in the arena. `offset` is of the batch.
struct Slot {
  std::size_t offset = 0;
  std::size_t bytes = 0;  // of one image
};

/// What a step runs on.
struct Batch {
  std::byte* arena = nullptr;
  const Slot* slots = nullptr;  // by node
  std::int64_t images = 0;
  const std::uint8_t* pixels = nullptr;
  PixelOrder order = PixelOrder::Planar;
  ThreadPool* pool = nullptr;
  std::byte* scratch = nullptr;  // scratch_stride bytes a worker
  std::size_t scratch_stride = 0;

  template <typename T>
  T* value(std::int32_t node, std::int64_t image) const {
    const Slot& slot = slots[node];
    return reinterpret_cast<T*>(arena + slot.offset + static_cast<std::size_t>(image) * slot.bytes);
  }
};

class Step {
 public:
  explicit Step(std::int32_t node) : node_(node) {}
  virtual ~Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  virtual void run(const Batch& batch) const = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual std::size_t weight_bytes() const { return 0; }
  /// The kernel that does most of the work, or nothing.
  virtual std::string_view kernel() const { return {}; }

  /// The node whose value the step makes.
  std::int32_t node() const { return node_; }
  /// The nodes whose work it does.
  virtual std::vector<std::int32_t> nodes() const { return {node_}; }

 private:
  std::int32_t node_;
};

/// What steps are made of: the model, the kernels of the chosen instruction set, and memory that
/// outlives them.
struct StepContext {
  const format::Model& model;
  Isa isa;
  LargePages& memory;  // for weights
};

/// Finished accumulators [rows][row_stride] of [count][stride] pixels and of `channels` channels
/// from `channel` on. Pixels of the next row are `width` further on.
struct Sums {
  const std::int32_t* values = nullptr;
  const std::int32_t* shortcut = nullptr;  // those of the second convolution, if one is fused
  std::int64_t stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t shortcut_row_stride = 0;
  std::int64_t pixel = 0;
  std::int64_t count = 1;
  std::int64_t rows = 1;
  std::int64_t width = 0;
  std::int64_t channel = 0;
  std::int64_t channels = 0;
};

/// The convolutions that run as one with the Requantize which alone reads them.
struct Fused {
  std::int32_t conv = -1;
  std::int32_t shortcut = -1;
};

/// A requantization ready to run. Terms are read from their values, but for fused ones, whose
/// accumulators the caller passes.
class Requantizer {
 public:
  Requantizer(const StepContext& context, std::int32_t node, const Fused& fused = {});

  void run(const Batch& batch, std::int64_t image, const Sums& sums) const;
  /// Accumulators of the fused `conv` will be passed without these summands, one a channel.
  void add_to_accumulators(std::int32_t conv, const std::vector<std::int32_t>& summands);
  std::int64_t channels() const { return channels_; }
  /// What becomes of each code, if codes are all that is read and made, in every channel alike.
  std::optional<std::array<std::uint8_t, 256>> table() const;

 private:
  struct Term {
    std::int32_t node;
    enum class From { Value, Conv, Shortcut } from;
    kernels::TermType type;
    std::size_t element_bytes;
    std::int64_t largest;  // magnitude of a value
    std::vector<std::int32_t> multipliers;
    std::vector<float> float_multipliers;  // none: integers are all there is
  };

  void make_floats();

  std::int32_t node_;
  std::int64_t channels_;
  Storage storage_;
  std::int32_t lowest_;
  std::int32_t highest_;
  int shift_;
  std::vector<Term> terms_;
  std::vector<std::int64_t> even_offsets_;  // of channels 0, 2, ..
  std::vector<std::int64_t> odd_offsets_;
  std::vector<float> float_offsets_;
  int fraction_bits_ = 0;
  kernels::RequantizeFunction run_;
};

/// An integer convolution; `requantize` >= 0: fused with the Requantize node of that index.
std::unique_ptr<Step> make_convolution(const StepContext& context, std::int32_t node,
                                       std::int32_t requantize);
/// Two convolutions and the Requantize that reads both, or null where they are better apart.
std::unique_ptr<Step> make_joined_convolution(const StepContext& context, const Fused& fused,
                                              std::int32_t requantize);
/// Any other node, but Input (null).
std::unique_ptr<Step> make_step(const StepContext& context, std::int32_t node);

// Makers of the groups of steps that make_step chooses from.
std::unique_ptr<Step> make_element_step(const StepContext& context, std::int32_t node);
std::unique_ptr<Step> make_float_step(const StepContext& context, std::int32_t node);
std::unique_ptr<Step> make_move_step(const StepContext& context, std::int32_t node);
std::unique_ptr<Step> make_pool_step(const StepContext& context, std::int32_t node);
std::unique_ptr<Step> make_requantize_step(const StepContext& context, std::int32_t node);

}  // namespace pact::runtime
