// SPDX-License-Identifier: Apache-2.0
#include "pact/nn/module.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pact/graph/evaluator.h"
#include "pact/graph/quantize.h"
#include "pact/models/models.h"
#include "pact/quantizers/weights.h"

namespace pact::nn {
namespace {

using namespace graph;

Network small_network(std::string_view name) {
  Network network = value_or_throw(models::build(name, {3, 16, 16, 10}));
  models::initialize(network, 7);
  network.preprocessing = {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}};
  return network;
}

// Largest difference between LibTorch and the evaluator over the result of two random images.
float difference(const Network& network) {
  torch::manual_seed(9);
  const torch::Tensor images = torch::randn({2, 3, 16, 16});
  Module module(network);
  const torch::NoGradGuard guard;
  const torch::Tensor out = module.forward(images, Mode::Evaluate);
  float largest = 0;
  for (std::int64_t n = 0; n < 2; ++n) {
    const torch::Tensor image = images[n].contiguous();
    const float* values = image.data_ptr<float>();
    const Value result =
        value_or_throw(evaluate(network, std::vector<float>(values, values + image.numel())));
    const auto& expected = std::get<std::vector<float>>(result);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(
          largest, std::abs(expected[i] - out[n][static_cast<std::int64_t>(i)].item<float>()));
    }
  }
  return largest;
}

TEST(Module, ComputesWhatTheEvaluatorComputes) {
  for (const char* name : {"cifar-resnet20-v1", "cifar-resnet20-v2", "demo-resnet"}) {
    EXPECT_LT(difference(small_network(name)), 1e-3F) << name;
  }
}

bool has_bf16() {
  try {
    const Module module(small_network("demo-resnet"), Precision::Bf16);
    return true;
  } catch (const Exception& error) {
    EXPECT_EQ(error.error().code, ErrorCode::Unsupported);
    EXPECT_EQ(std::string(error.what()),
              "precision: bf16 needs a CPU with AVX-512 (BW, DQ, VL); use \"f32\" on this one");
    return false;
  }
}

// As close as eight significant bits a layer can be; parameters and their gradients stay floats.
TEST(Module, TrainsInBf16NearWhatF32Gives) {
  if (!has_bf16()) GTEST_SKIP() << "this CPU has no AVX-512 for bf16";
  for (const char* name : {"cifar-resnet20-v1", "demo-resnet"}) {
    const Network network = small_network(name);
    torch::manual_seed(9);
    const torch::Tensor images = torch::randn({16, 3, 16, 16});
    Module wide(network);
    Module narrow(network, Precision::Bf16);
    for (Module* module : {&wide, &narrow}) {
      module->forward(images, Mode::Train).pow(2).sum().backward();
    }
    for (const auto& [key, tensor] : narrow.tensors()) {
      EXPECT_EQ(tensor.scalar_type(), torch::kFloat) << key;
      if (narrow.role(key) != Role::Weight) continue;
      const torch::Tensor expected = wide.tensors().at(key).grad().flatten();
      const torch::Tensor found = tensor.grad().flatten();
      ASSERT_EQ(found.scalar_type(), torch::kFloat) << key;
      EXPECT_GT(torch::cosine_similarity(found, expected, 0).item<float>(), 0.95F) << name << key;
    }
    // Calibrating and estimating batch norm are not for bf16.
    const torch::NoGradGuard guard;
    for (const Mode mode : {Mode::Calibrate, Mode::Reestimate}) {
      const Network trained = network;
      Module a(trained);
      Module b(trained, Precision::Bf16);
      EXPECT_TRUE(torch::equal(a.forward(images, mode), b.forward(images, mode)));
    }
  }
}

