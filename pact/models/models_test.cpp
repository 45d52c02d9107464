// SPDX-License-Identifier: Apache-2.0
#include "pact/models/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "pact/graph/evaluator.h"
#include "pact/graph/safetensors.h"

namespace pact::models {
namespace {

using graph::Network;
using graph::NodeId;
using testing::HasSubstr;

Network built(std::string_view name, const Task& task = {}, std::uint64_t seed = 1) {
  Network network = value_or_throw(build(name, task));
  initialize(network, seed);
  return network;
}

// Elements of trained parameters: weights and biases, not the statistics of batch norm.
std::int64_t trained_parameters(const Network& network) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : network.parameters()) {
    if (name.find(".running_") == std::string::npos) count += graph::element_count(tensor.shape);
  }
  return count;
}

std::int64_t convolutions(const Network& network) {
  std::int64_t count = 0;
  for (const auto& node : network.nodes()) count += node.as<graph::Conv2d>() != nullptr ? 1 : 0;
  return count;
}

TEST(Models, EveryNameBuildsAndVerifiesOnceInitialized) {
  std::set<std::string_view> names;
  for (const ModelInfo& info : models()) {
    Network network = value_or_throw(build(info.name, info.task));
    EXPECT_FALSE(network.verify()) << info.name;  // parameters are missing
    initialize(network, 1);
    const Status status = network.verify();
    EXPECT_TRUE(status) << info.name << ": " << status.error().message;
    EXPECT_EQ(network.name, info.name);
    EXPECT_FALSE(info.title.empty());
    EXPECT_EQ(network.node(network.output()).type.shape, (graph::Shape{info.task.classes}))
        << info.name;
    names.insert(info.name);
  }
  EXPECT_EQ(names.size(), 19U);
}

