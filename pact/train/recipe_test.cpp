// SPDX-License-Identifier: Apache-2.0
#include "pact/train/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pact/base/result.h"

namespace pact::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kGood = "network = \"demo-resnet\"\n[data]\nset = \"mnist\"\n";

std::string error_of(const std::string& text) {
  try {
    parse_recipe(text, "r.toml");
  } catch (const Exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Recipe, ReadsEveryKey) {
  const Recipe recipe = parse_recipe(R"(
network = "cifar-resnet20-v1"
epochs = 7
batch_size = 32
seed = 5
threads = 2
precision = "bf16"
norm_batches = 40
start = "floats.safetensors"
[distill]
temperature = 2.5
share = 0.25
[data]
set = "cifar10"
pad_crop = 4
flip = "horizontal"
[optimizer]
kind = "adam"
learning_rate = 0.01
alpha_decay = 0.001
average = 0.99
[schedule]
kind = "step"
milestones = [3, 5]
[quantize]
weights = "dorefa"
weight_bits = 2
activation_bits = 3
gradient = "pact"
alpha = 8
shortcut_bits = 7
first = { precision = "float" }
last = { weight_bits = 6 }
calibrate = { percentile = 0.99, batches = 3 }
[[quantize.layer]]
match = "layer1.*"
weight_bits = 5
)",
                                     "r.toml");
  EXPECT_EQ(recipe.epochs, 7);
  EXPECT_EQ(recipe.precision, nn::Precision::Bf16);
  EXPECT_EQ(recipe.norm_batches, 40);
  ASSERT_TRUE(recipe.distillation.has_value());
  EXPECT_EQ(recipe.distillation->network, "cifar-resnet20-v1");
  EXPECT_EQ(recipe.distillation->start, "floats.safetensors");
  EXPECT_EQ(recipe.distillation->temperature, 2.5);
  EXPECT_EQ(recipe.distillation->share, 0.25);
  EXPECT_EQ(recipe.optimizer.kind, OptimizerKind::Adam);
  EXPECT_EQ(recipe.optimizer.average, 0.99);
  EXPECT_EQ(recipe.schedule.milestones, (std::vector<int>{3, 5}));
  ASSERT_TRUE(recipe.quantize.has_value());
  EXPECT_EQ(recipe.quantize->inner.weights.scheme, numeric::WeightScheme::DoReFa);
  EXPECT_EQ(recipe.quantize->inner.activation_bits, 3);
  EXPECT_EQ(recipe.quantize->shortcut_bits, 7);
  EXPECT_EQ(recipe.quantize->first.precision, graph::LayerPolicy::Precision::Float);
  EXPECT_EQ(recipe.quantize->last.weights.bits, 6);
  ASSERT_EQ(recipe.quantize->overrides.size(), 1U);
  EXPECT_EQ(recipe.quantize->overrides[0].policy.weights.bits, 5);
  ASSERT_TRUE(recipe.calibration.has_value());
  EXPECT_EQ(recipe.calibration->batches, 3);
}

TEST(Recipe, UnknownKeysAreNamedWithTheirLine) {
  EXPECT_THAT(error_of(kGood + "[optimizer]\nlerning_rate = 1\n"),
              AllOf(HasSubstr("r.toml:5"), HasSubstr("optimizer.lerning_rate"),
                    HasSubstr("learning_rate")));
  EXPECT_THAT(error_of("epoch = 3\n" + kGood), HasSubstr("unknown key 'epoch'"));
}

TEST(Recipe, ImpossibleValuesSayWhatIsPossible) {
  EXPECT_THAT(error_of("epochs = -1\n" + kGood), HasSubstr("expected a whole number from 0"));
  EXPECT_THAT(error_of(kGood + "[quantize]\nweight_bits = 9\n"),
              HasSubstr("from 1 to 8, or 32 (floats), found 9"));
  EXPECT_THAT(error_of(kGood + "[quantize]\nshortcut_bits = 16\n"),
              HasSubstr("expected a whole number from 0 to 8, found 16"));
  EXPECT_THAT(error_of(kGood + "[quantize]\nweights = \"lsq\"\n"),
              AllOf(HasSubstr("dorefa"), HasSubstr("found 'lsq'")));
  EXPECT_THAT(error_of(kGood + "[quantize]\nweights = \"dorefa\"\ngranularity = \"channel\"\n"),
              HasSubstr("dorefa has one scale per tensor"));
  EXPECT_THAT(error_of(kGood + "[optimizer]\nlearning_rate = nan\n"), HasSubstr("a number from 0"));
  EXPECT_THAT(error_of(kGood + "[optimizer]\naverage = 0.9\n"),
              HasSubstr("norm_batches: expected at least 1"));
  EXPECT_THAT(error_of(kGood + "[schedule]\nkind = \"linear\"\n"), HasSubstr("\"cosine\""));
  EXPECT_THAT(
      error_of("epochs = 5\n" + kGood + "[schedule]\nkind = \"step\"\nmilestones = [2, 5]\n"),
      HasSubstr("milestones: expected a list of rising whole numbers from 1 to 4"));
  EXPECT_THAT(
      error_of("epochs = 5\n" + kGood + "[schedule]\nkind = \"step\"\nmilestones = [3, 2]\n"),
      HasSubstr("milestones: expected a list of rising whole numbers from 1 to 4"));
  EXPECT_THAT(
      error_of("epochs = 5\n" + kGood + "[schedule]\nkind = \"cosine\"\nmilestones = [2, 5]\n"),
      "no error");
  EXPECT_THAT(error_of("batch_size = 1\n" + kGood),
              HasSubstr("batch_size: expected a whole number from 2"));
  EXPECT_THAT(error_of("network = \"x\"\n"), HasSubstr("data.set: expected a name"));
  EXPECT_THAT(error_of(kGood + "[distill]\n"), HasSubstr("distill.start: expected a file"));
  EXPECT_THAT(
      error_of("start = \"a.safetensors\"\n" + kGood + "[distill]\nnetwork = \"resnet18\"\n"),
      HasSubstr("distill.start: expected a file"));
}

