// SPDX-License-Identifier: Apache-2.0
#include "pact/models/models.h"

#include "pact/models/resnet.h"

namespace pact::models {
namespace {

struct Row {
  ModelInfo info;
  ResNetShape shape;
};

ResNetShape cifar(ResidualForm form, int blocks) {
  return {.form = form, .blocks_per_stage = blocks};
}

const std::vector<Row>& rows() {
  using enum ResidualForm;
  static const std::vector<Row> table{
      {{"cifar-resnet20-v1", "ResNet-20, post-activation"}, cifar(V1, 3)},
      {{"cifar-resnet32-v1", "ResNet-32, post-activation"}, cifar(V1, 5)},
      {{"cifar-resnet44-v1", "ResNet-44, post-activation"}, cifar(V1, 7)},
      {{"cifar-resnet56-v1", "ResNet-56, post-activation"}, cifar(V1, 9)},
      {{"cifar-resnet20-v2", "ResNet-20, pre-activation (the paper's)"}, cifar(V2, 3)},
      {{"cifar-resnet32-v2", "ResNet-32, pre-activation"}, cifar(V2, 5)},
      {{"cifar-resnet44-v2", "ResNet-44, pre-activation"}, cifar(V2, 7)},
      {{"cifar-resnet56-v2", "ResNet-56, pre-activation"}, cifar(V2, 9)},
      {{"demo-resnet", "small residual network of the demo"},
       {.form = V1, .blocks_per_stage = 1, .widths = {16, 32, 64}, .stem_stride = {2, 2}}},
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
      PACT_TRY(graph::Network network, resnet(row.shape, task));
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
