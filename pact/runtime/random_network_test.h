// SPDX-License-Identifier: Apache-2.0
// For tests of runtime/: lowered networks with random parameters, what the evaluator says about
// them, and the comparison of a session with that, layer by layer and bit for bit.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pact/base/cpu.h"
#include "pact/graph/evaluator.h"
#include "pact/graph/network.h"
#include "pact/lower/lower.h"
#include "pact/numeric/requantize.h"
#include "pact/runtime/counted_allocations_test.h"
#include "pact/runtime/model.h"

namespace pact::testing_networks {

using namespace graph;
using numeric::affine_grid;
using numeric::Grid;
using numeric::odd_grid;
using numeric::symmetric_grid;
using numeric::unsigned_grid;

inline const Grid kStream = symmetric_grid(numeric::kStreamBits);
inline constexpr std::int64_t kAnyAccumulator = std::numeric_limits<std::int32_t>::max();

// Builds networks whose parameters are random, from pixels on.
class Builder {
 public:
  Builder(std::int64_t channels, std::int64_t height, std::int64_t width, unsigned seed = 1)
      : random_(seed) {
    const auto c = static_cast<std::size_t>(channels);
    network_.name = "random";
    network_.preprocessing = {std::vector<float>(c, 0.5F), std::vector<float>(c, 0.25F)};
    add(Input{channels, height, width, ImageElement::Pixels}, {});
  }

  NodeId add(Operation operation, std::vector<NodeId> inputs) {
    const std::string name = text(graph::name(operation), network_.nodes().size());
    const NodeId id = value_or_throw(network_.add(name, std::move(operation), std::move(inputs)));
    std::visit([&](auto& op) { fill(id, op); },
               network_.nodes()[static_cast<std::size_t>(id)].operation);
    return id;
  }
  NodeId lookup(const Grid& grid) { return add(Lookup{.grid = grid}, {0}); }
  NodeId floats() { return add(Lookup{.table = PixelTable::Floats}, {0}); }
  NodeId requantize(std::vector<NodeId> inputs, const Grid& grid) {
    std::int64_t smallest = kAnyAccumulator;
    for (const NodeId input : inputs) smallest = std::min(smallest, bound(input));
    int shift = numeric::kMaxShift;
    while (std::ldexp(spread(grid) / static_cast<double>(smallest), shift) > kAnyAccumulator)
      --shift;
    return add(Requantize{.shift = shift, .grid = grid}, std::move(inputs));
  }
  NodeId conv3(NodeId input, std::int64_t channels, std::int64_t stride = 1) {
    return add(IntConv2d{.out_channels = channels,
                         .kernel = {3, 3},
                         .stride = {stride, stride},
                         .padding = {1, 1, 1, 1},
                         .weights = odd_grid(3)},
               {input});
  }

  const Network& network() const { return network_; }
  const ValueType& type(NodeId id) const { return network_.node(id).type; }
  std::mt19937& random() { return random_; }
  std::int64_t draw(std::int64_t lowest, std::int64_t highest) {
    return std::uniform_int_distribution<std::int64_t>(lowest, highest)(random_);
  }

