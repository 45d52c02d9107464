// SPDX-License-Identifier: Apache-2.0
// The loss of distillation beside its formula, and teachers that do not fit.
#include "pact/train/distill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include "pact/base/file.h"
#include "pact/graph/safetensors.h"
#include "pact/models/models.h"

namespace pact::train {
namespace {

using testing::HasSubstr;
using torch::Tensor;

class Distill : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static graph::Network network(std::int64_t classes, std::uint64_t seed) {
    graph::Network made = value_or_throw(models::build("demo-resnet", {1, 28, 28, classes}));
    models::initialize(made, seed);
    made.preprocessing = {{0.1307F}, {0.3081F}};
    for (std::int64_t i = 0; i < classes; ++i) made.classes.push_back(std::to_string(i));
    return made;
  }

  // A teacher of so many classes, asked for by a recipe with these keys.
  Teacher teacher(const std::string& keys, std::int64_t classes = 10,
                  const std::string& first_class = "0") const {
    graph::Network made = network(classes, 2);
    made.classes[0] = first_class;
    value_or_throw(write_atomically(folder_ / "teacher.safetensors",
                                    graph::serialize_safetensors(graph::to_tensor_file(made))));
    const Recipe recipe = parse_recipe(
        "network = \"demo-resnet\"\n[data]\nset = \"mnist\"\n[distill]\n"
        "network = \"teacher.safetensors\"\n" +
            keys,
        "test");
    TrainOptions options;
    options.data_root = folder_;
    options.recipe_folders = {folder_};
    return Teacher(recipe, options, network(10, 1));
  }

  std::filesystem::path folder_ = testing::TempDir() + "/distill_" + std::to_string(::getpid());
  Tensor images_ = torch::randn({6, 1, 28, 28});
  Tensor logits_ = torch::randn({6, 10}).set_requires_grad(true);
  Tensor labels_ = torch::tensor({0, 1, 2, 3, 4, 9}, torch::kLong);
};

TEST_F(Distill, NoShareIsCrossEntropy) {
  const Tensor loss = teacher("share = 0.0\n").loss(images_, logits_, labels_);
  EXPECT_FLOAT_EQ(loss.item<float>(), torch::cross_entropy_loss(logits_, labels_).item<float>());
}

TEST_F(Distill, AStudentThatAnswersAsItsTeacherHasNothingToLearn) {
  nn::Module same(network(10, 2));
  const Tensor answers = same.forward(images_, nn::Mode::Evaluate).detach().set_requires_grad(true);
  const Tensor loss = teacher("share = 1.0\n").loss(images_, answers, labels_);
  loss.backward();
  EXPECT_NEAR(loss.item<float>(), 0, 1e-5);
  EXPECT_LT(answers.grad().abs().max().item<float>(), 1e-6);
}

TEST_F(Distill, IsTheWeightedSumOfBothLosses) {
  nn::Module same(network(10, 2));
  const double t = 3;
  const Tensor taught = torch::softmax(same.forward(images_, nn::Mode::Evaluate).detach() / t, 1);
  const Tensor learned = torch::softmax(logits_ / t, 1);
  const Tensor divergence = (taught * (taught / learned).log()).sum(1).mean();
  const Tensor expected =
      0.25 * torch::cross_entropy_loss(logits_, labels_) + 0.75 * t * t * divergence;
  const Tensor loss = teacher("share = 0.75\ntemperature = 3\n").loss(images_, logits_, labels_);
  EXPECT_NEAR(loss.item<float>(), expected.item<float>(), 1e-4);
}

TEST_F(Distill, ATeacherOfClassesInAnotherOrderIsRefused) {
  try {
    teacher("", 10, "nine");
    FAIL() << "was accepted";
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("the same classes in the same order"));
  }
}

TEST_F(Distill, ATeacherOfOtherClassesIsRefused) {
  try {
    teacher("", 7);
    FAIL() << "was accepted";
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("expected a teacher of 10 classes, found"));
  }
}

}  // namespace
}  // namespace pact::train
