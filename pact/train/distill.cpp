// SPDX-License-Identifier: Apache-2.0
#include "pact/train/distill.h"

#include <torch/torch.h>

#include "pact/nn/device.h"

namespace pact::train {
namespace {

// Errors about the teacher's files name the key of the student's, with this before it.
template <typename Body>
auto named_error(const char* prefix, const Body& body) {
  try {
    return body();
  } catch (const Exception& error) {
    throw_error(error.error().code, prefix, error.what());
  }
}

graph::Network teacher_network(const Recipe& recipe, const TrainOptions& options,
                               const graph::Network& student) {
  Recipe teacher = recipe;
  teacher.quantize.reset();
  teacher.network = recipe.distillation->network;
  teacher.start = recipe.distillation->start;
  graph::Network network = named_error("distill.", [&] {
    if (starts_from_quantizers(teacher, options)) {
      throw_error(ErrorCode::InvalidArgument,
                  "start: expected the teacher's float weights, found '", teacher.start,
                  "' with quantizers");
    }
    return starting_network(teacher, options);
  });
  const auto classes = [](const graph::Network& n) { return n.node(n.output()).type.channels(); };
  const auto& theirs = network.preprocessing;
  const auto& ours = student.preprocessing;
  if (network.node(0).type.shape != student.node(0).type.shape || theirs.mean != ours.mean ||
      theirs.std != ours.std) {
    throw_error(ErrorCode::InvalidArgument, "distill: expected a teacher that reads images of ",
                graph::to_string(student.node(0).type.shape),
                " with the student's mean and standard deviation, found '", network.name,
                "' that reads ", graph::to_string(network.node(0).type.shape));
  }
  if (classes(network) != classes(student)) {
    throw_error(ErrorCode::InvalidArgument, "distill: expected a teacher of ", classes(student),
                " classes, found '", network.name, "' of ", classes(network));
  }
  if (network.classes != student.classes) {
    throw_error(ErrorCode::InvalidArgument,
                "distill: expected a teacher of the same classes in the ",
                "same order, found others in '", network.name, "'");
  }
  return network;
}

}  // namespace

Teacher::Teacher(const Recipe& recipe, const TrainOptions& options, const graph::Network& student)
    : options_(*recipe.distillation),
      module_(teacher_network(recipe, options, student), recipe.precision,
              nn::find_device(options.device)) {}

torch::Tensor Teacher::loss(const torch::Tensor& images, const torch::Tensor& logits,
                            const torch::Tensor& labels) {
  const double temperature = options_.temperature;
  torch::Tensor taught;
  {
    const torch::NoGradGuard guard;
    const torch::Tensor answers = module_.forward(images, nn::Mode::Evaluate);
    taught = torch::log_softmax(answers / temperature, 1);
  }
  const torch::Tensor divergence = torch::kl_div(torch::log_softmax(logits / temperature, 1),
                                                 taught, at::Reduction::Sum, /*log_target=*/true) /
                                   logits.size(0);
  return (1 - options_.share) * torch::cross_entropy_loss(logits, labels) +
         options_.share * temperature * temperature * divergence;
}

}  // namespace pact::train
