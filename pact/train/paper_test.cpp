// SPDX-License-Identifier: Apache-2.0
// The recipes of the paper's experiments: each loads, its network builds and takes a step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "pact/base/file.h"
#include "pact/models/models.h"
#include "pact/nn/module.h"
#include "pact/train/checkpoint.h"
#include "pact/train/dropout.h"
#include "pact/train/optimizer.h"
#include "pact/train/recipe.h"
#include "pact/train/trainer.h"

namespace pact::train {
namespace {

const std::filesystem::path kPaper = PACT_SOURCE_DIR "/recipes/paper";

// A `pact train` of the documentation.
struct Command {
  std::string recipe;
  std::string out;
  std::vector<std::string> settings;
};

// The lines between ``` in the README, each argument of `pact` on a line and "end" after the last.
std::string run_readme() {
  std::string script = "pact() { printf '%s\\n' \"$@\" end; }\n";
  std::istringstream lines(value_or_throw(read_text(kPaper / "README.md")));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```") {
      inside = !inside;
    } else if (inside) {
      script += line + "\n";
    }
  }
  const auto path = std::filesystem::path(testing::TempDir()) / text("readme_", ::getpid());
  std::ofstream(path) << script;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> shell(
      ::popen(("sh " + path.string()).c_str(), "r"), &::pclose);
  std::string output;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, shell.get())) {
    output.append(buffer, count);
  }
  std::filesystem::remove(path);
  return output;
}

std::vector<Command> documented_commands() {
  std::vector<Command> commands;
  std::istringstream lines(run_readme());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(line, "train");
    Command command;
    std::getline(lines, command.recipe);
    for (std::string option; std::getline(lines, option) && option != "end";) {
      std::string value;
      std::getline(lines, value);
      if (option == "--set") command.settings.push_back(value);
      if (option == "--out") command.out = value;
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

Recipe recipe_of(const Command& command) {
  const auto path = std::filesystem::path(PACT_SOURCE_DIR) / command.recipe;
  const std::string text =
      recipe_for(value_or_throw(read_text(path)), path.string(), {.settings = command.settings});
  return parse_recipe(text, command.out);
}

graph::Network build(const Recipe& recipe) {
  const auto* info = value_or_throw(data::find_dataset(recipe.dataset));
  const auto classes =
      info->classes.empty() ? info->class_folders : static_cast<int>(info->classes.size());
  graph::Network network = value_or_throw(
      models::build(recipe.network, {info->channels, info->height, info->width, classes}));
  network.preprocessing.mean.assign(info->mean.begin(), info->mean.end());
  network.preprocessing.std.assign(info->std.begin(), info->std.end());
  return network;
}

int count_weights(const graph::Network& network, int bits) {
  int count = 0;
  for (const graph::Node& node : network.nodes()) {
    const auto* conv = node.as<graph::Conv2d>();
    const bool counts = conv != nullptr && conv->weights.scheme != numeric::WeightScheme::None;
    count += counts && conv->weights.bits == bits ? 1 : 0;
  }
  return count;
}

TEST(Paper, EveryDocumentedCommandLoadsAndBuildsItsNetwork) {
  const std::vector<Command> commands = documented_commands();
  // Table 1: 5 networks at 5 widths. Table 2: 48 cells. Tables 3 to 8: 10 + 8 + 5. Alphas: 4 + 5.
  EXPECT_EQ(commands.size(), 25U + 48 + 23 + 9);
  std::set<std::string> folders;
  std::set<std::string> networks;
  for (const Command& command : commands) {
    SCOPED_TRACE(command.out);
    EXPECT_TRUE(folders.insert(command.out).second);
    const Recipe recipe = recipe_of(command);
    graph::Network network = build(recipe);
    networks.insert(network.name);
    if (!recipe.quantize) {
      EXPECT_THAT(command.out, testing::EndsWith("-w32-a32"));
      continue;
    }
    const auto quantized = graph::quantize(network, *recipe.quantize);
    ASSERT_TRUE(quantized) << quantized.error().message;
    const auto& weights = recipe.quantize->inner.weights;
    const bool floats = weights.scheme == numeric::WeightScheme::None;
    EXPECT_EQ(floats, command.out.find("-w32-") != std::string::npos);
    EXPECT_EQ(count_weights(*quantized, weights.bits) > 3, !floats);
    dropout_tap(*quantized, recipe, {});
  }
  EXPECT_EQ(networks.size(), 5U);
}

TEST(Paper, SettingsReachTheirLayers) {
  for (const Command& command : documented_commands()) {
    if (command.out != "out/paper/table2-m3-fl4-first") continue;
    const Recipe recipe = recipe_of(command);
    EXPECT_EQ(recipe.quantize->inner.weights.bits, 3);
    EXPECT_EQ(recipe.quantize->inner.activation_bits, 3);
    EXPECT_EQ(recipe.quantize->first.weights.bits, 4);
    EXPECT_EQ(recipe.quantize->first.weights.scheme, numeric::WeightScheme::DoReFa);
    EXPECT_EQ(recipe.quantize->last.precision, graph::LayerPolicy::Precision::Float);
    return;
  }
  FAIL() << "no such command";
}

class PaperStep : public testing::TestWithParam<const char*> {};

// Two random images: the loss is finite, and every parameter learns.
TEST_P(PaperStep, TheNetworkTakesATrainingStep) {
  const Recipe recipe = read_recipe(kPaper / GetParam());
  graph::Network network = build(recipe);
  models::initialize(network, 1);
  network = value_or_throw(graph::quantize(network, *recipe.quantize));
  const graph::Shape shape = network.node(0).type.shape;
  nn::Module module(network);
  Optimizer optimizer(module, recipe.optimizer);
  torch::manual_seed(1);
  const auto images = torch::randn({2, shape[0], shape[1], shape[2]});
  const auto labels = torch::tensor({1, 7}, torch::kLong);
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : module.tensors()) before[name] = tensor.detach().clone();
  const auto logits = module.forward(images, nn::Mode::Train, dropout_tap(network, recipe, {}));
  const auto loss = torch::cross_entropy_loss(logits, labels);
  loss.backward();
  EXPECT_TRUE(std::isfinite(loss.item<double>()));
  optimizer.step(1);
  int clips = 0;
  for (const auto& [name, tensor] : module.tensors()) {
    if (module.role(name) == nn::Role::Buffer) continue;
    EXPECT_TRUE(torch::isfinite(tensor).all().item<bool>()) << name;
    EXPECT_FALSE(tensor.detach().equal(before.at(name))) << name;
    clips += module.role(name) == nn::Role::Clip ? 1 : 0;
  }
  EXPECT_GE(clips, 6);
}

INSTANTIATE_TEST_SUITE_P(All, PaperStep,
                         testing::Values("cifar10-resnet20.toml", "svhn-7conv.toml", "alexnet.toml",
                                         "resnet18.toml", "resnet50.toml"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
                           return name;
                         });

// Folders as ImageNet has them: one picture, linked into 1000 classes of both splits.
class PaperData : public testing::Test {
 protected:
  PaperData() {
    const std::filesystem::path picture = PACT_SOURCE_DIR "/tests/data/pattern.png";
    for (const char* split : {"train", "val"}) {
      for (int label = 0; label < 1000; ++label) {
        const auto folder = root_ / "imagenet" / split / text("n", 1000 + label);
        std::filesystem::create_directories(folder);
        std::filesystem::create_symlink(picture, folder / "only.png");
      }
    }
  }
  ~PaperData() override { std::filesystem::remove_all(root_); }

  const std::filesystem::path root_ =
      std::filesystem::path(testing::TempDir()) / text("paper_data_", ::getpid());
};

TEST_F(PaperData, TheRecipeForImageNetTrainsOnFolders) {
  const Recipe recipe =
      parse_recipe(recipe_for(value_or_throw(read_text(kPaper / "resnet18.toml")), "resnet18.toml",
                              {.settings = {"batch_size=2", "threads=1", "data.threads=3"}}),
                   "resnet18.toml");
  TrainOptions options{.folder = root_ / "out", .data_root = root_};
  Hooks hooks;
  hooks.on_step = [](const StepReport& report) {
    EXPECT_EQ(report.steps, 500);
    EXPECT_TRUE(std::isfinite(report.loss));
    EXPECT_GT(report.images_per_second, 0);
  };
  hooks.stop = [] { return true; };
  EXPECT_THROW(train(recipe, options, hooks), Exception);
  const Checkpoint stopped = load_checkpoint(options.folder / "checkpoint.safetensors");
  EXPECT_EQ(stopped.step, 1);
  EXPECT_EQ(stopped.network.classes.size(), 1000U);
  EXPECT_EQ(stopped.network.classes[999], "n1999");
  options.start = Start::Resume;
  EXPECT_THROW(train(recipe, options, hooks), Exception);
  EXPECT_EQ(load_checkpoint(options.folder / "checkpoint.safetensors").step, 2);
}

TEST(Dropout, DropsAtItsRateAndTheSameElementsForTheSamePosition) {
  Recipe recipe = read_recipe(kPaper / "svhn-7conv.toml");
  recipe.dropout[0].rate = 0.25;
  const graph::Network network = build(recipe);
  const auto id = *network.find("relu6");
  const auto drop = [&](Position position) {
    torch::Tensor value = torch::ones({100, 100});
    dropout_tap(network, recipe, position)(id, value);
    return value;
  };
  const torch::Tensor value = drop({3, 4});
  const auto dropped = value.eq(0).sum().item<std::int64_t>();
  EXPECT_NEAR(static_cast<double>(dropped), 2500, 220);  // five deviations
  EXPECT_NEAR(value.max().item<double>(), 4.0 / 3, 1e-6);
  EXPECT_TRUE(drop({3, 4}).equal(value));
  EXPECT_FALSE(drop({3, 5}).equal(value));
  EXPECT_FALSE(drop({4, 4}).equal(value));
  torch::Tensor other = torch::ones({10});
  dropout_tap(network, recipe, {})(id - 1, other);
  EXPECT_TRUE(other.equal(torch::ones({10})));
  recipe.dropout[0].after = "relu9";
  EXPECT_THROW(dropout_tap(network, recipe, {}), Exception);
}

}  // namespace
}  // namespace pact::train
