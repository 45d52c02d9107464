// SPDX-License-Identifier: Apache-2.0
// The runtime computes what the evaluator computes, code by code, on real images: every layer,
// every instruction set of this machine, one thread and two. PACT_PARITY_IMAGES sets the number of
// images.
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "pact/base/cpu.h"
#include "pact/base/thread_pool.h"
#include "pact/data/dataset.h"
#include "pact/graph/evaluator.h"
#include "pact/graph/quantize.h"
#include "pact/graph/safetensors.h"
#include "pact/lower/lower.h"
#include "pact/models/models.h"
#include "pact/runtime/model.h"

namespace pact {
namespace {

using Levels = std::vector<std::int32_t>;

struct Evaluated {
  std::map<std::string, Levels> levels;
  std::vector<float> output;
};

struct Widths {
  int weights;
  int activations;
  int shortcuts = 0;
};

std::string name_of(const Widths& w) {
  const std::string layers = text("W", w.weights, "A", w.activations);
  return w.shortcuts == 0 ? layers : text(layers, "S", w.shortcuts);
}

void PrintTo(const Widths& w, std::ostream* out) { *out << name_of(w); }

std::size_t image_count() {
  const char* count = std::getenv("PACT_PARITY_IMAGES");
  return count == nullptr ? 16 : std::strtoul(count, nullptr, 10);
}

constexpr const char* kWeights = "weights/pytorch_resnet_cifar10/resnet20.safetensors";

graph::Network lowered_network(const Widths& widths) {
  const auto* info = value_or_throw(data::find_dataset("cifar10"));
  graph::Network network = value_or_throw(models::build("cifar-resnet20-v1", {}));
  network.preprocessing.mean.assign(info->mean.begin(), info->mean.end());
  network.preprocessing.std.assign(info->std.begin(), info->std.end());
  const auto file = value_or_throw(graph::read_safetensors(data::data_root() / kWeights));
  value_or_throw(graph::load_parameters(network, file.tensors));
  graph::QuantizePolicy policy;
  policy.inner.weights.bits = widths.weights;
  policy.inner.activation_bits = widths.activations;
  policy.shortcut_bits = widths.shortcuts;
  policy.alpha = 3;
  return value_or_throw(lower::lower(value_or_throw(graph::quantize(network, policy))));
}

class Parity : public testing::TestWithParam<Widths> {};

TEST_P(Parity, NoCodeOfAnyLayerDiffers) {
  const auto* info = value_or_throw(data::find_dataset("cifar10"));
  const auto test = data::load_dataset(*info, data::data_root(), data::Split::Test);
  if (!test || !std::filesystem::exists(data::data_root() / kWeights)) {
    GTEST_SKIP() << "needs CIFAR-10 and the published weights under PACT_DATA";
  }
  const graph::Network lowered = lowered_network(GetParam());
  const auto bytes = value_or_throw(lower::pack(lowered));
  const Model model = value_or_throw(Model::load(std::span<const std::byte>(bytes)));
  const std::size_t count = std::min(image_count(), test->size());

  std::vector<Evaluated> expected(count);
  ThreadPool pool(2);
  pool.parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t i, int) {
    const auto image = test->image(static_cast<std::size_t>(i));
    Evaluated& result = expected[static_cast<std::size_t>(i)];
    const auto keep = [&](graph::NodeId id, const graph::Value& value) {
      if (const auto* levels = std::get_if<Levels>(&value))
        result.levels[lowered.node(id).name] = *levels;
    };
    result.output = std::get<std::vector<float>>(
        value_or_throw(graph::evaluate(lowered, Levels(image.begin(), image.end()), keep)));
  });

  const auto pixels =
      std::span<const std::uint8_t>(test->pixels).subspan(0, count * test->image_bytes());
  std::vector<float> outputs(count * model.outputs());
  std::int64_t compared = 0;
  for (const Isa isa : available_isas()) {
    for (const int threads : {1, 2}) {
      Session session =
          value_or_throw(Session::create(model, {.threads = threads, .batch = 8, .isa = isa}));
      ASSERT_EQ(session.isa(), isa);
      std::int64_t differing = 0;
      session.observe([&](const LayerView& layer) {
        const Levels& levels = expected[layer.image].levels.at(std::string(layer.name));
        ASSERT_EQ(levels.size(), layer.levels.size());
        for (std::size_t i = 0; i < levels.size(); ++i)
          differing += levels[i] != layer.levels[i] ? 1 : 0;
        compared += static_cast<std::int64_t>(levels.size());
      });
      value_or_throw(session.run(pixels, PixelOrder::Planar, outputs));
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const float output = expected[i / model.outputs()].output[i % model.outputs()];
        differing +=
            std::bit_cast<std::uint32_t>(output) != std::bit_cast<std::uint32_t>(outputs[i]) ? 1
                                                                                             : 0;
      }
      EXPECT_EQ(differing, 0) << name(isa) << ", " << threads << " threads";
    }
  }
  EXPECT_GT(compared, static_cast<std::int64_t>(count) * 150000);
  std::printf("%zu images, %lld codes compared\n", count, static_cast<long long>(compared));
}

INSTANTIATE_TEST_SUITE_P(Widths, Parity,
                         testing::Values(Widths{2, 2}, Widths{3, 3}, Widths{4, 4}, Widths{5, 5},
                                         Widths{8, 8}, Widths{2, 4}, Widths{4, 8}, Widths{2, 2, 8}),
                         [](const auto& instance) { return name_of(instance.param); });

}  // namespace
}  // namespace pact
