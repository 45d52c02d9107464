// SPDX-License-Identifier: Apache-2.0
// The loop on a small data set that the test writes: resuming, interrupting, checkpoints, errors.
#include "pact/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "pact/base/file.h"
#include "pact/graph/safetensors.h"
#include "pact/models/models.h"
#include "pact/train/checkpoint.h"
#include "pact/train/evaluate.h"

namespace pact::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr int kTrainImages = 60000;
constexpr int kTestImages = 10000;

void write_idx(const std::filesystem::path& path, int count, int size, int kind) {
  std::ofstream file(path, std::ios::binary);
  const auto word = [&](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>(value >> shift));
  };
  word(kind == 3 ? 0x803 : 0x801);
  word(static_cast<std::uint32_t>(count));
  if (kind == 3) word(28), word(28);
  std::string bytes(static_cast<std::size_t>(count) * static_cast<std::size_t>(size), '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(kind == 3 ? state >> 24 : (state >> 24) % 10);
  }
  file << bytes;
}

// A folder that looks like MNIST.
struct DataFolder {
  const std::filesystem::path path =
      testing::TempDir() + "/trainer_data_" + std::to_string(::getpid());

  DataFolder() {
    std::filesystem::create_directories(path / "mnist");
    write_idx(path / "mnist/train-images-idx3-ubyte", kTrainImages, 28 * 28, 3);
    write_idx(path / "mnist/train-labels-idx1-ubyte", kTrainImages, 1, 1);
    write_idx(path / "mnist/t10k-images-idx3-ubyte", kTestImages, 28 * 28, 3);
    write_idx(path / "mnist/t10k-labels-idx1-ubyte", kTestImages, 1, 1);
  }
  ~DataFolder() { std::filesystem::remove_all(path); }
};

const std::filesystem::path& data_folder() {
  static const DataFolder folder;  // made once
  return folder.path;
}

class Trainer : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Recipe recipe(const std::string& extra = "") {
    return parse_recipe(
        "network = \"demo-resnet\"\nepochs = 1\nbatch_size = 500\nthreads = 1\n"
        "checkpoint_seconds = 3\nnorm_batches = 2\n[data]\nset = \"mnist\"\npad_crop = 2\n"
        "[optimizer]\nlearning_rate = 0.05\nalpha_decay = 1e-3\n"
        "[quantize]\nalpha = 6\n" +
            extra,
        "test");
  }

  TrainOptions options(const std::string& name, Start start = Start::Fresh) {
    TrainOptions result;
    result.folder = folder_ / name;
    result.data_root = data_folder();
    result.start = start;
    return result;
  }

  // Stops after so many steps, counted over all runs that share the hooks.
  static Hooks hooks(int stop_after = 1 << 30) {
    Hooks result;
    result.validate = [](const graph::Network&) { return Validation{0.5, "test"}; };
    result.stop = [steps = 0, stop_after]() mutable { return ++steps == stop_after; };
    return result;
  }

  // Trains until so many steps are done; the message of the interruption.
  std::string interrupt(const Recipe& r, const std::string& name, int steps) {
    try {
      train(r, options(name), hooks(steps));
    } catch (const Exception& error) {
      EXPECT_EQ(error.error().code, ErrorCode::Interrupted);
      return error.what();
    }
    return "was not interrupted";
  }

  std::filesystem::path folder_ = testing::TempDir() + "/trainer_" + std::to_string(::getpid());
};

