// SPDX-License-Identifier: Apache-2.0
// A float network written as ONNX and read back computes the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "pact/base/file.h"
#include "pact/graph/evaluator.h"
#include "pact/graph/quantize.h"
#include "pact/graph/safetensors.h"
#include "pact/models/models.h"
#include "pact/onnx/export.h"
#include "pact/onnx/import.h"

namespace pact::onnx {
namespace {

using namespace graph;
using testing::HasSubstr;

std::filesystem::path saved(const std::string& name, const std::string& bytes) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

void fill_randomly(Network& network) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> real(-1, 1);
  for (NodeId id = 0; id < static_cast<NodeId>(network.nodes().size()); ++id) {
    for (const ParameterSlot& slot : network.parameter_slots(id)) {
      std::vector<float> values(static_cast<std::size_t>(element_count(slot.shape)));
      for (float& value : values) {
        value = slot.role == "running_var" ? std::abs(real(random)) : real(random);
      }
      network.set_parameter(id, slot.role, Tensor::f32(slot.shape, std::move(values)));
    }
  }
}

std::vector<float> outputs_of(const Network& network) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> real(-2, 2);
  std::vector<float> image(static_cast<std::size_t>(element_count(network.node(0).type.shape)));
  for (float& value : image) value = real(random);
  return std::get<std::vector<float>>(value_or_throw(evaluate(network, Value(image))));
}

void expect_round_trip(const Network& network) {
  const auto path = saved("round_trip.onnx", value_or_throw(export_float(network)));
  const Network read = value_or_throw(import_network(path));
  const std::vector<float> expected = outputs_of(network);
  const std::vector<float> found = outputs_of(read);
  ASSERT_EQ(found.size(), expected.size());
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0);
  EXPECT_EQ(read.preprocessing, network.preprocessing);
  EXPECT_EQ(read.classes, network.classes);
  EXPECT_EQ(read.parameters(), network.parameters());
}

// The operations that make rows and columns, one after the other.
NodeId add_pixels(Network& n, NodeId rows) {
  using numeric::Coordinates;
  using numeric::Interpolation;
  using numeric::NearestRounding;
  const Operation ops[] = {
      Pad{{}, {1, 2}}, Pad{{1, 0, 2, 1}, {2, 1}},
      Resize{{12, 3},
             {2, 0.5F},
             {Interpolation::Nearest, Coordinates::HalfPixel, NearestRounding::PreferCeil}},
      Resize{{5, 4},
             {5.0F / 12, 4.0F / 3},
             {Interpolation::Linear, Coordinates::Asymmetric, NearestRounding::Ceil}}};
  NodeId last = rows;
  for (const Operation& op : ops) {
    last = value_or_throw(n.add(text("pixels", last), op, {last}));
  }
  return last;
}

// Every operation of float networks, with attributes that are not the default ones.
Network every_operation() {
  Network n;
  n.name = "every";
  n.preprocessing = {{0.1F, 0.2F, 1.0F / 3}, {0.25F, 0.5F, 1e-3F}};
  n.classes = {"cat", "big dog", ""};
  const auto add = [&](const std::string& name, const Operation& op, std::vector<NodeId> in) {
    return value_or_throw(n.add(name, op, std::move(in)));
  };
  using numeric::Function;
  const NodeId in = add("image", Input{3, 13, 11}, {});
  const NodeId conv = add("a.conv",
                          Conv2d{.out_channels = 6,
                                 .kernel = {3, 2},
                                 .stride = {2, 1},
                                 .padding = {1, 0, 2, 1},
                                 .dilation = {1, 2},
                                 .groups = 3,
                                 .bias = Bias::Present,
                                 .weights = {}},
                          {in});
  const NodeId norm = add("a.bn", BatchNorm{.epsilon = 0.0123F}, {conv});
  const NodeId leaky = add("leaky", Pointwise{Function::LeakyRelu, 0.2F, 0}, {norm});
  const NodeId clip = add("clip", Pointwise{Function::Clip, -0.5F, 0.75F}, {leaky});
  const NodeId swish = add("swish", Pointwise{Function::HardSwish}, {conv});
  const NodeId sum = add("sum", Add{}, {clip, swish});
  const NodeId shuffled = add("shuffle", Rearrange{{2, 3, 7, 10}, {1, 0, 2, 3}, {6, 7, 10}}, {sum});
  const NodeId mean = add("mean", GlobalAvgPool{}, {shuffled});
  const NodeId gate = add("gate", Pointwise{Function::HardSigmoid, 0.3F, 0.4F}, {mean});
  const NodeId gated = add("gated", Multiply{}, {shuffled, gate});
  const NodeId part = add("part", Slice{1, 4}, {gated});
  const NodeId joined = add("joined", Concat{}, {part, gated, part});
  const NodeId max = add("max", MaxPool{{3, 2}, {2, 1}, {1, 1, 0, 0}}, {joined});
  const NodeId avg = add("avg", AvgPool{{2, 3}, {1, 2}, {1, 1, 0, 2}, AverageOver::Image}, {max});
  const NodeId avg2 =
      add("avg2", AvgPool{{3, 3}, {1, 1}, {1, 1, 1, 1}, AverageOver::Window}, {avg});
  const NodeId cut = add("cut", Shortcut{{2, 1}, 1, 2}, {avg2});
  const NodeId rows = add("rows", Shortcut{{1, 2}, 0, 0}, {cut});
  const NodeId linear = add_pixels(n, rows);
  const NodeId relu = add("relu", Relu{}, {linear});
  const NodeId sigmoid = add("sigmoid", Pointwise{Function::Sigmoid}, {relu});
  const NodeId flat = add("flat", Flatten{}, {sigmoid});
  const NodeId hidden = add("fc1", Linear{7, Bias::Absent, {}}, {flat});
  const NodeId fc = add("fc2", Linear{5, Bias::Present, {}}, {hidden});
  add("softmax", Softmax{}, {fc});
  fill_randomly(n);
  return n;
}