 private:
  std::vector<float> reals(std::int64_t count, float lowest, float highest) {
    std::uniform_real_distribution<float> real(lowest, highest);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = real(random_);
    return values;
  }
  void fill_levels(NodeId id, const std::string& role, const Grid& grid) {
    const Shape shape = network_.parameter_slots(id)[0].shape;
    std::vector<std::int32_t> levels(static_cast<std::size_t>(element_count(shape)));
    for (auto& level : levels)
      level = grid.level(static_cast<std::int32_t>(draw(0, grid.codes - 1)));
    network_.set_parameter(id, role, Tensor::i32(shape, std::move(levels)));
  }
  template <typename Op>
  void fill(NodeId id, const Op&) {
    for (const ParameterSlot& slot : network_.parameter_slots(id)) {
      const bool variance = slot.role == "running_var";
      auto values = reals(element_count(slot.shape), variance ? 0.1F : -1.0F, 2.0F);
      network_.set_parameter(id, slot.role, Tensor::f32(slot.shape, std::move(values)));
    }
  }
  void fill(NodeId id, const Lookup& op) {
    if (op.table == PixelTable::Levels) return fill_levels(id, "table", op.grid);
    fill(id, Relu{});
  }
  void fill(NodeId id, const IntConv2d& op) { fill_levels(id, "weight", op.weights); }
  void fill(NodeId id, const IntLinear& op) { fill_levels(id, "weight", op.weights); }
  void fill(NodeId id, const Quantize& op) {
    const auto top = static_cast<float>(op.grid.codes);
    network_.set_parameter(
        id, "inverse",
        Tensor::f32({type(id).channels()}, reals(type(id).channels(), top / 9, top / 2)));
  }
  // The largest level of a requantization before it is clipped: both ends of the grid clip.
  static double spread(const Grid& grid) { return 4.0 * grid.codes; }
  void fill(NodeId id, const Requantize& op) {
    const auto& inputs = network_.node(id).inputs;
    const std::int64_t channels = type(id).channels();
    std::vector<std::int32_t> multipliers;
    for (const NodeId input : inputs) {
      const double largest =
          std::ldexp(spread(op.grid) / static_cast<double>(bound(input)), op.shift);
      for (std::int64_t c = 0; c < channels; ++c) {
        multipliers.push_back(static_cast<std::int32_t>(reals(1, -1, 1)[0] * largest));
      }
    }
    std::vector<std::int64_t> offsets;
    for (std::int64_t c = 0; c < channels; ++c) {
      offsets.push_back(draw(op.grid.lowest, op.grid.highest()) *
                        (std::int64_t{1} << (op.shift - 1)));
    }
    const auto terms = static_cast<std::int64_t>(inputs.size());
    network_.set_parameter(id, "multiplier",
                           Tensor::i32({terms, channels}, std::move(multipliers)));
    network_.set_parameter(id, "offset", Tensor::i64({channels}, std::move(offsets)));
  }

  // Largest magnitude of the integers of `id`: what the file's reader can prove.
  std::int64_t bound(NodeId id) const {
    const Node& node = network_.node(id);
    if (node.type.element == Element::Level) return node.type.grid.magnitude();
    if (const auto* pool = node.as<SumPool>()) {
      const ValueType& in = type(node.inputs[0]);
      const std::int64_t area =
          pool->kernel.y == 0 ? in.channel_size() : pool->kernel.y * pool->kernel.x;
      return area * in.grid.magnitude();
    }
    if (node.as<IntConv2d>() == nullptr && node.as<IntLinear>() == nullptr) return kAnyAccumulator;
    const auto& weights = network_.parameter(id, "weight").ints();
    const std::size_t filter = weights.size() / static_cast<std::size_t>(node.type.channels());
    std::int64_t largest = 1;
    for (std::size_t o = 0; o < weights.size(); o += filter) {
      std::int64_t sum = 0;
      for (std::size_t i = o; i < o + filter; ++i) sum += std::abs(weights[i]);
      largest = std::max(largest, sum);
    }
    return largest * type(node.inputs[0]).grid.magnitude();
  }