TEST_F(Trainer, ResumedAfterAnInterruptionEndsWithTheSameWeights) {
  const auto start = starting_network(recipe(), options("whole"));
  const auto whole = train(recipe(), options("whole"), hooks());
  EXPECT_NE(whole.parameters().at("relu1.alpha"), start.parameters().at("relu1.alpha"));
  const std::string log = value_or_throw(read_text(folder_ / "whole/log.jsonl"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1);
  EXPECT_THAT(log, HasSubstr("\"relu1.alpha\":{\"gradient_norm\":"));

  EXPECT_THAT(interrupt(recipe(), "part", 70), HasSubstr("--resume"));
  const auto resumed = train(recipe(), options("part", Start::Resume), hooks());
  EXPECT_EQ(resumed.parameters(), whole.parameters());
}

TEST_F(Trainer, GoesOnWithOtherThreadsButNotWithAnotherSeed) {
  const auto changed = [](const std::string& setting) {
    return parse_recipe(recipe_for(recipe().text, "test", {.settings = {setting}}), "test");
  };
  interrupt(recipe(), "moved", 3);
  EXPECT_THAT([&] { train(changed("seed=2"), options("moved", Start::Resume), hooks()); },
              ThrowsMessage<Exception>(HasSubstr("made with another recipe")));
  const Recipe faster = changed("threads=2");
  EXPECT_NO_THROW(train(faster, options("moved", Start::Resume), hooks()));
  EXPECT_EQ(value_or_throw(read_text(folder_ / "moved/recipe.toml")), faster.text);
  EXPECT_EQ(load_checkpoint(folder_ / "moved/checkpoint.safetensors").recipe, faster.text);
}

TEST_F(Trainer, BatchNormTakesTheStatisticsOfTheLastWeights) {
  Recipe plain = recipe();
  plain.norm_batches = 0;
  plain.epochs = 0;
  Recipe estimated = plain;
  estimated.norm_batches = 2;
  const auto before = train(plain, options("plain"), hooks());
  const auto after = train(estimated, options("estimated"), hooks());
  EXPECT_EQ(after.parameters().at("conv1.weight"), before.parameters().at("conv1.weight"));
  EXPECT_NE(after.parameters().at("bn1.running_mean"), before.parameters().at("bn1.running_mean"));
}

TEST_F(Trainer, EndsWithAveragesOfTheWeights) {
  const auto averaged = [](const std::string& average) {
    return parse_recipe(
        recipe_for(recipe().text, "test", {.settings = {"optimizer.average=" + average}}), "test");
  };
  const auto last = train(recipe(), options("last"), hooks());
  const auto mean = train(averaged("0.9"), options("mean"), hooks());
  const auto weights = [](const graph::Network& n) {
    return torch::tensor(n.parameters().at("layer1.0.conv1.weight").floats());
  };
  const double apart = (weights(mean) - weights(last)).norm().item<double>();
  EXPECT_GT(apart, 0);
  EXPECT_LT(apart, 0.5 * weights(last).norm().item<double>());
  // What is averaged is what training would have gone on with, and survives an interruption.
  interrupt(averaged("0.9"), "part", 70);
  const auto resumed = train(averaged("0.9"), options("part", Start::Resume), hooks());
  EXPECT_EQ(resumed.parameters(), mean.parameters());
}

TEST_F(Trainer, ATeacherChangesWhatIsLearned) {
  Recipe floats = recipe();
  floats.quantize.reset();
  floats.epochs = 0;
  train(floats, options("teacher"), hooks());
  Recipe taught = recipe();
  taught.distillation = Distillation{
      .network = taught.network, .start = (folder_ / "teacher/checkpoint.safetensors").string()};
  interrupt(recipe(), "alone", 2);
  interrupt(taught, "taught", 2);
  const auto weights = [&](const std::string& run) {
    const Checkpoint found = load_checkpoint(folder_ / run / "checkpoint.safetensors");
    return found.network.parameters().at("conv1.weight");
  };
  EXPECT_NE(weights("taught"), weights("alone"));
}

TEST_F(Trainer, CheckpointOfAnotherNetworkIsRefused) {
  interrupt(recipe(), "other", 2);
  Recipe other = recipe("activation_bits = 3\n");
  try {
    train(other, options("other", Start::Resume), hooks());
    FAIL() << "was accepted";
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("the checkpoint is of another network"));
  }
}

// The checkpoint of a run that has done so many of its 120 steps.
Checkpoint after_steps(Checkpoint checkpoint, std::int64_t steps) {
  checkpoint.seen = checkpoint.seen / checkpoint.step * steps;
  checkpoint.step = steps;
  return checkpoint;
}