// Batch norm and the clip behind it train as one operation; a tap sees them in turn.
TEST(Module, OneOperationForTwoTrainsLikeBoth) {
  for (const char* name : {"cifar-resnet20-v1", "cifar-resnet20-v2", "demo-resnet"}) {
    for (const AlphaGradient gradient : {AlphaGradient::Pact, AlphaGradient::PactPlus}) {
      QuantizePolicy policy;
      policy.alpha = 1.5F;
      policy.gradient = gradient;
      const Network network = value_or_throw(quantize(small_network(name), policy));
      torch::manual_seed(10);
      const torch::Tensor images = torch::randn({16, 3, 16, 16});
      Module joined(network);
      Module in_turn(network);
      const torch::Tensor a = joined.forward(images, Mode::Train);
      const torch::Tensor b = in_turn.forward(images, Mode::Train, [](NodeId, torch::Tensor&) {});
      EXPECT_LE((a - b).norm().item<float>(), 0.05F * b.norm().item<float>()) << name;
      a.pow(2).sum().backward();
      b.pow(2).sum().backward();
      for (const auto& [key, tensor] : joined.tensors()) {
        const torch::Tensor& other = in_turn.tensors().at(key);
        if (!tensor.requires_grad()) {
          EXPECT_TRUE(torch::allclose(tensor, other, 1e-2, 1e-2)) << name << ": " << key;
          continue;
        }
        const torch::Tensor expected = other.grad().flatten();
        if (expected.norm().item<float>() < 1e-3F) continue;
        EXPECT_GT(torch::cosine_similarity(tensor.grad().flatten(), expected, 0).item<float>(),
                  0.95F)
            << name << ": " << key;
      }
    }
  }
}

TEST(Module, DropsValuesThatNothingReadsAnyMore) {
  Module module(small_network("cifar-resnet20-v1"));
  const torch::NoGradGuard guard;
  std::vector<c10::weak_intrusive_ptr<c10::TensorImpl>> values;
  std::ptrdiff_t most = 0;
  module.forward(torch::randn({2, 3, 16, 16}), Mode::Evaluate, [&](NodeId, torch::Tensor& value) {
    values.emplace_back(value.getIntrusivePtr());
    most = std::max(most, std::count_if(values.begin(), values.end(),
                                        [](const auto& each) { return !each.expired(); }));
  });
  EXPECT_GT(values.size(), 60U);
  EXPECT_LE(most, 4);  // a value, what it is made of, and a residual
}

struct Joining {
  Statistics statistics = Statistics::Batch;
  numeric::Granularity granularity = numeric::Granularity::Tensor;
  bool norm_has_another_reader = false;
};

// A convolution, batch norm and a clip, whose result is the network's.
Network norm_and_clip(const Joining& joining) {
  Network n;
  const NodeId image = value_or_throw(n.add("image", Input{3, 8, 8}, {}));
  const NodeId conv =
      value_or_throw(n.add("conv", Conv2d{.out_channels = 4, .kernel = {1, 1}}, {image}));
  const NodeId norm =
      value_or_throw(n.add("norm", BatchNorm{.statistics = joining.statistics}, {conv}));
  NodeId last =
      value_or_throw(n.add("clip", FakeQuantize{.granularity = joining.granularity}, {norm}));
  if (joining.norm_has_another_reader) last = value_or_throw(n.add("add", Add{}, {norm, last}));
  models::initialize(n, 3);
  for (const ParameterSlot& slot : n.parameter_slots(3)) {
    const auto count = static_cast<std::size_t>(element_count(slot.shape));
    n.set_parameter(3, slot.role, Tensor::f32(slot.shape, std::vector<float>(count, 1.0F)));
  }
  return n;
}

bool leads_to(const torch::autograd::Node& from, const std::string& name) {
  if (from.name().find(name) != std::string::npos) return true;
  const auto& edges = from.next_edges();
  return std::any_of(edges.begin(), edges.end(), [&](const torch::autograd::Edge& edge) {
    return edge.function && leads_to(*edge.function, name);
  });
}

bool trains_as_one(const Joining& joining, Mode mode = Mode::Train, const Module::Tap& tap = {}) {
  Module module(norm_and_clip(joining));
  const torch::Tensor y = module.forward(torch::randn({2, 3, 8, 8}), mode, tap);
  return leads_to(*y.grad_fn(), "NormalizedPact");
}

TEST(Module, OnlyBatchNormThatAClipAloneReadsTrainsWithIt) {
  EXPECT_TRUE(trains_as_one({}));
  EXPECT_FALSE(trains_as_one({}, Mode::Evaluate));
  EXPECT_FALSE(trains_as_one({}, Mode::Reestimate));
  EXPECT_FALSE(trains_as_one({}, Mode::Train, [](NodeId, torch::Tensor&) {}));
  EXPECT_FALSE(trains_as_one({.statistics = Statistics::Fixed}));
  EXPECT_FALSE(trains_as_one({.granularity = numeric::Granularity::Channel}));
  EXPECT_FALSE(trains_as_one({.norm_has_another_reader = true}));
}

