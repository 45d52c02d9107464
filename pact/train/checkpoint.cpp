// SPDX-License-Identifier: Apache-2.0
#include "pact/train/checkpoint.h"

#include <nlohmann/json.hpp>

#include "pact/base/file.h"
#include "pact/graph/safetensors.h"

namespace pact::train {

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  graph::TensorFile file = graph::to_tensor_file(checkpoint.network);
  file.tensors.insert(checkpoint.optimizer.begin(), checkpoint.optimizer.end());
  file.metadata["recipe"] = checkpoint.recipe;
  file.metadata["progress"] = nlohmann::json{
      {"epoch", checkpoint.epoch},
      {"step", checkpoint.step},
      {"optimizer_steps", checkpoint.optimizer_steps},
      {"loss_sum", checkpoint.loss_sum},
      {"correct", checkpoint.correct},
      {"seen", checkpoint.seen}}.dump();
  value_or_throw(write_atomically(path, graph::serialize_safetensors(file)));
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  graph::TensorFile file = value_or_throw(graph::read_safetensors(path));
  const auto progress = file.metadata.find("progress");
  const auto recipe = file.metadata.find("recipe");
  if (progress == file.metadata.end() || recipe == file.metadata.end()) {
    throw_error(ErrorCode::Corrupt, path.string(), ": expected a checkpoint, found other tensors");
  }
  auto network = graph::network_from(file);
  if (!network) throw_error(network.error().code, path.string(), ": ", network.error().message);
  Checkpoint checkpoint;
  checkpoint.network = std::move(*network);
  checkpoint.recipe = recipe->second;
  try {
    const auto json = nlohmann::json::parse(progress->second);
    checkpoint.epoch = json.at("epoch");
    checkpoint.step = json.at("step");
    checkpoint.optimizer_steps = json.at("optimizer_steps");
    checkpoint.loss_sum = json.at("loss_sum");
    checkpoint.correct = json.at("correct");
    checkpoint.seen = json.at("seen");
  } catch (const nlohmann::json::exception& error) {
    throw_error(ErrorCode::Corrupt, path.string(),
                ": the checkpoint's progress is damaged: ", error.what());
  }
  for (auto& [name, tensor] : file.tensors) {
    if (name.starts_with("optimizer.")) checkpoint.optimizer.emplace(name, std::move(tensor));
  }
  return checkpoint;
}

}  // namespace pact::train
