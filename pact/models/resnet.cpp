// SPDX-License-Identifier: Apache-2.0
#include "pact/models/resnet.h"

#include <string>

namespace pact::models {
namespace {

using namespace graph;

class Builder {
 public:
  explicit Builder(const ResNetShape& shape) : shape_(shape) {}

  Result<Network> build(const Task& task) {
    PACT_TRY(NodeId x, network_.add("input", Input{task.channels, task.height, task.width}, {}));
    PACT_TRY(x, conv("conv1", x, shape_.widths[0], shape_.stem_stride));
    PACT_TRY(x, norm_relu("bn1", "relu1", x));
    for (std::size_t stage = 0; stage < shape_.widths.size(); ++stage) {
      for (int block = 0; block < shape_.blocks_per_stage; ++block) {
        const std::string name = text("layer", stage + 1, ".", block, ".");
        const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
        if (shape_.form == ResidualForm::V1) {
          PACT_TRY(x, block_v1(name, x, shape_.widths[stage], stride));
        } else {
          // The stem already ends with batch norm and activation.
          PACT_TRY(x, block_v2(name, x, shape_.widths[stage], stride, stage == 0 && block == 0));
        }
      }
    }
    if (shape_.form == ResidualForm::V2) {
      PACT_TRY(x, norm_relu("bn", "relu", x));
    }
    PACT_TRY(x, network_.add("pool", GlobalAvgPool{}, {x}));
    PACT_TRY(x, network_.add("flatten", Flatten{}, {x}));
    PACT_CHECK_OK(network_.add("linear", Linear{.out_features = task.classes}, {x}));
    return std::move(network_);
  }

 private:
  Result<NodeId> conv(const std::string& name, NodeId x, std::int64_t channels, Pair stride) {
    return network_.add(
        name,
        Conv2d{
            .out_channels = channels, .kernel = {3, 3}, .stride = stride, .padding = {1, 1, 1, 1}},
        {x});
  }

  Result<NodeId> norm_relu(const std::string& norm, const std::string& relu, NodeId x) {
    PACT_TRY(x, network_.add(norm, BatchNorm{}, {x}));
    return network_.add(relu, Relu{}, {x});
  }

  std::int64_t new_channels(NodeId x, std::int64_t channels) const {
    return channels - network_.node(x).type.channels();
  }

  Result<NodeId> block_v1(const std::string& name, NodeId x, std::int64_t channels,
                          std::int64_t stride) {
    NodeId shortcut = x;
    PACT_TRY(NodeId y, conv(name + "conv1", x, channels, {stride, stride}));
    PACT_TRY(y, norm_relu(name + "bn1", name + "relu1", y));
    PACT_TRY(y, conv(name + "conv2", y, channels, {}));
    PACT_TRY(y, network_.add(name + "bn2", BatchNorm{}, {y}));
    const std::int64_t added = new_channels(x, channels);
    if (added > 0 || stride > 1) {
      const graph::Shortcut op{{stride, stride}, added / 2, added - added / 2};
      PACT_TRY(shortcut, network_.add(name + "shortcut", op, {x}));
    }
    PACT_TRY(y, network_.add(name + "add", Add{}, {y, shortcut}));
    return network_.add(name + "relu2", Relu{}, {y});
  }

  Result<NodeId> block_v2(const std::string& name, NodeId x, std::int64_t channels,
                          std::int64_t stride, bool activated) {
    NodeId shortcut = x;
    NodeId y = x;
    if (!activated) {
      PACT_TRY(y, norm_relu(name + "bn1", name + "relu1", x));
    }
    PACT_TRY(y, conv(name + "conv1", y, channels, {stride, stride}));
    PACT_TRY(y, norm_relu(name + "bn2", name + "relu2", y));
    PACT_TRY(y, conv(name + "conv2", y, channels, {}));
    if (stride > 1) {
      const AvgPool pool{.kernel = {stride, stride}, .stride = {stride, stride}};
      PACT_TRY(shortcut, network_.add(name + "pool", pool, {x}));
    }
    if (const std::int64_t added = new_channels(x, channels); added > 0) {
      const graph::Shortcut op{{1, 1}, added / 2, added - added / 2};
      PACT_TRY(shortcut, network_.add(name + "shortcut", op, {shortcut}));
    }
    return network_.add(name + "add", Add{}, {y, shortcut});
  }

  const ResNetShape& shape_;
  Network network_;
};

}  // namespace

Result<Network> resnet(const ResNetShape& shape, const Task& task) {
  return Builder(shape).build(task);
}

}  // namespace pact::models