TEST_F(Trainer, WhatIsNotFiniteDoesNotReplaceTheCheckpoint) {
  Recipe ends = recipe();
  ends.norm_batches = 0;  // nothing reads the weights of the last step
  interrupt(ends, "diverged", 2);
  const auto path = folder_ / "diverged/checkpoint.safetensors";
  Checkpoint last = after_steps(load_checkpoint(path), 119);
  auto& momentum = last.optimizer.at("optimizer.first.conv1.weight").floats();
  momentum[0] = std::numeric_limits<float>::infinity();
  save_checkpoint(last, path);
  const std::string before = value_or_throw(read_text(path));
  EXPECT_THAT([&] { train(ends, options("diverged", Start::Resume), hooks()); },
              ThrowsMessage<Exception>(HasSubstr("'conv1.weight' is not finite any more")));
  EXPECT_EQ(value_or_throw(read_text(path)), before);
  EXPECT_EQ(value_or_throw(read_text(folder_ / "diverged/log.jsonl")), "");
}

TEST_F(Trainer, ARunThatWasStoppedAfterItsLastStepLogsThatStep) {
  interrupt(recipe(), "done", 2);
  const auto path = folder_ / "done/checkpoint.safetensors";
  Checkpoint done = after_steps(load_checkpoint(path), 120);
  done.seconds = 5000;
  save_checkpoint(done, path);
  train(recipe(), options("done", Start::Resume), hooks());
  EXPECT_THAT(value_or_throw(read_text(folder_ / "done/log.jsonl")),
              AllOf(HasSubstr("\"learning_rate\":0.05,"), HasSubstr("\"seconds\":5000.0,")));
}

TEST_F(Trainer, DamagedCheckpointsAreErrors) {
  interrupt(recipe(), "damage", 2);
  const auto path = folder_ / "damage/checkpoint.safetensors";
  const std::string good = value_or_throw(read_text(path));
  for (std::size_t length = 0; length < good.size(); length += good.size() / 23 + 1) {
    value_or_throw(write_atomically(path, std::string_view(good).substr(0, length)));
    EXPECT_THROW(load_checkpoint(path), Exception) << length;
  }
  value_or_throw(write_atomically(path, good));
  EXPECT_EQ(load_checkpoint(path).step, 2);
}

TEST_F(Trainer, ProgressThatNoRunMakesIsRefused) {
  interrupt(recipe(), "progress", 2);
  const auto path = folder_ / "progress/checkpoint.safetensors";
  const Checkpoint good = load_checkpoint(path);
  const auto expect_refused = [&](std::int64_t Checkpoint::*field, std::int64_t value,
                                  const std::string& message) {
    Checkpoint changed = good;
    changed.*field = value;
    save_checkpoint(changed, path);
    EXPECT_THAT([&] { train(recipe(), options("progress", Start::Resume), hooks()); },
                ThrowsMessage<Exception>(HasSubstr(message)));
  };
  expect_refused(&Checkpoint::step, -1, "expected a count as 'step', found -1");
  expect_refused(&Checkpoint::step, 121, "expected at most 1 epochs of 120 steps, found epoch 0");
  expect_refused(&Checkpoint::epoch, 2, "found epoch 2");
  expect_refused(&Checkpoint::epoch, std::numeric_limits<std::int64_t>::max(), "as 'epoch'");
  expect_refused(&Checkpoint::seen, 0, "expected images of 2 steps, found 0");
}

TEST(CheckFits, ANetworkSaysHowItsImagesAreNormalised) {
  data::Dataset dataset;
  dataset.channels = 1;
  dataset.height = dataset.width = 2;
  dataset.classes = {"one", "two"};
  graph::Network network;
  const auto input = value_or_throw(network.add("image", graph::Input{1, 2, 2}, {}));
  value_or_throw(network.add("flat", graph::Flatten{}, {input}));
  EXPECT_THAT([&] { check_fits(network, dataset); },
              ThrowsMessage<Exception>(HasSubstr("expected the mean and std of its images")));
  network.preprocessing = {{0.5F}, {0.25F}};
  EXPECT_NO_THROW(check_fits(network, dataset));
  network.set_output(input);
  EXPECT_THAT([&] { check_fits(network, dataset); },
              ThrowsMessage<Exception>(HasSubstr("one number for each class, found 1x2x2")));
}