  Network network_;
  std::mt19937 random_;
};

// What the evaluator says about a number of random images.
struct Expected {
  std::vector<std::uint8_t> pixels;
  std::vector<float> outputs;
  std::map<std::pair<std::size_t, std::string>, std::vector<std::int32_t>>
      layers;  // by image, name
};

inline Expected evaluate_images(const Network& network, std::size_t images) {
  Expected expected;
  std::mt19937 random(7);
  const auto size = static_cast<std::size_t>(element_count(network.node(0).type.shape));
  for (std::size_t image = 0; image < images; ++image) {
    std::vector<std::int32_t> pixels(size);
    for (auto& pixel : pixels) pixel = static_cast<std::int32_t>(random() % 256);
    expected.pixels.insert(expected.pixels.end(), pixels.begin(), pixels.end());
    const Value result =
        value_or_throw(evaluate(network, Value(pixels), [&](NodeId id, const Value& value) {
          const auto* levels = std::get_if<std::vector<std::int32_t>>(&value);
          if (levels != nullptr && id != 0)
            expected.layers[{image, network.node(id).name}] = *levels;
        }));
    const auto& floats = std::get<std::vector<float>>(result);
    expected.outputs.insert(expected.outputs.end(), floats.begin(), floats.end());
  }
  return expected;
}

inline Model packed(const Network& network) {
  value_or_throw(network.verify());
  return value_or_throw(Model::load(value_or_throw(lower::pack(network))));
}

inline void expect_same_bits(const std::vector<float>& found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::memcmp(&found[i], &expected[i], sizeof(float)), 0)
        << "output " << i << ": expected " << expected[i] << ", found " << found[i];
  }
}

inline void expect_equal_run(const Network& network, const Model& model,
                             const SessionOptions& options, const Expected& expected) {
  SCOPED_TRACE(text(name(*options.isa), ", ", options.threads, " threads, batch ", options.batch));
  Session session = value_or_throw(Session::create(model, options));
  ASSERT_EQ(session.isa(), *options.isa);
  std::set<std::pair<std::size_t, std::string>> seen;
  session.observe([&](const LayerView& view) {
    const auto found = expected.layers.find({view.image, std::string(view.name)});
    ASSERT_NE(found, expected.layers.end()) << view.name;
    EXPECT_TRUE(seen.insert(found->first).second) << view.name;
    EXPECT_TRUE(std::equal(view.levels.begin(), view.levels.end(), found->second.begin(),
                           found->second.end()))
        << "layer " << view.name << " of image " << view.image;
  });
  std::vector<float> outputs(expected.outputs.size(), -77);
  ASSERT_TRUE(session.run(expected.pixels, PixelOrder::Planar, outputs));
  expect_same_bits(outputs, expected.outputs);
  // All layers but accumulators that were consumed where they were made.
  for (const auto& [key, levels] : expected.layers) {
    const Node& node = network.node(*network.find(key.second));
    const bool fusable = node.as<IntConv2d>() != nullptr || node.as<IntLinear>() != nullptr;
    EXPECT_TRUE(fusable || seen.contains(key)) << key.second << " was not shown";
  }
  // And again, unobserved, over what the last run left in memory.
  session.observe({});
  std::fill(outputs.begin(), outputs.end(), -77.0F);
  const std::size_t allocations_before = allocations();
  const Status status = session.run(expected.pixels, PixelOrder::Planar, outputs);
  EXPECT_EQ(allocations(), allocations_before);
  ASSERT_TRUE(status);
  expect_same_bits(outputs, expected.outputs);
}

struct Split {
  int threads, batch;
};
// Four images divide none of these batches but 1.
inline constexpr Split kSplits[] = {{1, 1}, {3, 3}, {1, 16}, {3, 16}};

inline std::int64_t macs(const Model& model) {
  std::int64_t total = 0;
  for (const format::Node& node : model.file().nodes) total += model.file().macs(node);
  return total;
}

// Every instruction set. Scalar kernels take a hundred times as long: large networks are split in
// one way for them.
inline void expect_runtime_equals_evaluator(const Network& network) {
  constexpr std::int64_t kLarge = 1'000'000;
  const Expected expected = evaluate_images(network, 4);
  const Model model = packed(network);
  const bool large = macs(model) > kLarge;
  std::size_t runs = 0;
  for (const Isa isa : available_isas()) {
    for (const auto& [threads, batch] : kSplits) {
      if (large && isa == Isa::Scalar && batch != 3) continue;
      expect_equal_run(network, model, {.threads = threads, .batch = batch, .isa = isa}, expected);
      ++runs;
    }
  }
  const std::size_t scalar_runs = large ? 1 : std::size(kSplits);
  ASSERT_EQ(runs, scalar_runs + (available_isas().size() - 1) * std::size(kSplits));
}

}  // namespace pact::testing_networks