TEST(RoundTrip, EveryOperation) { expect_round_trip(every_operation()); }

// Sizes that no float scale makes go as sizes.
TEST(RoundTrip, ResizingIsTheSameOperation) {
  int by_sizes = 0;
  for (std::int64_t in = 1; in <= 60; ++in) {
    for (std::int64_t out = 1; out <= 60; ++out) {
      const float scale = numeric::scale_between(in, out);
      by_sizes += numeric::scaled_extent(in, scale) == out ? 0 : 1;
      Network network;
      value_or_throw(network.add("image", Input{1, in, in}, {}));
      const Resize op{{out, out},
                      {scale, scale},
                      {numeric::Interpolation::Linear, numeric::Coordinates::PytorchHalfPixel,
                       numeric::NearestRounding::Floor}};
      value_or_throw(network.add("y", op, {0}));
      const std::string bytes = value_or_throw(export_float(network));
      const Network read = value_or_throw(import_network(std::as_bytes(std::span(bytes))));
      if (in != out) {
        ASSERT_EQ(*read.node(1).as<Resize>(), op) << in << " to " << out;
      }
    }
  }
  EXPECT_GT(by_sizes, 0);
  Network odd;
  value_or_throw(odd.add("image", Input{1, 4, 4}, {}));
  value_or_throw(odd.add("y", Resize{{4, 4}, {7, 1}, {}}, {0}));
  EXPECT_THAT(export_float(odd).error().message,
              HasSubstr("node 'y': expected scales that go with the sizes, found 7 and 1"));
}

TEST(RoundTrip, BuiltInNetworks) {
  for (const char* name : {"cifar-resnet20-v1", "cifar-resnet20-v2"}) {
    SCOPED_TRACE(name);
    Network network = value_or_throw(models::build(name, {3, 32, 32, 10}));
    fill_randomly(network);
    expect_round_trip(network);
  }
}

// The committed files are what is written, byte for byte; they also start the fuzzers.
TEST(RoundTrip, TheGoldenFilesAreAsWritten) {
  const auto folder = std::filesystem::path(PACT_SOURCE_DIR) / "tests/golden";
  EXPECT_EQ(value_or_throw(read_text(folder / "every_operation.onnx")),
            value_or_throw(export_float(every_operation())));
  for (const std::string name : {"every_operation", "qdq", "qonnx"}) {
    const Network network = value_or_throw(import_network(folder / (name + ".onnx")));
    const std::vector<std::byte> written = serialize_safetensors(to_tensor_file(network));
    const std::string golden = value_or_throw(read_text(folder / (name + ".safetensors")));
    ASSERT_EQ(golden.size(), written.size()) << name;
    EXPECT_EQ(std::memcmp(golden.data(), written.data(), written.size()), 0) << name;
    const TensorFile read = value_or_throw(read_safetensors(folder / (name + ".safetensors")));
    EXPECT_EQ(serialize_safetensors(to_tensor_file(value_or_throw(network_from(read)))), written);
  }
}

TEST(RoundTrip, NamesSurvive) {
  const Network network = every_operation();
  const auto path = saved("names.onnx", value_or_throw(export_float(network)));
  const Network read = value_or_throw(import_network(path));
  for (const Node& node : network.nodes()) EXPECT_TRUE(read.find(node.name)) << node.name;
}

TEST(ExportFloat, RefusesQuantizedNetworks) {
  Network network = value_or_throw(models::build("cifar-resnet20-v1", {3, 32, 32, 10}));
  network.preprocessing = {{0, 0, 0}, {1, 1, 1}};
  fill_randomly(network);
  const auto result = export_float(value_or_throw(quantize(network, {})));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("a float file cannot hold"));
}

}  // namespace
}  // namespace pact::onnx
