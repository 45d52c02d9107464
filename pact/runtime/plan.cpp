// SPDX-License-Identifier: Apache-2.0
#include "pact/runtime/plan.h"

#include <algorithm>
#include <chrono>
#include <map>

namespace pact::runtime {
namespace {

// consumers[n]: the nodes that read node n.
std::vector<std::vector<std::int32_t>> consumers_of(const format::Model& model) {
  std::vector<std::vector<std::int32_t>> consumers(model.nodes.size());
  for (std::size_t n = 0; n < model.nodes.size(); ++n) {
    for (const std::int32_t input : model.nodes[n].inputs) {
      consumers[static_cast<std::size_t>(input)].push_back(static_cast<std::int32_t>(n));
    }
  }
  return consumers;
}

// The Requantize that alone reads the accumulators of an integer convolution, or -1.
std::int32_t fusable(const format::Model& model, std::int32_t node,
                     const std::vector<std::int32_t>& consumers) {
  const auto* conv =
      std::get_if<format::Conv>(&model.nodes[static_cast<std::size_t>(node)].operation);
  if (conv == nullptr || !conv->integer() || consumers.size() != 1 || node == model.output)
    return -1;
  const format::Node& reader = model.nodes[static_cast<std::size_t>(consumers[0])];
  return std::holds_alternative<format::Requantize>(reader.operation) ? consumers[0] : -1;
}

// The value in whose place a Requantize can put its own, because it reads each element before it
// writes it and nothing else reads it then or later; or -1. The convolution that is fused with it,
// if any, reads what lies around.
std::int32_t replaced_value(const format::Model& model, const Step& step,
                            const std::vector<std::size_t>& last, std::size_t now) {
  const format::Node& node = model.nodes[static_cast<std::size_t>(step.node())];
  if (!std::holds_alternative<format::Requantize>(node.operation)) return -1;
  for (const std::int32_t input : node.inputs) {
    const auto i = static_cast<std::size_t>(input);
    const format::Value& value = model.nodes[i].value;
    const bool fits =
        storage_of(value) == storage_of(node.value) && value.elements() == node.value.elements();
    if (input == 0 || last[i] != now || !fits) continue;
    bool is_read_around = false;
    for (const std::int32_t n : step.nodes()) {
      const auto& inputs = model.nodes[static_cast<std::size_t>(n)].inputs;
      const auto readings = std::count(inputs.begin(), inputs.end(), input);
      is_read_around |= n == step.node() ? readings > 1 : readings > 0;
    }
    if (!is_read_around) return input;
  }
  return -1;
}

}  // namespace

Storage storage_of(const format::Value& value) {
  switch (value.element) {
    case format::Element::F32:
      return Storage::F32;
    case format::Element::Pixel:
      return Storage::U8;
    case format::Element::Accumulator:
      return Storage::I32;
    case format::Element::Level:
      break;
  }
  return value.grid.bits <= numeric::kMaxCodeBits ? Storage::U8 : Storage::I16;
}

std::size_t element_bytes(Storage storage) {
  switch (storage) {
    case Storage::U8:
      return 1;
    case Storage::I16:
      return 2;
    case Storage::I32:
    case Storage::F32:
      break;
  }
  return 4;
}

std::unique_ptr<Step> make_step(const StepContext& context, std::int32_t node) {
  const format::Operation& op = context.model.nodes[static_cast<std::size_t>(node)].operation;
  if (const auto* conv = std::get_if<format::Conv>(&op); conv != nullptr && conv->integer()) {
    return make_convolution(context, node, -1);
  }
  if (std::holds_alternative<format::Requantize>(op)) return make_requantize_step(context, node);
  if (auto step = make_move_step(context, node)) return step;
  if (auto step = make_pool_step(context, node)) return step;
  if (auto step = make_element_step(context, node)) return step;
  return make_float_step(context, node);
}

Plan::Plan(const format::Model& model, Isa isa, int batch, LargePages& memory) {
  make_steps({model, isa, memory});
  place_values(model, batch);
}

void Plan::add_step(const StepContext& context, std::unique_ptr<Step> step) {
  scratch_bytes_ = std::max(scratch_bytes_, whole_lines(step->scratch_bytes()));
  for (const std::int32_t n : step->nodes()) {
    context.model.release_weights(context.model.nodes[static_cast<std::size_t>(n)]);
  }
  steps_.push_back(std::move(step));
}

// What is fused runs where the last of it stands, when all that it reads has been made.
void Plan::make_steps(const StepContext& context) {
  const auto consumers = consumers_of(context.model);
  std::map<std::int32_t, Fused> fused_into;  // a Requantize
  for (std::int32_t node = 1; node < static_cast<std::int32_t>(context.model.nodes.size());
       ++node) {
    const std::int32_t reader =
        fusable(context.model, node, consumers[static_cast<std::size_t>(node)]);
    if (reader >= 0) {
      Fused& fused = fused_into[reader];
      std::int32_t& place = fused.conv < 0 ? fused.conv : fused.shortcut;
      if (place < 0) {
        place = node;
        continue;
      }
    }
    const auto found = fused_into.find(node);
    if (found == fused_into.end()) {
      add_step(context, make_step(context, node));
      continue;
    }
    const Fused& fused = found->second;
    std::unique_ptr<Step> step;
    if (fused.shortcut >= 0) {
      step = make_joined_convolution(context, fused, node);
      if (step == nullptr) add_step(context, make_convolution(context, fused.shortcut, -1));
    }
    if (step == nullptr) step = make_convolution(context, fused.conv, node);
    add_step(context, std::move(step));
  }
}

// First fit: values in the order in which they are made, each in the place of one that it replaces,
// or at the lowest place where no value lies that is alive at the same time.
void Plan::place_values(const format::Model& model, int batch) {
  const std::size_t count = model.nodes.size();
  std::vector<std::size_t> made(count, 0);
  std::vector<std::size_t> last(count, 0);
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    made[static_cast<std::size_t>(steps_[s]->node())] = s + 1;
  }
  // A value lives until the step that makes its readers' values; a fused reader's reader counts.
  const auto consumers = consumers_of(model);
  const auto reads_at = [&](std::int32_t reader, const auto& self) -> std::size_t {
    const auto r = static_cast<std::size_t>(reader);
    if (made[r] > 0) return made[r];
    return consumers[r].empty() ? 0 : self(consumers[r][0], self);
  };
  slots_.resize(count);
  std::vector<std::size_t> placed;
  for (const auto& step : steps_) {
    const auto n = static_cast<std::size_t>(step->node());
    last[n] = made[n];
    for (const std::int32_t reader : consumers[n])
      last[n] = std::max(last[n], reads_at(reader, reads_at));
    if (static_cast<std::int32_t>(n) == model.output) last[n] = steps_.size() + 1;
    const format::Value& value = model.nodes[n].value;
    slots_[n].bytes =
        whole_lines(static_cast<std::size_t>(value.elements()) * element_bytes(storage_of(value)));
    const std::size_t bytes = slots_[n].bytes * static_cast<std::size_t>(batch);
    placed.push_back(n);
    if (const auto old = replaced_value(model, *step, last, made[n]); old >= 0) {
      slots_[n].offset = slots_[static_cast<std::size_t>(old)].offset;
      continue;
    }
    std::erase_if(placed, [&](std::size_t other) { return last[other] < made[n]; });
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    for (const std::size_t other : placed) {
      if (other == n) continue;
      taken.emplace_back(
          slots_[other].offset,
          slots_[other].offset + slots_[other].bytes * static_cast<std::size_t>(batch));
    }
    std::sort(taken.begin(), taken.end());
    for (const auto& [begin, end] : taken) {
      if (slots_[n].offset + bytes <= begin) break;
      slots_[n].offset = std::max(slots_[n].offset, end);
    }
    arena_bytes_ = std::max(arena_bytes_, slots_[n].offset + bytes);
  }
}