TEST_F(Trainer, ARunOfOtherBitsIsAStart) {
  interrupt(recipe(), "first", 2);
  const auto path = folder_ / "first/checkpoint.safetensors";
  Recipe second = recipe("activation_bits = 2\ncalibrate = { batches = 1, percentile = 1.0 }\n");
  second.start = path.string();
  second.epochs = 0;
  const auto made = train(second, options("second"), hooks()).parameters();
  const auto trained = load_checkpoint(path).network.parameters();
  EXPECT_EQ(made.at("conv1.weight"), trained.at("conv1.weight"));
  EXPECT_EQ(made.at("relu1.alpha"), trained.at("relu1.alpha"));
  EXPECT_NE(made.at("relu1.alpha"),
            starting_network(recipe(), options("x")).parameters().at("relu1.alpha"));
  // Of another kind they cannot be kept, and are calibrated.
  Recipe channels =
      recipe("alpha_granularity = \"channel\"\ncalibrate = { batches = 1, percentile = 1.0 }\n");
  channels.start = path.string();
  channels.epochs = 0;
  const auto first = starting_network(channels, options("y")).parameters().at("relu1.alpha");
  EXPECT_NE(train(channels, options("channels"), hooks()).parameters().at("relu1.alpha"), first);
  // Clips that the run had not are calibrated behind those that it had, which clip.
  Recipe shortcuts = recipe("shortcut_bits = 8\ncalibrate = { batches = 1, percentile = 1.0 }\n");
  graph::Network clipped = load_checkpoint(path).network;
  clipped.parameters().at("relu1.alpha").floats() = {0.25F};
  value_or_throw(write_atomically(folder_ / "clipped.safetensors",
                                  graph::serialize_safetensors(graph::to_tensor_file(clipped))));
  shortcuts.start = (folder_ / "clipped.safetensors").string();
  shortcuts.epochs = 0;
  const auto wide = train(shortcuts, options("shortcuts"), hooks()).parameters();
  EXPECT_EQ(wide.at("relu1.alpha").floats()[0], 0.25F);
  EXPECT_FLOAT_EQ(wide.at("layer1.0.conv1.input.alpha").floats()[0], 0.25F);
  // A teacher answers in floats.
  Recipe taught = recipe();
  taught.distillation = Distillation{.network = taught.network, .start = path.string()};
  try {
    train(taught, options("taught"), hooks());
    FAIL() << "was accepted";
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("distill.start: expected the teacher's float weights"));
  }
}

TEST_F(Trainer, MissingStartWeightsSayWhereTheyWereLookedFor) {
  Recipe r = recipe();
  r.start = "nothing.safetensors";
  try {
    train(r, options("start"), hooks());
    FAIL() << "was accepted";
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("expected 'nothing.safetensors' under"));
  }
}

// The recipe in the run's folder names files beside the recipe that the run began with.
TEST_F(Trainer, ResumesFromTheRecipeInItsFolder) {
  Recipe floats = recipe();
  floats.quantize.reset();
  std::filesystem::create_directories(folder_ / "recipes");
  value_or_throw(write_atomically(
      folder_ / "recipes/start.safetensors",
      graph::serialize_safetensors({starting_network(floats, options("any")).parameters(), {}})));
  const std::string text =
      "start = \"start.safetensors\"\n" + recipe("[distill]\nstart = \"start.safetensors\"\n").text;
  const Recipe named = parse_recipe(text, "test");
  TrainOptions first = options("run");
  first.recipe_folders = {folder_ / "recipes"};
  EXPECT_THROW(train(named, first, hooks(2)), Exception);
  TrainOptions second = options("run", Start::Resume);
  second.recipe_folders = {second.folder};
  EXPECT_THAT([&] { train(named, second, hooks(2)); },
              ThrowsMessage<Exception>(HasSubstr("--resume")));
  EXPECT_EQ(load_checkpoint(second.folder / "checkpoint.safetensors").step, 4);
}

