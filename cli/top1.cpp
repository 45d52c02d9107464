// SPDX-License-Identifier: Apache-2.0
#include "cli/top1.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "pact/data/pixels.h"

namespace pact::cli {
namespace {

constexpr std::size_t kDecodedAtOnce = 512;

}  // namespace

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
  data::PixelReader reader(dataset, thread_count(threads));
  const std::size_t chunk = dataset.is_in_files() ? kDecodedAtOnce : dataset.size();
  std::int64_t correct = 0;
  std::vector<float> outputs;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t first = 0; first < dataset.size(); first += chunk) {
    const std::size_t count = std::min(chunk, dataset.size() - first);
    outputs.resize(count * model.outputs());
    value_or_throw(
        session.run(value_or_throw(reader.read(first, count)), PixelOrder::Planar, outputs));
    for (std::size_t i = 0; i < count; ++i) {
      const auto logits =
          std::span<const float>(outputs).subspan(i * model.outputs(), model.outputs());
      correct += best(logits) == dataset.labels[first + i] ? 1 : 0;
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {.top1 = static_cast<double>(correct) / static_cast<double>(dataset.size()),
          .images = static_cast<std::int64_t>(dataset.size()),
          .seconds = elapsed.count()};
}

}  // namespace pact::cli
