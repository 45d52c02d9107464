// SPDX-License-Identifier: Apache-2.0
#include "pact/models/imagenet.h"

#include <string>

#include "pact/models/builder.h"

namespace pact::models {
namespace {

using namespace graph;

// Convolutions whose padding keeps the size of the image.
class ImageNetBuilder : public NetworkBuilder {
 public:
  Result<NodeId> conv(const std::string& name, NodeId x, std::int64_t channels, std::int64_t kernel,
                      std::int64_t stride) {
    const std::int64_t pad = kernel / 2;
    return add(name,
               Conv2d{.out_channels = channels,
                      .kernel = {kernel, kernel},
                      .stride = {stride, stride},
                      .padding = {pad, pad, pad, pad}},
               {x});
  }
  Result<NodeId> conv_norm(const std::string& name, const std::string& norm, NodeId x,
                           std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
    PACT_TRY(x, conv(name, x, channels, kernel, stride));
    return add(norm, BatchNorm{}, {x});
  }
};

// conv1, bn1, relu1, .. : the layers of a block, the last without activation.
Result<NodeId> residual_branch(ImageNetBuilder& b, const std::string& name, NodeId x,
                               ResidualBlock block, std::int64_t width, std::int64_t stride) {
  if (block != ResidualBlock::Basic) {
    const std::int64_t first = block == ResidualBlock::OriginalBottleneck ? stride : 1;
    PACT_TRY(x, b.conv_norm(name + "conv1", name + "bn1", x, width, 1, first));
    PACT_TRY(x, b.add(name + "relu1", Relu{}, {x}));
    PACT_TRY(x, b.conv_norm(name + "conv2", name + "bn2", x, width, 3, stride / first));
    PACT_TRY(x, b.add(name + "relu2", Relu{}, {x}));
    return b.conv_norm(name + "conv3", name + "bn3", x, 4 * width, 1, 1);
  }
  PACT_TRY(x, b.conv_norm(name + "conv1", name + "bn1", x, width, 3, stride));
  PACT_TRY(x, b.add(name + "relu1", Relu{}, {x}));
  return b.conv_norm(name + "conv2", name + "bn2", x, width, 3, 1);
}

Status residual_block(ImageNetBuilder& b, const std::string& name, ResidualBlock block,
                      std::int64_t width, std::int64_t stride) {
  const NodeId x = b.last();
  PACT_TRY(const NodeId branch, residual_branch(b, name, x, block, width, stride));
  NodeId shortcut = x;
  if (stride != 1 || b.channels(x) != b.channels(branch)) {
    PACT_TRY(shortcut, b.conv_norm(name + "downsample.0", name + "downsample.1", x,
                                   b.channels(branch), 1, stride));
  }
  PACT_CHECK_OK(b.add(name + "add", Add{}, {branch, shortcut}));
  return b.then(name + "relu", Relu{});
}

// The layers of a pre-activation block, of an input that is normalised and activated already.
Result<NodeId> preactivated_branch(ImageNetBuilder& b, const std::string& name, NodeId x,
                                   ResidualBlock block, std::int64_t width, std::int64_t stride) {
  if (block == ResidualBlock::Basic) {
    PACT_TRY(x, b.conv_norm(name + "conv1", name + "bn2", x, width, 3, stride));
    PACT_TRY(x, b.add(name + "relu2", Relu{}, {x}));
    return b.conv(name + "conv2", x, width, 3, 1);
  }
  PACT_TRY(x, b.conv_norm(name + "conv1", name + "bn2", x, width, 1, 1));
  PACT_TRY(x, b.add(name + "relu2", Relu{}, {x}));
  PACT_TRY(x, b.conv_norm(name + "conv2", name + "bn3", x, width, 3, stride));
  PACT_TRY(x, b.add(name + "relu3", Relu{}, {x}));
  return b.conv(name + "conv3", x, 4 * width, 1, 1);
}

// One stage. The block that begins it reads what ended the last: normalised and activated.
Status preactivated_stage(ImageNetBuilder& b, const std::string& stage, ResidualBlock block,
                          std::int64_t width, std::int64_t first_stride, int blocks) {
  for (int i = 0; i < blocks; ++i) {
    const std::string name = text(stage, ".", i, ".");
    const std::int64_t stride = i == 0 ? first_stride : 1;
    NodeId shortcut = b.last();
    if (i > 0) {
      PACT_CHECK_OK(b.then(name + "bn1", BatchNorm{}));
      PACT_CHECK_OK(b.then(name + "relu1", Relu{}));
    }
    PACT_TRY(const NodeId branch, preactivated_branch(b, name, b.last(), block, width, stride));
    if (b.channels(shortcut) != b.channels(branch)) {
      PACT_TRY(shortcut, b.conv(name + "downsample", shortcut, b.channels(branch), 1, stride));
    }
    PACT_CHECK_OK(b.add(name + "add", Add{}, {branch, shortcut}));
  }
  PACT_CHECK_OK(b.then(stage + ".bn", BatchNorm{}));
  return b.then(stage + ".relu", Relu{});
}

Status stem(ImageNetBuilder& b, const Task& task) {
  PACT_CHECK_OK(b.start(task));
  PACT_CHECK_OK(b.conv_norm("conv1", "bn1", b.last(), 64, 7, 2));
  PACT_CHECK_OK(b.then("relu", Relu{}));
  return b.then("maxpool", MaxPool{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}});
}

Result<Network> classified(ImageNetBuilder& b, const Task& task) {
  PACT_CHECK_OK(b.then("avgpool", GlobalAvgPool{}));
  PACT_CHECK_OK(b.then("flatten", Flatten{}));
  PACT_CHECK_OK(b.then("fc", Linear{.out_features = task.classes}));
  return b.finish();
}

}  // namespace

