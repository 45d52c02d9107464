// SPDX-License-Identifier: Apache-2.0
#include "pact/train/dropout.h"

#include <ATen/CPUGeneratorImpl.h>

#include <map>

#include "pact/data/random.h"

namespace pact::train {

nn::Module::Tap dropout_tap(const graph::Network& network, const Recipe& recipe,
                            Position position) {
  if (recipe.dropout.empty()) return {};
  std::map<graph::NodeId, double> rates;
  for (const Dropout& dropout : recipe.dropout) {
    const auto id = network.find(dropout.after);
    if (!id) {
      throw_error(ErrorCode::InvalidArgument, "dropout.after: expected the name of a node of '",
                  network.name, "', found '", dropout.after, "'");
    }
    rates[*id] = dropout.rate;
  }
  // Away from the positions of images, which data/ draws from.
  constexpr std::uint64_t kPositions = std::uint64_t{1} << 62;
  data::Random random(recipe.seed, static_cast<std::uint64_t>(position.epoch),
                      kPositions + static_cast<std::uint64_t>(position.step));
  const at::Generator generator = at::detail::createCPUGenerator(random.next());
  return [rates = std::move(rates), generator](graph::NodeId id, torch::Tensor& value) {
    const auto found = rates.find(id);
    if (found == rates.end()) return;
    const double kept = 1 - found->second;
    const torch::Tensor mask = torch::empty_like(value.detach(), torch::kCPU);
    mask.bernoulli_(kept, generator);
    value = value * mask.to(value.device()) / kept;  // the factor itself has no exact bf16
  };
}

}  // namespace pact::train