std::size_t Plan::weight_bytes() const {
  std::size_t bytes = 0;
  for (const auto& step : steps_) bytes += step->weight_bytes();
  return bytes;
}

Executor::Executor(std::shared_ptr<const format::Model> model, Isa isa,
                   const SessionOptions& options)
    : model_(std::move(model)),
      isa_(isa),
      batch_(options.batch),
      plan_(*model_, isa, options.batch, memory_),
      arena_(memory_.take_zeros(plan_.arena_bytes())),
      scratch_(
          memory_.take_zeros(plan_.scratch_bytes() * static_cast<std::size_t>(options.threads))),
      pool_(options.threads),
      step_seconds_(options.timed ? plan_.steps().size() : 0) {}

// The image lies where the caller has it.
std::size_t Executor::bytes_of(std::int32_t node) const {
  if (node == 0) return static_cast<std::size_t>(model_->input_value().elements());
  return plan_.slots()[static_cast<std::size_t>(node)].bytes;
}

std::vector<StepTime> Executor::steps() const {
  std::vector<StepTime> times;
  for (std::size_t s = 0; s < plan_.steps().size(); ++s) {
    const Step& step = *plan_.steps()[s];
    const auto node = static_cast<std::size_t>(step.node());
    StepTime& time = times.emplace_back();
    time.name = model_->nodes[node].name;
    time.kernel = step.kernel();
    // What is fused is called as what it makes, and does the work of all.
    const std::vector<std::int32_t> nodes = step.nodes();
    for (const std::int32_t n : nodes) {
      const format::Node& work = model_->nodes[static_cast<std::size_t>(n)];
      time.macs += model_->macs(work);
      for (const std::int32_t input : work.inputs) {
        if (std::find(nodes.begin(), nodes.end(), input) == nodes.end()) {
          time.read_bytes += bytes_of(input);
        }
      }
    }
    time.weight_bytes = step.weight_bytes();
    time.value_bytes = plan_.slots()[node].bytes;
    if (!step_seconds_.empty()) time.seconds = step_seconds_[s];
  }
  return times;
}

