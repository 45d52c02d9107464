// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/data/image.h"
#include "pact/runtime/model.h"

namespace pact::cli {
namespace {

struct RunOptions {
  std::string model;
  std::vector<std::string> images;
  int top = 5;
  bool json = false;
};

struct Guess {
  std::string name;
  double probability = 0;
};

std::vector<Guess> guesses(const std::vector<float>& logits,
                           const std::vector<std::string>& classes, int top) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  std::vector<Guess> result;
  for (const std::size_t i : order) {
    result.push_back({i < classes.size() ? classes[i] : text("class ", i),
                      std::exp(static_cast<double>(logits[i]) - highest) / sum});
  }
  return result;
}

void run_run(const RunOptions& options) {
  const Model model = value_or_throw(Model::load(options.model));
  Session session = value_or_throw(Session::create(model));
  const ImageShape shape = model.image();
  if (shape.channels != 1 && shape.channels != 3) {
    throw_error(ErrorCode::InvalidArgument, options.model,
                ": expected a network of grey or RGB images, found ", shape.channels, " channels");
  }
  std::vector<float> logits(model.outputs());
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& path : options.images) {
    const data::Image image = data::fit(value_or_throw(data::read_image(path)), shape.channels,
                                        shape.height, shape.width);
    value_or_throw(session.run(image.pixels, PixelOrder::Planar, logits));
    const auto found = guesses(logits, model.classes(), options.top);
    if (options.json) {
      nlohmann::json classes = nlohmann::json::array();
      for (const Guess& guess : found) {
        classes.push_back({{"class", guess.name}, {"probability", guess.probability}});
      }
      all.push_back({{"image", path}, {"classes", classes}});
      continue;
    }
    std::printf("%s\n", path.c_str());
    for (const Guess& guess : found) {
      std::printf("  %6s %%  %s\n", fixed(guess.probability * 100, 2).c_str(), guess.name.c_str());
    }
  }
  if (options.json) {
    std::printf("%s\n", all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Classify pictures with a packed network");
  command->footer("Example:\n  pact run zoo/cifar10-resnet20-v1-w4a4.pact photo.png");
  command->add_option("model", options->model, "Packed network (.pact)")->required();
  command->add_option("images", options->images, "Pictures (PNG, JPEG)")->required();
  command->add_option("--top", options->top, "Classes to print")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print a JSON array");
  command->callback([options] { run_run(*options); });
}

}  // namespace pact::cli