// The operations that imported networks have and built-in ones lack.
Network imported_operations() {
  Network n;
  const auto add = [&](const std::string& name, const Operation& op, std::vector<NodeId> in) {
    return value_or_throw(n.add(name, op, std::move(in)));
  };
  using numeric::Function;
  const NodeId image = add("image", Input{3, 16, 16}, {});
  const NodeId x = add("x", Conv2d{.out_channels = 3, .kernel = {1, 1}}, {image});
  const NodeId leaky = add("leaky", Pointwise{Function::LeakyRelu, 0.1F, 0}, {x});
  const NodeId clip = add("clip", Pointwise{Function::Clip, -0.5F, 1}, {leaky});
  const NodeId joined = add("joined", Concat{}, {leaky, clip, x});
  const NodeId part = add("part", Slice{1, 6}, {joined});
  const NodeId shuffled =
      add("shuffled", Rearrange{{2, 3, 16, 16}, {1, 0, 3, 2}, {6, 16, 16}}, {part});
  const NodeId even =
      add("even", AvgPool{{3, 3}, {2, 2}, {1, 1, 1, 1}, AverageOver::Image}, {shuffled});
  const NodeId odd = add("odd", AvgPool{{3, 2}, {1, 1}, {0, 1, 2, 0}, AverageOver::Image}, {even});
  const NodeId window =
      add("window", AvgPool{{2, 2}, {1, 1}, {1, 0, 0, 0}, AverageOver::Window}, {odd});
  const NodeId mean = add("mean", GlobalAvgPool{}, {window});
  const NodeId gate = add("gate", Pointwise{Function::HardSigmoid, 0.2F, 0.5F}, {mean});
  const NodeId gated = add("gated", Multiply{}, {window, gate});
  const NodeId swish = add("swish", Pointwise{Function::HardSwish, 0, 0}, {gated});
  const NodeId sigmoid = add("sigmoid", Pointwise{Function::Sigmoid, 0, 0}, {swish});
  const NodeId softmax = add("softmax", Softmax{}, {sigmoid});
  using numeric::Interpolation;
  const NodeId spread = add("spread", Pad{{2, 0, 1, 3}, {3, 2}}, {softmax});
  const NodeId around = add("around", Pad{{0, 1, 0, 0}, {}}, {spread});
  const NodeId nearest = add("nearest", Resize{{9, 31}, {0.4F, 1.5F}, {}}, {around});
  const NodeId linear =
      add("linear", Resize{{17, 13}, {1.9F, 0.4F}, {.interpolation = Interpolation::Linear}},
          {nearest});
  add("flat", Flatten{}, {linear});
  models::initialize(n, 3);
  return n;
}

TEST(Module, ComputesWhatTheEvaluatorComputesForOperationsOfImportedNetworks) {
  EXPECT_LT(difference(imported_operations()), 1e-5F);
}

TEST(Module, TrainsEveryOperationInBf16) {
  if (!has_bf16()) GTEST_SKIP() << "this CPU has no AVX-512 for bf16";
  torch::manual_seed(9);
  const torch::Tensor images = torch::randn({4, 3, 16, 16});
  Module wide(imported_operations());
  Module narrow(imported_operations(), Precision::Bf16);
  const torch::Tensor expected = wide.forward(images, Mode::Train);
  const torch::Tensor found = narrow.forward(images, Mode::Train);
  EXPECT_EQ(found.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::allclose(found, expected, 0.02, 0.002));
  found.square().sum().backward();
  EXPECT_EQ(narrow.tensors().at("x.weight").grad().scalar_type(), torch::kFloat);
}

