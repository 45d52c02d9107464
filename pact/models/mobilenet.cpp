// SPDX-License-Identifier: Apache-2.0
#include "pact/models/mobilenet.h"

#include <string>

#include "pact/models/builder.h"

namespace pact::models {
namespace {

using namespace graph;

class MobileNetBuilder : public NetworkBuilder {
 public:
  // A convolution and its batch norm, of these names.
  Status conv_norm(const std::string& name, const std::string& norm, const Conv2d& conv) {
    PACT_CHECK_OK(then(name, conv));
    return then(norm, BatchNorm{});
  }
  // Those of a torchvision block: name.0, name.1, and ReLU6.
  Status activated(const std::string& name, const Conv2d& conv) {
    PACT_CHECK_OK(conv_norm(name + ".0", name + ".1", conv));
    return then(name + ".2", Pointwise{.function = numeric::Function::Clip, .a = 0, .b = 6});
  }
};

Conv2d pointwise(std::int64_t channels) { return {.out_channels = channels, .kernel = {1, 1}}; }

Conv2d three_by_three(std::int64_t channels, std::int64_t stride, std::int64_t groups) {
  return {.out_channels = channels,
          .kernel = {3, 3},
          .stride = {stride, stride},
          .padding = {1, 1, 1, 1},
          .groups = groups};
}

// Expansion, depthwise layer, projection; a shortcut where the shape stays.
Status inverted_residual(MobileNetBuilder& b, const std::string& name, std::int64_t expansion,
                         std::int64_t channels, std::int64_t stride) {
  const NodeId x = b.last();
  const std::int64_t in = b.channels(x);
  int part = 0;
  const auto next = [&] { return text(name, ".conv.", part++); };
  if (expansion > 1) PACT_CHECK_OK(b.activated(next(), pointwise(expansion * in)));
  PACT_CHECK_OK(b.activated(next(), three_by_three(expansion * in, stride, expansion * in)));
  const std::string projection = next();
  PACT_CHECK_OK(b.conv_norm(projection, next(), pointwise(channels)));
  if (stride > 1 || in != channels) return {};
  return b.then(name + ".add", Add{}, {b.last(), x});
}

}  // namespace

Result<Network> mobilenet_v2(const Task& task) {
  struct Stage {
    std::int64_t expansion;
    std::int64_t channels;
    int blocks;
    std::int64_t stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  MobileNetBuilder b;
  PACT_CHECK_OK(b.start(task));
  PACT_CHECK_OK(b.activated("features.0", three_by_three(32, 2, 1)));
  int block = 0;
  for (const Stage& stage : kStages) {
    for (int i = 0; i < stage.blocks; ++i) {
      PACT_CHECK_OK(inverted_residual(b, text("features.", ++block), stage.expansion,
                                      stage.channels, i == 0 ? stage.stride : 1));
    }
  }
  PACT_CHECK_OK(b.activated(text("features.", ++block), pointwise(1280)));
  PACT_CHECK_OK(b.then("avgpool", GlobalAvgPool{}));
  PACT_CHECK_OK(b.then("flatten", Flatten{}));
  PACT_CHECK_OK(b.then("classifier.1", Linear{.out_features = task.classes}));
  return b.finish();
}

}  // namespace pact::models
