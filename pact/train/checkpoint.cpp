// SPDX-License-Identifier: Apache-2.0
#include "pact/train/checkpoint.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "pact/base/file.h"
#include "pact/graph/safetensors.h"

namespace pact::train {

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  graph::TensorFile file = graph::to_tensor_file(checkpoint.network);
  file.tensors.insert(checkpoint.optimizer.begin(), checkpoint.optimizer.end());
  file.metadata["recipe"] = checkpoint.recipe;
  file.metadata["recipe_folder"] = checkpoint.recipe_folder;
  file.metadata["progress"] = nlohmann::json{
      {"epoch", checkpoint.epoch},
      {"step", checkpoint.step},
      {"optimizer_steps", checkpoint.optimizer_steps},
      {"loss_sum", checkpoint.loss_sum},
      {"correct", checkpoint.correct},
      {"seen", checkpoint.seen},
      {"seconds",
       checkpoint.seconds}}.dump();
  value_or_throw(write_atomically(path, graph::serialize_safetensors(file)));
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  graph::TensorFile file = value_or_throw(graph::read_safetensors(path));
  const auto progress = file.metadata.find("progress");
  const auto recipe = file.metadata.find("recipe");
  if (progress == file.metadata.end() || recipe == file.metadata.end()) {
    throw_error(ErrorCode::Corrupt, path.string(), ": expected a checkpoint, found other tensors");
  }
  Checkpoint checkpoint;
  checkpoint.network = value_or_throw(graph::network_from(file, path));
  checkpoint.recipe = recipe->second;
  checkpoint.recipe_folder = file.metadata["recipe_folder"];
  try {
    const auto json = nlohmann::json::parse(progress->second);
    const auto count = [&](const char* key) {
      const auto& found = json.at(key);
      if (!found.is_number_unsigned() || found > std::numeric_limits<std::int32_t>::max()) {
        throw_error(ErrorCode::Corrupt, path.string(), ": progress: expected a count as '", key,
                    "', found ", found.dump());
      }
      return found.template get<std::int64_t>();
    };
    checkpoint.epoch = count("epoch");
    checkpoint.step = count("step");
    checkpoint.optimizer_steps = count("optimizer_steps");
    checkpoint.loss_sum = json.at("loss_sum");
    checkpoint.correct = count("correct");
    checkpoint.seen = count("seen");
    checkpoint.seconds = json.at("seconds");
    if ((checkpoint.seen > 0) != (checkpoint.step > 0)) {
      throw_error(ErrorCode::Corrupt, path.string(), ": progress: expected images of ",
                  checkpoint.step, " steps, found ", checkpoint.seen);
    }
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
