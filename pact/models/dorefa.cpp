// SPDX-License-Identifier: Apache-2.0
#include "pact/models/dorefa.h"

#include <initializer_list>
#include <string>

#include "pact/models/builder.h"

namespace pact::models {
namespace {

using namespace graph;

// As in the examples; elsewhere 1e-5 is usual.
constexpr float kEpsilon = 1e-4F;

enum class Norm { Absent, Present };

// A convolution, batch norm, pooling and activation, in this order.
struct Layer {
  std::int64_t channels;
  std::int64_t kernel;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t groups = 1;
  Bias bias = Bias::Absent;
  Norm norm = Norm::Present;
  MaxPool pool{};  // of one pixel: none
};

class Chain : public NetworkBuilder {
 public:
  // conv1, bn1, pool1, relu1, conv2, ..
  Status convolutions(std::initializer_list<Layer> layers) {
    int number = 0;
    for (const Layer& layer : layers) {
      const std::int64_t pad = layer.padding;
      ++number;
      PACT_CHECK_OK(then(text("conv", number), Conv2d{.out_channels = layer.channels,
                                                      .kernel = {layer.kernel, layer.kernel},
                                                      .stride = {layer.stride, layer.stride},
                                                      .padding = {pad, pad, pad, pad},
                                                      .groups = layer.groups,
                                                      .bias = layer.bias}));
      if (layer.norm == Norm::Present) {
        PACT_CHECK_OK(then(text("bn", number), BatchNorm{.epsilon = kEpsilon}));
      }
      if (layer.pool.kernel != Pair{}) PACT_CHECK_OK(then(text("pool", number), layer.pool));
      PACT_CHECK_OK(then(text("relu", number), Relu{}));
    }
    return then("flatten", Flatten{});
  }
};

}  // namespace

Result<Network> svhn_7conv(const Task& task) {
  constexpr MaxPool kHalf{.kernel = {2, 2}, .stride = {2, 2}};
  Chain chain;
  PACT_CHECK_OK(chain.start(task));
  PACT_CHECK_OK(chain.convolutions({
      {.channels = 48, .kernel = 5, .bias = Bias::Present, .norm = Norm::Absent, .pool = kHalf},
      {.channels = 64, .kernel = 3, .padding = 1},
      {.channels = 64, .kernel = 3, .padding = 1, .pool = kHalf},
      {.channels = 128, .kernel = 3},
      {.channels = 128, .kernel = 3, .padding = 1},
      {.channels = 128, .kernel = 3},
      {.channels = 512, .kernel = 5},
  }));
  PACT_CHECK_OK(chain.then("fc", Linear{.out_features = task.classes}));
  return chain.finish();
}

Result<Network> alexnet_bn(const Task& task) {
  // TensorFlow's padding "SAME": from 54 to 27, from 27 to 14. The last one is "VALID".
  constexpr MaxPool kPool1{.kernel = {3, 3}, .stride = {2, 2}, .padding = {0, 0, 1, 1}};
  constexpr MaxPool kPool2{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}};
  constexpr MaxPool kPool5{.kernel = {3, 3}, .stride = {2, 2}};
  Chain chain;
  PACT_CHECK_OK(chain.start(task));
  PACT_CHECK_OK(chain.convolutions({
      {.channels = 96, .kernel = 12, .stride = 4, .norm = Norm::Absent},
      {.channels = 256, .kernel = 5, .padding = 2, .groups = 2, .pool = kPool1},
      {.channels = 384, .kernel = 3, .padding = 1, .pool = kPool2},
      {.channels = 384, .kernel = 3, .padding = 1, .groups = 2},
      {.channels = 256, .kernel = 3, .padding = 1, .groups = 2, .pool = kPool5},
  }));
  for (int number = 6; number <= 7; ++number) {
    PACT_CHECK_OK(
        chain.then(text("fc", number), Linear{.out_features = 4096, .bias = Bias::Absent}));
    PACT_CHECK_OK(chain.then(text("bn", number), BatchNorm{.epsilon = kEpsilon}));
    PACT_CHECK_OK(chain.then(text("relu", number), Relu{}));
  }
  PACT_CHECK_OK(chain.then("fc8", Linear{.out_features = task.classes}));
  return chain.finish();
}

}  // namespace pact::models
