// SPDX-License-Identifier: Apache-2.0
#include "pact/models/models.h"

#include <functional>

#include "pact/models/dorefa.h"
#include "pact/models/fully_connected.h"
#include "pact/models/imagenet.h"
#include "pact/models/mobilenet.h"
#include "pact/models/resnet.h"

namespace pact::models {
namespace {

struct Row {
  ModelInfo info;
  std::function<Result<graph::Network>(const Task&)> build;
};

auto cifar(ResidualForm form, int blocks) {
  return [=](const Task& task) { return resnet({.form = form, .blocks_per_stage = blocks}, task); };
}

Result<graph::Network> demo(const Task& task) {
  return resnet({.blocks_per_stage = 1, .widths = {16, 32, 64}, .stem_stride = {2, 2}}, task);
}

auto imagenet(ResidualBlock block, std::vector<int> blocks) {
  return [=](const Task& task) { return imagenet_resnet({block, blocks}, task); };
}

auto imagenet_v2(ResidualBlock block, std::vector<int> blocks) {
  return [=](const Task& task) { return imagenet_resnet_v2({block, blocks}, task); };
}

const std::vector<Row>& rows() {
  using enum ResidualForm;
  using enum ResidualBlock;
  constexpr Task kCifar{};
  constexpr Task kImageNet{3, 224, 224, 1000};
  static const std::vector<Row> table{
      {{"cifar-resnet20-v1", "ResNet-20, post-activation", kCifar}, cifar(V1, 3)},
      {{"cifar-resnet32-v1", "ResNet-32, post-activation", kCifar}, cifar(V1, 5)},
      {{"cifar-resnet44-v1", "ResNet-44, post-activation", kCifar}, cifar(V1, 7)},
      {{"cifar-resnet56-v1", "ResNet-56, post-activation", kCifar}, cifar(V1, 9)},
      {{"cifar-resnet20-v2", "ResNet-20, pre-activation (the paper's)", kCifar}, cifar(V2, 3)},
      {{"cifar-resnet32-v2", "ResNet-32, pre-activation", kCifar}, cifar(V2, 5)},
      {{"cifar-resnet44-v2", "ResNet-44, pre-activation", kCifar}, cifar(V2, 7)},
      {{"cifar-resnet56-v2", "ResNet-56, pre-activation", kCifar}, cifar(V2, 9)},
      {{"demo-resnet", "small residual network of the demo", {1, 28, 28, 10}}, demo},
      {{"lfc", "3 hidden layers of 1024 (FINN's LFC)", {1, 28, 28, 10}}, lfc},
      {{"resnet18", "ResNet-18 for ImageNet", kImageNet}, imagenet(Basic, {2, 2, 2, 2})},
      {{"resnet50", "ResNet-50 for ImageNet", kImageNet}, imagenet(Bottleneck, {3, 4, 6, 3})},
      {{"resnet50-original", "ResNet-50, stride in the 1x1 layers (He et al. 2015)", kImageNet},
       imagenet(OriginalBottleneck, {3, 4, 6, 3})},
      {{"resnet18-v2", "ResNet-18, pre-activation (the paper's)", kImageNet},
       imagenet_v2(Basic, {2, 2, 2, 2})},
      {{"resnet50-v2", "ResNet-50, pre-activation (the paper's)", kImageNet},
       imagenet_v2(Bottleneck, {3, 4, 6, 3})},
      {{"alexnet", "AlexNet for ImageNet", kImageNet}, alexnet},
      {{"alexnet-bn", "AlexNet with batch norm (the paper's)", kImageNet}, alexnet_bn},
      {{"mobilenet-v2", "MobileNetV2 for ImageNet", kImageNet}, mobilenet_v2},
      {{"svhn-7conv", "7 convolutions for SVHN (the paper's)", {3, 40, 40, 10}}, svhn_7conv},
  };
  return table;
}

}  // namespace

const std::vector<ModelInfo>& models() {
  static const std::vector<ModelInfo> infos = [] {
    std::vector<ModelInfo> result;
    for (const Row& row : rows()) result.push_back(row.info);
    return result;
  }();
  return infos;
}

Result<graph::Network> build(std::string_view name, const Task& task) {
  std::string known;
  for (const Row& row : rows()) {
    if (row.info.name == name) {
      PACT_TRY(graph::Network network, row.build(task));
      network.name = std::string(name);
      return network;
    }
    known += known.empty() ? "" : ", ";
    known += row.info.name;
  }
  return make_error(ErrorCode::InvalidArgument, "network: expected one of ", known, ", found '",
                    name, "'");
}

}  // namespace pact::models
