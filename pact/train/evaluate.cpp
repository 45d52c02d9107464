// SPDX-License-Identifier: Apache-2.0
#include "pact/train/evaluate.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "pact/data/batch_loader.h"
#include "pact/nn/module.h"
#include "pact/numeric/activations.h"

namespace pact::train {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBatch = 200;

float scale_of(const graph::Network& network, graph::NodeId id, std::size_t channel) {
  const auto* op = network.node(id).as<graph::FakeQuantize>();
  const auto value = [&](const char* role) { return network.parameter(id, role).floats(); };
  switch (op->scheme) {
    case graph::ActivationScheme::Pact: {
      const auto alpha = value("alpha");
      return numeric::pact_quantizer(op->bits, alpha[alpha.size() == 1 ? 0 : channel]).scale;
    }
    case graph::ActivationScheme::Stream:
      return numeric::stream_quantizer(value("range")[0]).scale;
    default:
      return numeric::two_sided_quantizer(op->bits, value("low")[0], value("high")[0]).scale;
  }
}

torch::Tensor normalized(const graph::Network& network, std::span<const std::uint8_t> pixels,
                         std::int64_t count) {
  const graph::Shape& shape = network.node(0).type.shape;
  const auto bytes = torch::from_blob(const_cast<std::uint8_t*>(pixels.data()),
                                      {count, shape[0], shape[1], shape[2]}, torch::kByte);
  const auto& p = network.preprocessing;
  const auto mean = torch::tensor(p.mean).view({1, -1, 1, 1});
  const auto std = torch::tensor(p.std).view({1, -1, 1, 1});
  return (bytes.to(torch::kFloat) / 255.0F - mean) / std;
}

}  // namespace

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
  const std::int64_t outputs = network.node(network.output()).type.channels();
  if (outputs < static_cast<std::int64_t>(dataset.classes.size())) {
    throw_error(ErrorCode::InvalidArgument, "network '", network.name, "' tells ", outputs,
                " classes apart, but '", dataset.name, "' has ", dataset.classes.size());
  }
}

Evaluation evaluate(const graph::Network& network, const data::Dataset& dataset, int threads) {
  check_fits(network, dataset);
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  torch::set_num_threads(threads > 0 ? threads : cores);
  const torch::InferenceMode guard;
  nn::Module module(network);
  data::LoaderOptions options;
  options.batch_size = kBatch;
  options.order = data::LoaderOptions::Order::Sequential;
  options.normalization = normalization_of(network);
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
    const auto logits = module.forward(images, nn::Mode::Evaluate);
    correct += logits.argmax(1).eq(labels).sum().item<std::int64_t>();
  }
  const auto images = static_cast<std::int64_t>(dataset.size());
  return {.top1 = static_cast<double>(correct) / static_cast<double>(images),
          .images = images,
          .seconds = std::chrono::duration<double>(Clock::now() - start).count()};
}

std::map<std::string, std::vector<std::int32_t>> fake_quantized_levels(
    const graph::Network& network, std::span<const std::uint8_t> pixels, std::int64_t count) {
  const torch::InferenceMode guard;
  nn::Module module(network);
  std::map<std::string, std::vector<std::int32_t>> result;
  const auto keep = [&](graph::NodeId id, const torch::Tensor& value) {
    const graph::Node& node = network.node(id);
    if (node.as<graph::FakeQuantize>() == nullptr) return;
    const torch::Tensor dense = value.contiguous();
    const float* values = dense.data_ptr<float>();
    const auto channels = static_cast<std::size_t>(node.type.channels());
    const auto size = static_cast<std::size_t>(node.type.channel_size());
    std::vector<std::int32_t>& levels = result[node.name];
    levels.resize(static_cast<std::size_t>(dense.numel()));
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const float scale = scale_of(network, id, (i / size) % channels);
      levels[i] = static_cast<std::int32_t>(std::lround(values[i] / scale));
    }
  };
  module.forward(normalized(network, pixels, count), nn::Mode::Evaluate, keep);
  return result;
}

}  // namespace pact::train
