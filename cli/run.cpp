// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

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

Result<std::vector<Guess>> classify(const Model& model, Session& session, const std::string& path,
                                    int top) {
  const ImageShape shape = model.image();
  PACT_TRY(const data::Image picture, data::read_image(path));
  const data::Image image = data::fit(picture, shape.channels, shape.height, shape.width);
  std::vector<float> logits(model.outputs());
  PACT_CHECK_OK(session.run(image.pixels, PixelOrder::Planar, logits));
  return guesses(logits, model.classes(), top);
}

nlohmann::json json_of(const std::string& path, const Result<std::vector<Guess>>& found) {
  if (!found) return {{"image", path}, {"error", found.error().message}};
  nlohmann::json classes = nlohmann::json::array();
  for (const Guess& guess : *found) {
    classes.push_back({{"class", guess.name}, {"probability", guess.probability}});
  }
  return {{"image", path}, {"classes", classes}};
}

void print(const std::string& path, const std::vector<Guess>& found) {
  std::printf("%s\n", path.c_str());
  for (const Guess& guess : found) {
    std::printf("  %6s %%  %s\n", fixed(guess.probability * 100, 2).c_str(),
                one_line(guess.name).c_str());
  }
}

void run_run(const RunOptions& options) {
  const Model model = value_or_throw(Model::load(options.model));
  Session session = value_or_throw(Session::create(model));
  const ImageShape shape = model.image();
  if (shape.channels != 1 && shape.channels != 3) {
    throw_error(ErrorCode::InvalidArgument, options.model,
                ": expected a network of grey or RGB images, found ", shape.channels, " channels");
  }
  nlohmann::json all = nlohmann::json::array();
  std::optional<Error> wrong;  // the last picture that could not be classified
  for (const std::string& path : options.images) {
    const auto found = classify(model, session, path, options.top);
    if (!found && wrong) std::fprintf(stderr, "pact: %s\n", one_line(wrong->message).c_str());
    if (!found) wrong = found.error();
    if (options.json) {
      all.push_back(json_of(path, found));
    } else if (found) {
      print(path, *found);
    }
  }
  if (options.json) {
    std::fputs(json_text(all).c_str(), stdout);
  }
  if (wrong) throw Exception(*wrong);
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
  command->add_flag("--json", options->json,
                    "Print a JSON array, of each picture its classes or its error");
  command->callback([options] { run_run(*options); });
}

}  // namespace pact::cli
