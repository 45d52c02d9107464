// SPDX-License-Identifier: Apache-2.0
// Batch norm by the statistics of the batch (Ioffe and Szegedy 2015) and PACT of what it gives, as
// one operation: training spends most of its time on reading and writing activations, and so they
// go through memory four times, where one after the other takes six.
#pragma once

#include <torch/torch.h>

#include "pact/quantizers/activations.h"

namespace pact::quantizers {

/// f32 tensors {c} of a batch norm; those that run are moved towards the batch's by `momentum`.
struct BatchNormTensors {
  torch::Tensor weight;
  torch::Tensor bias;
  torch::Tensor running_mean;
  torch::Tensor running_var;
  double momentum = 0.1;
  double epsilon = 1e-5;
};

/// pact(batch_norm(x)), values between the two in f32. x: f32 or bf16 {n, c, h, w} on the CPU, more
/// than one value a channel; the result is channels-last. alpha {1}; bits 1 to 8. Gradients for x,
/// weight, bias and alpha; sums are taken in a fixed order. Throws c10::Error where arguments do
/// not fit.
torch::Tensor normalized_pact(const torch::Tensor& x, const BatchNormTensors& norm,
                              const torch::Tensor& alpha, int bits, Gradient gradient);

}  // namespace pact::quantizers