TEST(Module, ResizingAndSpreadingHaveGradients) {
  Network n;
  value_or_throw(n.add("x", Input{1, 2, 2}, {}));
  value_or_throw(n.add("spread", Pad{{0, 0, 1, 1}, {2, 2}}, {0}));
  value_or_throw(n.add("linear",
                       Resize{{2, 3},
                              {0.5F, 0.75F},
                              {numeric::Interpolation::Linear, numeric::Coordinates::AlignCorners,
                               numeric::NearestRounding::Floor}},
                       {1}));
  Module module(n);
  const torch::Tensor x = torch::ones({1, 1, 2, 2}).requires_grad_();
  module.forward(x, Mode::Train).sum().backward();
  // Rows 0 and 3, columns 0, 1.5 and 3 of the spread image: only its pixel 0, 0 and half of 0, 2.
  EXPECT_TRUE(
      torch::allclose(x.grad(), torch::tensor({1.0F, 0.5F, 0.0F, 0.0F}).view({1, 1, 2, 2})));
}

TEST(Module, GivesBackTheParametersThatItWasGiven) {
  const Network network = small_network("demo-resnet");
  EXPECT_EQ(Module(network).network().parameters(), network.parameters());
}

TEST(Module, TrainingMovesWeightsAndClipsButNotFixedRanges) {
  const Network quantized = value_or_throw(quantize(small_network("demo-resnet"), {}));
  Module module(quantized);
  const torch::Tensor out = module.forward(torch::randn({4, 3, 16, 16}), Mode::Train);
  out.square().sum().backward();
  int clips = 0;
  for (const auto& [name, tensor] : module.tensors()) {
    if (module.role(name) == Role::Buffer) {
      EXPECT_FALSE(tensor.grad().defined()) << name;
      continue;
    }
    clips += module.role(name) == Role::Clip ? 1 : 0;
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_TRUE(torch::isfinite(tensor.grad()).all().item<bool>()) << name;
  }
  EXPECT_GT(clips, 3);
}

TEST(Module, CalibrationSetsClipsToThePercentileThatItSees) {
  const Network quantized = value_or_throw(quantize(small_network("demo-resnet"), {}));
  Module module(quantized);
  module.begin_calibration({numeric::ClipRule::Percentile, 1.0});
  std::map<std::string, float> largest;
  const auto keep = [&](NodeId id, const torch::Tensor& value) {
    largest[quantized.node(id).name] = value.max().item<float>();
  };
  const torch::NoGradGuard guard;
  module.forward(torch::randn({8, 3, 16, 16}), Mode::Calibrate, keep);
  const float alpha = module.tensors().at("relu1.alpha").item<float>();
  EXPECT_GT(alpha, 0.1F);
  EXPECT_FLOAT_EQ(alpha, largest.at("relu1"));
}

TEST(Module, CalibrationLeavesLearnedClipsAndQuantizesByThem) {
  const Network quantized = value_or_throw(quantize(small_network("demo-resnet"), {}));
  Module module(quantized);
  const torch::Tensor& learned = module.tensors().at("relu1.alpha");
  learned.data_ptr<float>()[0] = 0.25F;
  module.begin_calibration({numeric::ClipRule::Percentile, 1.0}, {"relu1.alpha"});
  torch::Tensor relu;
  torch::Tensor sums;
  const torch::NoGradGuard guard;
  module.forward(torch::randn({8, 3, 16, 16}), Mode::Calibrate, [&](NodeId id, torch::Tensor& x) {
    if (quantized.node(id).name == "relu1") relu = x;
    if (quantized.node(id).name == "layer1.0.conv1") sums = x;
  });
  const NodeId layer = *quantized.find("layer1.0.conv1");
  const torch::Tensor weights = quantizers::quantize_weights(
      module.tensors().at("layer1.0.conv1.weight"), quantized.node(layer).as<Conv2d>()->weights);
  EXPECT_TRUE(torch::allclose(
      sums, torch::conv2d(relu, weights, {}, {1, 1}, std::vector<std::int64_t>{1, 1}), 1e-4, 1e-5));
  EXPECT_FLOAT_EQ(learned.item<float>(), 0.25F);
  const torch::Tensor levels = relu * (15 / 0.25F);
  EXPECT_TRUE(torch::allclose(levels, levels.round(), 0, 1e-4));
  EXPECT_FLOAT_EQ(levels.max().item<float>(), 15);
  const float seen = module.tensors().at("layer1.0.relu1.alpha").item<float>();
  EXPECT_GT(seen, 0.01F);
  EXPECT_LT(seen, 10);
}

