// SPDX-License-Identifier: Apache-2.0
#include "pact/models/fully_connected.h"

#include "pact/models/builder.h"

namespace pact::models {

using namespace graph;

Result<Network> lfc(const Task& task) {
  constexpr int kHiddenLayers = 3;
  constexpr std::int64_t kUnits = 1024;
  NetworkBuilder builder;
  PACT_CHECK_OK(builder.start(task));
  PACT_CHECK_OK(builder.then("flatten", Flatten{}));
  for (int number = 1; number <= kHiddenLayers; ++number) {
    PACT_CHECK_OK(
        builder.then(text("fc", number), Linear{.out_features = kUnits, .bias = Bias::Absent}));
    PACT_CHECK_OK(builder.then(text("bn", number), BatchNorm{}));
    PACT_CHECK_OK(builder.then(text("relu", number), Relu{}));
  }
  PACT_CHECK_OK(builder.then(text("fc", kHiddenLayers + 1), Linear{.out_features = task.classes}));
  return builder.finish();
}

}  // namespace pact::models