// As torchvision counts them.
TEST(Models, ImageNetNetworksHaveTheKnownSizes) {
  struct Known {
    const char* name;
    std::int64_t parameters;
    std::int64_t macs;
    std::int64_t convolutions;
  };
  for (const Known& known : {Known{"resnet18", 11'689'512, 1'814'073'344, 20},
                             Known{"resnet50", 25'557'032, 4'089'184'256, 53},
                             Known{"mobilenet-v2", 3'504'872, 300'774'272, 52},
                             Known{"alexnet", 61'100'840, 714'188'480, 5}}) {
    SCOPED_TRACE(known.name);
    const Network network = built(known.name, {3, 224, 224, 1000});
    EXPECT_EQ(trained_parameters(network), known.parameters);
    EXPECT_EQ(network.macs(), known.macs);
    EXPECT_EQ(convolutions(network), known.convolutions);
  }
}

TEST(Models, LfcIsFullyConnected) {
  const Network lfc = built("lfc", {1, 28, 28, 10});
  EXPECT_EQ(lfc.macs(), 784 * 1024 + 2 * 1024 * 1024 + 1024 * 10);
  EXPECT_EQ(trained_parameters(lfc), lfc.macs() + 10 + 3 * 2 * 1024);
  EXPECT_EQ(convolutions(lfc), 0);
}

TEST(Models, MobileNetHasTorchvisionsNames) {
  const Network network = built("mobilenet-v2", {3, 224, 224, 1000});
  for (const char* name :
       {"features.0.0.weight", "features.1.conv.0.1.bias", "features.1.conv.1.weight",
        "features.2.conv.1.0.weight", "features.2.conv.3.running_mean", "features.17.conv.2.weight",
        "features.18.1.running_var", "classifier.1.bias"}) {
    EXPECT_TRUE(network.parameters().contains(name)) << name;
  }
}

// Sums by hand over the layers, in their order. Batch norm has two parameters a channel.
TEST(Models, ThePapersNetworksHaveTheSizesCountedByHand) {
  // conv1 5*5*3*48 + 48, conv2 9*48*64, conv3 9*64*64, conv4 9*64*128, conv5 and conv6 9*128*128,
  // conv7 25*128*512, fc 512*10 + 10. Pixels 36^2, 18^2, 18^2, 7^2, 7^2, 5^2, 1, 1.
  const Network svhn = built("svhn-7conv", {3, 40, 40, 10});
  EXPECT_EQ(trained_parameters(svhn), 3600 + 48 + 27'648 + 36'864 + 73'728 + 2 * 147'456 +
                                          1'638'400 + 5130 + 2 * (64 + 64 + 128 + 128 + 128 + 512));
  EXPECT_EQ(svhn.macs(), 3600 * 1296 + (27'648 + 36'864) * 324 + (73'728 + 147'456) * 49 +
                             147'456 * 25 + 1'638'400 + 5120);
  EXPECT_EQ(convolutions(svhn), 7);

  // conv1 12*12*3*96, conv2 25*48*256, conv3 9*256*384, conv4 9*192*384, conv5 9*192*256,
  // fc6 6*6*256*4096, fc7 4096^2, fc8 4096*1000 + 1000. Pixels 54^2, 54^2, 27^2, 14^2, 14^2.
  const Network alexnet = built("alexnet-bn", {3, 224, 224, 1000});
  constexpr std::int64_t kConnected = 37'748'736 + 16'777'216 + 4'096'000;
  EXPECT_EQ(trained_parameters(alexnet), 41'472 + 307'200 + 884'736 + 663'552 + 442'368 +
                                             kConnected + 1000 +
                                             2 * (256 + 384 + 384 + 256 + 4096 + 4096));
  EXPECT_EQ(alexnet.macs(), (41'472 + 307'200) * std::int64_t{2916} + 884'736 * std::int64_t{729} +
                                (663'552 + 442'368) * 196 + kConnected);
  EXPECT_EQ(convolutions(alexnet), 5);
}

// The convolutions of the post-activation networks; batch norm before them instead of after.
TEST(Models, ThePapersResNetsDifferFromTorchvisionsInBatchNorm) {
  // Each stage: bn2 of the first block, bn1 and bn2 of the second, its own: four of its width.
  const Network small = built("resnet18-v2", {3, 224, 224, 1000});
  EXPECT_EQ(trained_parameters(small), 11'689'512 - 9600 + 2 * (64 + 4 * (64 + 128 + 256 + 512)));
  EXPECT_EQ(small.macs(), 1'814'073'344);
  EXPECT_EQ(convolutions(small), 20);
  // Each block: bn2 and bn3 of its width; bn1, or the stage's, of four times that.
  const Network large = built("resnet50-v2", {3, 224, 224, 1000});
  EXPECT_EQ(trained_parameters(large),
            25'557'032 - 53'120 + 2 * (64 + 6 * (3 * 64 + 4 * 128 + 6 * 256 + 3 * 512)));
  EXPECT_EQ(large.macs(), 4'089'184'256);
  EXPECT_EQ(convolutions(large), 53);
}

TEST(Models, CifarResNet20HasTheKnownSize) {
  const Network network = built("cifar-resnet20-v1");
  EXPECT_EQ(trained_parameters(network), 269'722);
  EXPECT_EQ(network.macs(), 40'551'040);
  EXPECT_EQ(convolutions(network), 19);
}

TEST(Models, EachDepthAddsTheSameBlocks) {
  // 18 * (16^2 + 32^2 + 64^2) convolution weights and 4 * (16 + 32 + 64) of batch norm.
  constexpr std::int64_t kParameters = 97'216;
  constexpr std::int64_t kMacs = 2 * 9 * (16 * 16 * 1024 + 32 * 32 * 256 + 64 * 64 * 64);
  for (const char* form : {"-v1", "-v2"}) {
    for (int extra = 0; extra < 4; ++extra) {
      const Network network = built(text("cifar-resnet", 20 + 12 * extra, form));
      SCOPED_TRACE(network.name);
      EXPECT_EQ(trained_parameters(network), 269'722 + 2 * extra * kParameters);
      EXPECT_EQ(network.macs(), 40'551'040 + 2 * extra * kMacs);
      EXPECT_EQ(convolutions(network), 19 + 12 * extra);
    }
  }
}

TEST(Models, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  for (const char* unknown : {"", "resnet20", "cifar-resnet20", "CIFAR-RESNET20-V1"}) {
    const auto network = build(unknown, {});
    ASSERT_FALSE(network) << unknown;
    EXPECT_EQ(network.error().code, ErrorCode::InvalidArgument);
    for (const ModelInfo& info : models()) {
      EXPECT_THAT(network.error().message, HasSubstr(std::string(info.name)));
    }
    EXPECT_THAT(network.error().message, HasSubstr(text("found '", unknown, "'")));
  }
}

TEST(Models, TheTaskSetsTheImageAndTheClasses) {
  const Network network =
      built("demo-resnet", {.channels = 1, .height = 28, .width = 28, .classes = 7});
  EXPECT_EQ(network.node(0).type.shape, (graph::Shape{1, 28, 28}));
  EXPECT_EQ(network.node(network.output()).type.shape, (graph::Shape{7}));
  EXPECT_TRUE(network.verify());
}

TEST(Models, ATaskThatANetworkCannotTakeIsAnError) {
  EXPECT_FALSE(build("cifar-resnet20-v1", {.channels = 0}));
  EXPECT_FALSE(build("cifar-resnet20-v1", {.classes = 0}));
  EXPECT_FALSE(build("cifar-resnet20-v1", {.height = -1}));
}

TEST(Models, NamesAreThoseOfPyTorchUsers) {
  const Network v1 = built("cifar-resnet20-v1");
  for (const char* name :
       {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer3.2.bn2.bias",
        "layer2.0.conv2.weight", "linear.weight", "linear.bias"}) {
    EXPECT_TRUE(v1.parameters().contains(name)) << name;
  }
  EXPECT_FALSE(v1.parameters().contains("conv1.bias"));
  const Network v2 = built("cifar-resnet20-v2");
  EXPECT_TRUE(v2.parameters().contains("bn.weight"));
  EXPECT_FALSE(v2.find("layer1.0.bn1"));  // the stem ends with batch norm and activation
  EXPECT_TRUE(v2.find("layer1.1.bn1"));
}

TEST(Models, FormsDifferInTheOrderOfActivationAndAddition) {
  const Network v1 = built("cifar-resnet20-v1");
  const Network v2 = built("cifar-resnet20-v2");
  const auto reader_of_add = [](const Network& network) {
    const NodeId add = *network.find("layer1.1.add");
    return network.node(network.consumers(add)[0]).operation;
  };
  EXPECT_TRUE(std::holds_alternative<graph::Relu>(reader_of_add(v1)));
  EXPECT_TRUE(std::holds_alternative<graph::BatchNorm>(reader_of_add(v2)));
  EXPECT_FALSE(v1.find("layer2.0.pool"));
  EXPECT_TRUE(v2.find("layer2.0.pool"));
}

TEST(Initialize, TheSameSeedGivesTheSameWeights) {
  EXPECT_EQ(built("cifar-resnet20-v1", {}, 7).parameters(),
            built("cifar-resnet20-v1", {}, 7).parameters());
}

TEST(Initialize, AnotherSeedGivesOtherWeightsInEveryLayer) {
  const Network a = built("cifar-resnet20-v1", {}, 7);
  const Network b = built("cifar-resnet20-v1", {}, 8);
  int compared = 0;
  for (const auto& [name, tensor] : a.parameters()) {
    if (!name.ends_with("conv1.weight") && !name.ends_with("conv2.weight") &&
        name != "linear.weight")
      continue;
    EXPECT_NE(tensor, b.parameters().at(name)) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 20);
}

TEST(Initialize, StartsWithHeNormalConvolutionsAndAUniformClassifier) {
  const Network network = built("cifar-resnet56-v1");
  const auto& conv = network.parameters().at("layer3.4.conv1.weight").floats();
  double squares = 0;
  double sum = 0;
  for (const float w : conv) squares += static_cast<double>(w) * w, sum += w;
  const auto count = static_cast<double>(conv.size());
  const double sigma = std::sqrt(2.0 / (64 * 9));
  EXPECT_NEAR(std::sqrt(squares / count), sigma, 0.02 * sigma);
  EXPECT_NEAR(sum / count, 0, 0.02 * sigma);
  float largest = 0;
  for (const float w : network.parameters().at("linear.weight").floats())
    largest = std::max(largest, std::abs(w));
  EXPECT_LE(largest, 1.0F / 8);
  EXPECT_GT(largest, 0.9F / 8);
  for (const float w : network.parameters().at("bn1.weight").floats()) EXPECT_EQ(w, 1);
  for (const float w : network.parameters().at("bn1.running_var").floats()) EXPECT_EQ(w, 1);
  for (const float w : network.parameters().at("bn1.running_mean").floats()) EXPECT_EQ(w, 0);
  for (const float w : network.parameters().at("linear.bias").floats()) EXPECT_EQ(w, 0);
}

TEST(Models, AFreshNetworkEvaluatesToFiniteNumbers) {
  for (const char* name : {"demo-resnet", "cifar-resnet20-v2"}) {
    const Task task{.height = 16, .width = 16};
    const Network network = built(name, task);
    std::vector<float> image(3 * 16 * 16);
    for (std::size_t i = 0; i < image.size(); ++i)
      image[i] = static_cast<float>(i % 13) / 6.0F - 1.0F;
    const auto result = evaluate(network, image);
    ASSERT_TRUE(result) << result.error().message;
    const auto& logits = std::get<std::vector<float>>(*result);
    ASSERT_EQ(logits.size(), 10U);
    for (const float x : logits) EXPECT_TRUE(std::isfinite(x));
    EXPECT_NE(logits[0], logits[1]);
  }
}

TEST(Models, ThePublishedWeightsLoad) {
  const char* root = std::getenv("PACT_DATA");
  if (root == nullptr || *root == '\0') GTEST_SKIP() << "PACT_DATA does not name a data root";
  const auto path =
      std::filesystem::path(root) / "weights" / "pytorch_resnet_cifar10" / "resnet20.safetensors";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " does not exist";
  const auto file = graph::read_safetensors(path);
  ASSERT_TRUE(file) << file.error().message;
  Network network = built("cifar-resnet20-v1");
  const auto before = network.parameters();
  const Status status = graph::load_parameters(network, file->tensors);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(network.parameters().size(), before.size());
  EXPECT_NE(network.parameters(), before);
  EXPECT_EQ(trained_parameters(network), 269'722);
}

}  // namespace
}  // namespace pact::models
