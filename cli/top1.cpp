// SPDX-License-Identifier: Apache-2.0
#include "cli/top1.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace pact::cli {

std::size_t best(std::span<const float> outputs) {
  return static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) -
                                  outputs.begin());
}

int thread_count(int threads) {
  return threads > 0 ? threads
                     : std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 256);
}

Top1 evaluate_packed(const Model& model, const data::Dataset& dataset, int threads) {
  const ImageShape shape = model.image();
  if (shape.channels != dataset.channels || shape.height != dataset.height ||
      shape.width != dataset.width || model.outputs() < dataset.classes.size()) {
    throw_error(ErrorCode::InvalidArgument, "network '", model.name(), "' reads ", shape.channels,
                "x", shape.height, "x", shape.width, " images and tells ", model.outputs(),
                " classes apart; '", dataset.name, "' has ", dataset.channels, "x", dataset.height,
                "x", dataset.width, " and ", dataset.classes.size());
  }
  Session session =
      value_or_throw(Session::create(model, {.threads = thread_count(threads), .batch = 16}));
  std::vector<float> outputs(dataset.size() * model.outputs());
  const auto start = std::chrono::steady_clock::now();
  value_or_throw(session.run(dataset.pixels, PixelOrder::Planar, outputs));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const auto logits =
        std::span<const float>(outputs).subspan(i * model.outputs(), model.outputs());
    correct += best(logits) == dataset.labels[i] ? 1 : 0;
  }
  return {.top1 = static_cast<double>(correct) / static_cast<double>(dataset.size()),
          .images = static_cast<std::int64_t>(dataset.size()),
          .seconds = elapsed.count()};
}

}  // namespace pact::cli
