// SPDX-License-Identifier: Apache-2.0
#include "cli/eval.h"
#include "cli/import.h"
#include "pact/graph/safetensors.h"
#include "pact/train/evaluate.h"

namespace pact::cli {
namespace {

graph::Network load_network(const FloatTarget& target, const data::DatasetInfo& info,
                            std::size_t classes) {
  if (target.network.empty()) return value_or_throw(graph::read_network(target.weights));
  const models::Task task{info.channels, info.height, info.width,
                          static_cast<std::int64_t>(classes)};
  graph::Network network = network_with_weights(target.network, task, target.weights);
  network.preprocessing.mean.assign(info.mean.begin(), info.mean.end());
  network.preprocessing.std.assign(info.std.begin(), info.std.end());
  return network;
}

}  // namespace

Top1 evaluate_float(const FloatTarget& target, const data::DatasetInfo& info,
                    const data::Dataset& dataset, int threads) {
  const train::Evaluation result =
      train::evaluate(load_network(target, info, dataset.classes.size()), dataset, threads);
  return {.top1 = result.top1, .images = result.images, .seconds = result.seconds};
}

}  // namespace pact::cli