std::string changed(std::vector<std::string> settings) {
  return recipe_for(kGood, "r.toml", {.settings = std::move(settings)});
}

std::string setting_error(const std::string& setting) {
  try {
    parse_recipe(changed({setting}), "r.toml (with --set)");
  } catch (const Exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Recipe, SettingsReplaceValuesAndMakeTables) {
  const Recipe recipe =
      parse_recipe(changed({"epochs=9", "data.set=cifar10", "quantize.first={ weight_bits = 6 }",
                            "quantize.last.activation_bits=5", "optimizer.alpha_decay=1e-3",
                            "schedule.milestones=[1, 2]", "start=\"a = b\""}),
                   "r.toml");
  EXPECT_EQ(recipe.epochs, 9);
  EXPECT_EQ(recipe.dataset, "cifar10");
  EXPECT_EQ(recipe.quantize->first.weights.bits, 6);
  EXPECT_EQ(recipe.quantize->last.activation_bits, 5);
  EXPECT_EQ(recipe.optimizer.alpha_decay, 1e-3);
  EXPECT_EQ(recipe.schedule.milestones, (std::vector<int>{1, 2}));
  EXPECT_EQ(recipe.start, "a = b");
  EXPECT_EQ(recipe.network, "demo-resnet");
  // What a run keeps in its folder gives the same recipe again.
  EXPECT_EQ(parse_recipe(recipe.text, "again").text, recipe.text);
}

TEST(Recipe, WrongSettingsNameTheKeyAndWhatIsPossible) {
  EXPECT_THAT(setting_error("quantize.weight_bits=9"),
              AllOf(HasSubstr("r.toml (with --set):"), HasSubstr("quantize.weight_bits"),
                    HasSubstr("from 1 to 8, or 32 (floats), found 9")));
  EXPECT_THAT(setting_error("quantize.weight_bit=4"), HasSubstr("unknown key 'quantize.weight_"));
  EXPECT_THAT(setting_error("epochs=many"), HasSubstr("epochs: expected a whole number"));
  EXPECT_THAT(setting_error("epochs"), HasSubstr("expected key=value, found 'epochs'"));
  EXPECT_THAT(setting_error("network.name=x"), HasSubstr("expected network to be a table"));
  EXPECT_THAT(setting_error("quantize..x=1"), HasSubstr("unknown key"));
}

TEST(Recipe, ThirtyTwoBitsAreFloats) {
  const auto with = [](int weights, int activations) {
    return parse_recipe(changed({text("quantize.weight_bits=", weights),
                                 text("quantize.activation_bits=", activations)}),
                        "r.toml");
  };
  EXPECT_EQ(with(32, 4).quantize->inner.weights.scheme, numeric::WeightScheme::None);
  EXPECT_EQ(with(4, 32).quantize->inner.activation_bits, graph::kFloatBits);
  EXPECT_EQ(with(32, 32).quantize->inner.precision, graph::LayerPolicy::Precision::Float);
  const std::string plain = "{ precision = \"float\" }";
  EXPECT_FALSE(parse_recipe(changed({"quantize.first=" + plain, "quantize.last=" + plain,
                                     "quantize.weight_bits=32", "quantize.activation_bits=32"}),
                            "r.toml")
                   .quantize);
}

TEST(Recipe, BrokenTomlGivesItsLine) {
  EXPECT_THAT(error_of("network = \"a\nepochs = 1\n"), HasSubstr("r.toml:1"));
}

TEST(Recipe, TheProjectsRecipesAreGood) {
  int read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PACT_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() != ".toml") continue;
    EXPECT_NO_THROW(read_recipe(entry.path())) << entry.path();
    ++read;
  }
  EXPECT_GE(read, 3);
}

}  // namespace
}  // namespace pact::train