TEST_F(Trainer, AStoredNetworkIsQuantizedAndCalibratedWithoutTraining) {
  Recipe floats = recipe();
  floats.quantize.reset();
  graph::Network network = starting_network(floats, options("stored"));
  network.name = "mine";
  network.classes = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  std::filesystem::create_directories(folder_);
  value_or_throw(write_atomically(folder_ / "mine.safetensors",
                                  graph::serialize_safetensors(graph::to_tensor_file(network))));
  Recipe own = recipe("calibrate = { batches = 1, percentile = 1.0 }\n");
  own.network = "mine.safetensors";
  own.epochs = 0;
  TrainOptions in_folder = options("own");
  in_folder.recipe_folders = {folder_};
  const graph::Network made = train(own, in_folder, hooks());
  EXPECT_EQ(made.name, "mine");
  EXPECT_EQ(made.classes, network.classes);
  EXPECT_EQ(made.parameters().at("conv1.weight"), network.parameters().at("conv1.weight"));
  EXPECT_NE(made.parameters().at("relu1.alpha").floats()[0], 6);
  EXPECT_EQ(load_checkpoint(folder_ / "own/checkpoint.safetensors").network.parameters(),
            made.parameters());
}

TEST_F(Trainer, ANetworkOfOtherImagesIsRefusedBeforeAFolderIsMade) {
  graph::Network network;
  const auto image = value_or_throw(network.add("image", graph::Input{3, 28, 28}, {}));
  const auto flat = value_or_throw(network.add("flat", graph::Flatten{}, {image}));
  value_or_throw(network.add("fc", graph::Linear{.out_features = 10}, {flat}));
  models::initialize(network, 1);
  for (const bool normalised : {false, true}) {
    const std::vector<float> half(normalised ? 3 : 0, 0.5F);
    network.preprocessing = {half, half};
    std::filesystem::create_directories(folder_);
    value_or_throw(write_atomically(folder_ / "rgb.safetensors",
                                    graph::serialize_safetensors(graph::to_tensor_file(network))));
    Recipe own = recipe();
    own.network = "rgb.safetensors";
    TrainOptions in_folder = options("own");
    in_folder.recipe_folders = {folder_};
    EXPECT_THAT([&] { train(own, in_folder, hooks()); },
                ThrowsMessage<Exception>(HasSubstr("reads images of 3x28x28, but 'mnist' has")));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "own"));
  }
}

TEST_F(Trainer, LaterLayersReadTheLevelsThatAreGiven) {
  const auto network = starting_network(recipe(), options("given"));
  const std::vector<std::uint8_t> pixels(28 * 28, 100);
  const Levels own = fake_quantized_levels(network, pixels, 1);
  EXPECT_EQ(fake_quantized_levels(network, pixels, 1, own), own);
  Levels changed;
  changed["relu1"].assign(own.at("relu1").size(), 0);
  const Levels after = fake_quantized_levels(network, pixels, 1, changed);
  EXPECT_EQ(after.at("relu1"), own.at("relu1"));
  EXPECT_NE(after, own);
}

TEST_F(Trainer, FakeQuantizedLevelsAreWholeAndOnTheirGrid) {
  const auto network = starting_network(recipe(), options("levels"));
  const std::vector<std::uint8_t> pixels(2 * 28 * 28, 100);
  const auto levels = fake_quantized_levels(network, pixels, 2);
  ASSERT_TRUE(levels.contains("relu1"));
  for (const std::int32_t level : levels.at("relu1")) {
    EXPECT_GE(level, 0);
    EXPECT_LE(level, 15);
  }
}

}  // namespace
}  // namespace pact::train