Result<Network> imagenet_resnet(const ImageNetResNetShape& shape, const Task& task) {
  ImageNetBuilder b;
  PACT_CHECK_OK(stem(b, task));
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage) {
    for (int block = 0; block < shape.blocks[stage]; ++block) {
      const std::string name = text("layer", stage + 1, ".", block, ".");
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      PACT_CHECK_OK(residual_block(b, name, shape.block, std::int64_t{64} << stage, stride));
    }
  }
  return classified(b, task);
}

Result<Network> imagenet_resnet_v2(const ImageNetResNetShape& shape, const Task& task) {
  ImageNetBuilder b;
  PACT_CHECK_OK(stem(b, task));
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage) {
    PACT_CHECK_OK(preactivated_stage(b, text("layer", stage + 1), shape.block,
                                     std::int64_t{64} << stage, stage > 0 ? 2 : 1,
                                     shape.blocks[stage]));
  }
  return classified(b, task);
}

Result<Network> alexnet(const Task& task) {
  struct Layer {
    const char* name;
    std::int64_t channels;
    std::int64_t kernel;
    std::int64_t stride;
    bool pooled;
  };
  constexpr Layer kLayers[] = {{"features.0", 64, 11, 4, true},
                               {"features.3", 192, 5, 1, true},
                               {"features.6", 384, 3, 1, false},
                               {"features.8", 256, 3, 1, false},
                               {"features.10", 256, 3, 1, true}};
  ImageNetBuilder b;
  PACT_CHECK_OK(b.start(task));
  for (const Layer& layer : kLayers) {
    const std::int64_t pad = layer.stride > 1 ? 2 : layer.kernel / 2;
    PACT_CHECK_OK(b.then(layer.name, Conv2d{.out_channels = layer.channels,
                                            .kernel = {layer.kernel, layer.kernel},
                                            .stride = {layer.stride, layer.stride},
                                            .padding = {pad, pad, pad, pad},
                                            .bias = Bias::Present}));
    PACT_CHECK_OK(b.then(text(layer.name, ".relu"), Relu{}));
    if (layer.pooled) {
      PACT_CHECK_OK(b.then(text(layer.name, ".pool"), MaxPool{.kernel = {3, 3}, .stride = {2, 2}}));
    }
  }
  PACT_CHECK_OK(b.then("flatten", Flatten{}));
  for (const char* name : {"classifier.1", "classifier.4"}) {
    PACT_CHECK_OK(b.then(name, Linear{.out_features = 4096}));
    PACT_CHECK_OK(b.then(text(name, ".relu"), Relu{}));
  }
  PACT_CHECK_OK(b.then("classifier.6", Linear{.out_features = task.classes}));
  return b.finish();
}

}  // namespace pact::models