void Executor::run(std::span<const std::uint8_t> images, PixelOrder order,
                   std::span<float> outputs) {
  const auto image_bytes = static_cast<std::size_t>(model_->input_value().elements());
  const auto output_count = static_cast<std::size_t>(model_->output_value().elements());
  const std::size_t count = images.size() / image_bytes;
  Batch batch{.arena = arena_.data(),
              .slots = plan_.slots().data(),
              .order = order,
              .pool = &pool_,
              .scratch = scratch_.data(),
              .scratch_stride = plan_.scratch_bytes()};
  for (std::size_t first = 0; first < count; first += static_cast<std::size_t>(batch_)) {
    batch.images =
        static_cast<std::int64_t>(std::min(count - first, static_cast<std::size_t>(batch_)));
    batch.pixels = images.data() + first * image_bytes;
    run_batch(batch, first);
    copy_outputs(batch, outputs.data() + first * output_count);
  }
}

void Executor::run_batch(const Batch& batch, std::size_t first_image) {
  using Clock = std::chrono::steady_clock;
  for (std::size_t s = 0; s < plan_.steps().size(); ++s) {
    const Step& step = *plan_.steps()[s];
    const Clock::time_point start = step_seconds_.empty() ? Clock::time_point() : Clock::now();
    step.run(batch);
    if (!step_seconds_.empty()) {
      step_seconds_[s] += std::chrono::duration<double>(Clock::now() - start).count();
    }
    if (observer_) show(batch, step.node(), first_image);
  }
}

// Channels-last floats -> [channel][row][column].
void Executor::copy_outputs(const Batch& batch, float* outputs) const {
  const format::Value& value = model_->output_value();
  for (std::int64_t image = 0; image < batch.images; ++image) {
    const float* source = batch.value<float>(model_->output, image);
    for (std::int64_t c = 0; c < value.channels; ++c) {
      for (std::int64_t p = 0; p < value.pixels(); ++p) *outputs++ = source[p * value.channels + c];
    }
  }
}

void Executor::show(const Batch& batch, std::int32_t node, std::size_t first_image) const {
  const format::Node& n = model_->nodes[static_cast<std::size_t>(node)];
  const Storage storage = storage_of(n.value);
  if (storage == Storage::F32) return;
  std::vector<std::int32_t> levels(static_cast<std::size_t>(n.value.elements()));
  for (std::int64_t image = 0; image < batch.images; ++image) {
    std::size_t i = 0;
    for (std::int64_t c = 0; c < n.value.channels; ++c) {
      for (std::int64_t p = 0; p < n.value.pixels(); ++p) {
        const std::int64_t at = p * n.value.channels + c;
        if (storage == Storage::U8) {
          levels[i++] = batch.value<std::uint8_t>(node, image)[at] + n.value.grid.lowest;
        } else if (storage == Storage::I16) {
          levels[i++] = batch.value<std::int16_t>(node, image)[at];
        } else {
          levels[i++] = batch.value<std::int32_t>(node, image)[at];
        }
      }
    }
    observer_(
        {.name = n.name, .image = first_image + static_cast<std::size_t>(image), .levels = levels});
  }
}

}  // namespace pact::runtime
