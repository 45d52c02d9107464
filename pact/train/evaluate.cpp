// SPDX-License-Identifier: Apache-2.0
#include "pact/train/evaluate.h"

#include <torch/torch.h>

#include <chrono>
#include <thread>

#include "pact/data/batch_loader.h"
#include "pact/graph/activation_quantizers.h"
#include "pact/nn/device.h"
#include "pact/nn/module.h"

namespace pact::train {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBatch = 200;

// What a level is worth, {1, channels or 1, 1, ..}, so that it multiplies a value of `rank`
// extents.
torch::Tensor scales_of(const graph::Network& network, graph::NodeId id, std::int64_t rank) {
  std::vector<float> scales;
  for (const auto& quantizer : value_or_throw(graph::activation_quantizers(network, id))) {
    scales.push_back(quantizer.scale);
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(rank), 1);
  shape[1] = static_cast<std::int64_t>(scales.size());
  return torch::tensor(scales).view(shape);
}

void check_preprocessed(const graph::Network& network) {
  if (!network.preprocessing.mean.empty()) return;
  throw_error(ErrorCode::InvalidArgument, "network '", network.name,
              "': expected the mean and std of its images, found none (pact import --mean --std)");
}

torch::Tensor normalized(const graph::Network& network, std::span<const std::uint8_t> pixels,
                         std::int64_t count) {
  const graph::Shape& shape = network.node(0).type.shape;
  const auto bytes = torch::from_blob(const_cast<std::uint8_t*>(pixels.data()),
                                      {count, shape[0], shape[1], shape[2]}, torch::kByte);
  const auto& p = network.preprocessing;
  check_preprocessed(network);
  const auto mean = torch::tensor(p.mean).view({1, -1, 1, 1});
  const auto std = torch::tensor(p.std).view({1, -1, 1, 1});
  return (bytes.to(torch::kFloat) / 255.0F - mean) / std;
}

}  // namespace

int loader_threads(const data::Dataset& dataset, int threads) {
  if (threads > 0) return threads;
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  return dataset.is_in_files() ? std::max(1, cores) : 1;
}

data::Normalization normalization_of(const graph::Network& network) {
  return {.mean = network.preprocessing.mean, .std = network.preprocessing.std};
}

void check_fits(const graph::Network& network, const data::Dataset& dataset) {
  const graph::Shape expected{dataset.channels, dataset.height, dataset.width};
  const graph::Shape& found = network.node(0).type.shape;
  if (found != expected) {
    throw_error(ErrorCode::InvalidArgument, "network '", network.name, "' reads images of ",
                graph::to_string(found), ", but '", dataset.name, "' has ",
                graph::to_string(expected));
  }
  check_preprocessed(network);
  const graph::ValueType& result = network.node(network.output()).type;
  if (graph::element_count(result.shape) != result.channels()) {
    throw_error(ErrorCode::InvalidArgument, "network '", network.name,
                "': expected one number for each class, found ", graph::to_string(result.shape));
  }
  const std::int64_t outputs = result.channels();
  if (outputs < static_cast<std::int64_t>(dataset.classes.size())) {
    throw_error(ErrorCode::InvalidArgument, "network '", network.name, "' tells ", outputs,
                " classes apart, but '", dataset.name, "' has ", dataset.classes.size());
  }
}

Evaluation evaluate(const graph::Network& network, const data::Dataset& dataset, int threads,
                    const std::string& device) {
  check_fits(network, dataset);
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  torch::set_num_threads(threads > 0 ? threads : cores);
  const torch::InferenceMode guard;
  nn::Module module(network, nn::Precision::F32, nn::find_device(device));
  data::LoaderOptions options;
  options.batch_size = kBatch;
  options.order = data::LoaderOptions::Order::Sequential;
  options.normalization = normalization_of(network);
  options.threads = dataset.is_in_files() ? loader_threads(dataset, threads) : 1;
  data::BatchLoader loader(dataset, options);
  const auto start = Clock::now();
  std::int64_t correct = 0;
  loader.start(0);
  for (std::size_t step = 0; step < loader.steps_per_epoch(); ++step) {
    data::Batch batch = loader.next();
    const auto size = static_cast<std::int64_t>(batch.size());
    const auto images = torch::from_blob(batch.images.data(),
                                         {size, dataset.height, dataset.width, dataset.channels})
                            .permute({0, 3, 1, 2});
    const auto labels = torch::from_blob(batch.labels.data(), {size}, torch::kLong);
    const auto logits = module.forward(images, nn::Mode::Evaluate).cpu();
    correct += logits.argmax(1).eq(labels).sum().item<std::int64_t>();
  }
  const auto images = static_cast<std::int64_t>(dataset.size());
  return {.top1 = static_cast<double>(correct) / static_cast<double>(images),
          .images = images,
          .seconds = std::chrono::duration<double>(Clock::now() - start).count()};
}

Levels fake_quantized_levels(const graph::Network& network, std::span<const std::uint8_t> pixels,
                             std::int64_t count, const Levels& given) {
  const torch::InferenceMode guard;
  nn::Module module(network);
  Levels result;
  const auto keep = [&](graph::NodeId id, torch::Tensor& value) {
    const graph::Node& node = network.node(id);
    if (node.as<graph::FakeQuantize>() == nullptr) return;
    const torch::Tensor scales = scales_of(network, id, value.dim());
    const torch::Tensor levels = (value / scales).round().to(torch::kInt).contiguous();
    const auto* data = levels.data_ptr<std::int32_t>();
    result[node.name].assign(data, data + levels.numel());
    const auto found = given.find(node.name);
    if (found == given.end()) return;
    auto* forced = const_cast<std::int32_t*>(found->second.data());
    // In the layout of the value, so that later layers add in the same order.
    value = (torch::from_blob(forced, value.sizes(), torch::kInt).to(torch::kFloat) * scales)
                .contiguous(value.suggest_memory_format());
  };
  module.forward(normalized(network, pixels, count), nn::Mode::Evaluate, keep);
  return result;
}

void observe_quantizer_inputs(const graph::Network& network, std::span<const std::uint8_t> pixels,
                              std::int64_t count, const QuantizerInputs& observe) {
  const torch::InferenceMode guard;
  nn::Module module(network);
  const auto show = [&](graph::NodeId id, torch::Tensor& value) {
    for (const graph::NodeId reader : network.consumers(id)) {
      if (network.node(reader).as<graph::FakeQuantize>() == nullptr) continue;
      const torch::Tensor planes = value.contiguous();
      observe(reader, {planes.data_ptr<float>(), static_cast<std::size_t>(planes.numel())});
    }
  };
  module.forward(normalized(network, pixels, count), nn::Mode::Evaluate, show);
}

}  // namespace pact::train