// Mean squared difference that two bits make to the first activation.
float error_after(numeric::ClipRule rule, const torch::Tensor& images) {
  const Network floats = small_network("demo-resnet");
  QuantizePolicy policy;
  policy.inner.activation_bits = 2;
  policy.first.precision = LayerPolicy::Precision::Float;
  const auto relu_of = [&](Module& module, Mode mode) {
    torch::Tensor relu;
    module.forward(images, mode, [&](NodeId id, const torch::Tensor& value) {
      if (module.network().node(id).name == "relu1") relu = value;
    });
    return relu;
  };
  const torch::NoGradGuard guard;
  Module module(value_or_throw(quantize(floats, policy)));
  module.begin_calibration({rule, 0.99});
  for (int pass = 0; pass < 3; ++pass) relu_of(module, Mode::Calibrate);
  Module reference(floats);
  const torch::Tensor expected = relu_of(reference, Mode::Evaluate);
  return (relu_of(module, Mode::Evaluate) - expected).square().mean().item<float>();
}

TEST(Module, LeastErrorCalibratesFewBitsBetterThanTheMaximum) {
  torch::manual_seed(1);
  const torch::Tensor images = torch::randn({8, 3, 16, 16});
  EXPECT_LT(error_after(numeric::ClipRule::LeastError, images),
            0.9F * error_after(numeric::ClipRule::Max, images));
}

TEST(Module, CalibrationSetsGivenScalesOfWeights) {
  QuantizePolicy policy;
  policy.inner.weights = {numeric::WeightScheme::Scaled, 4, numeric::Granularity::Channel, 0};
  Module module(value_or_throw(quantize(small_network("demo-resnet"), policy)));
  module.begin_calibration({numeric::ClipRule::Max, 1});
  const torch::Tensor& weight = module.tensors().at("layer1.0.conv1.weight");
  const torch::Tensor scale = module.tensors().at("layer1.0.conv1.weight_scale");
  EXPECT_EQ(module.role("layer1.0.conv1.weight_scale"), Role::Buffer);
  ASSERT_EQ(scale.numel(), weight.size(0));
  EXPECT_FLOAT_EQ(scale[0].item<float>(), weight[0].abs().max().item<float>() / 7);
}

TEST(Module, StreamsFollowTheRangeThatTheySee) {
  const Network quantized = value_or_throw(quantize(small_network("cifar-resnet20-v2"), {}));
  Module module(quantized);
  const std::string name = "layer1.0.add.stream.range";
  ASSERT_TRUE(module.tensors().contains(name));
  const float before = module.tensors().at(name).item<float>();
  module.forward(torch::randn({4, 3, 16, 16}), Mode::Train);
  EXPECT_NE(module.tensors().at(name).item<float>(), before);
}

TEST(Module, ReestimationKeepsTheMeanOfTheBatchesItSees) {
  Module module(small_network("demo-resnet"));
  const torch::NoGradGuard guard;
  module.forward(torch::randn({8, 3, 16, 16}), Mode::Train);  // to be forgotten
  torch::Tensor expected = torch::zeros({1});
  torch::Tensor variance = torch::zeros({1});
  module.begin_reestimation();
  for (int pass = 0; pass < 3; ++pass) {
    torch::Tensor seen;
    const Network network = module.network();
    module.forward(torch::randn({8, 3, 16, 16}) + pass, Mode::Reestimate,
                   [&](NodeId id, const torch::Tensor& value) {
                     if (network.node(id).name == "conv1") seen = value;
                   });
    expected = expected + seen.mean({0, 2, 3}) / 3;
    variance = variance + seen.var({0, 2, 3}, true) / 3;
  }
  EXPECT_TRUE(torch::allclose(module.tensors().at("bn1.running_var"), variance, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(module.tensors().at("bn1.running_mean"), expected, 1e-4, 1e-5));
}

TEST(Module, RefusesALoweredNetwork) {
  Network network;
  const NodeId image =
      value_or_throw(network.add("input", Input{1, 2, 2, ImageElement::Pixels}, {}));
  value_or_throw(
      network.add("lookup", Lookup{PixelTable::Levels, numeric::unsigned_grid(8)}, {image}));
  network.set_parameter(1, "table", Tensor::i32({1, 256}, std::vector<std::int32_t>(256)));
  EXPECT_THROW(Module{network}, Exception);
}

}  // namespace
}  // namespace pact::nn
