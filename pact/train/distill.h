// SPDX-License-Identifier: Apache-2.0
// Distillation (Hinton et al. 2015, arXiv 1503.02531): the network also learns what a float network
// says of the same images.
#pragma once

#include <memory>

#include "pact/nn/module.h"
#include "pact/train/recipe.h"
#include "pact/train/trainer.h"

namespace pact::train {

class Teacher {
 public:
  /// The teacher that `recipe` asks for. Throws Exception if its weights cannot be had, or if it
  /// reads other images or tells other classes apart than `student`.
  Teacher(const Recipe& recipe, const TrainOptions& options, const graph::Network& student);

  /// (1 - share) * cross entropy + share * T^2 * KL(teacher || student), both softened by the
  /// temperature T; means over the batch. images: {n, c, h, w}; logits: {n, classes} of the
  /// student; labels: {n}.
  torch::Tensor loss(const torch::Tensor& images, const torch::Tensor& logits,
                     const torch::Tensor& labels);

 private:
  Distillation options_;
  nn::Module module_;
};

}  // namespace pact::train
