// SPDX-License-Identifier: Apache-2.0
// A training step with PACT against the step of the float network, against itself in bf16, and
// against the same quantizers written with composed tensor operations, in turn, in one process.
// Prints one JSON row.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/pairs.h"
#include "bench/program.h"
#include "cli/speed_network.h"
#include "pact/graph/quantize.h"
#include "pact/nn/module.h"
#include "pact/train/optimizer.h"

namespace pact::bench {
namespace {

using torch::Tensor;

struct Options {
  std::string network = "cifar-resnet20-v1";
  int bits = 4;
  int threads = 2;
  std::int64_t batch = 128;
  int rounds = 15;
};

graph::Network quantized(const graph::Network& network, int bits) {
  graph::QuantizePolicy policy;
  policy.inner.weights.bits = bits;
  policy.inner.activation_bits = bits;
  return value_or_throw(graph::quantize(network, policy));
}

Tensor round_through(const Tensor& x) { return x + (torch::round(x) - x).detach(); }

// PACT eq. 1 to 3, as its formulas are written.
Tensor composed_pact(const Tensor& x, const Tensor& alpha, int bits) {
  const Tensor clipped = 0.5 * (x.abs() - (x - alpha).abs() + alpha);
  const Tensor scale = ((1 << bits) - 1) / alpha;
  return round_through(clipped * scale) / scale;
}

// DoReFa.
Tensor composed_dorefa(const Tensor& weights, int bits) {
  const Tensor t = torch::tanh(weights);
  const int n = (1 << bits) - 1;
  return 2 * round_through((t / (2 * t.abs().max()) + 0.5) * n) / n - 1;
}

class Step {
 public:
  Step(const graph::Network& network, const Options& options,
       nn::Precision precision = nn::Precision::F32)
      : network_(network),
        module_(network, precision),
        optimizer_(module_, {.learning_rate = 1e-3}) {
    const auto& input = std::get<graph::Input>(network.nodes()[0].operation);
    images_ = torch::randn({options.batch, input.channels, input.height, input.width})
                  .contiguous(at::MemoryFormat::ChannelsLast);
    labels_ = torch::randint(10, {options.batch}, torch::kLong);
  }

  void run() { learn(module_.forward(images_, nn::Mode::Train)); }

  // Activations where the float network has them; weights beside it, from a copy, because the
  // network takes its own: the cost is that of both.
  void run_composed(int bits) {
    std::map<graph::NodeId, Tensor>& alphas = alphas_;
    const auto tap = [&](graph::NodeId id, Tensor& value) {
      if (network_.node(id).as<graph::Relu>() == nullptr) return;
      auto [alpha, is_new] = alphas.try_emplace(id);
      if (is_new) alpha->second = torch::full({1}, 3.0F).set_requires_grad(true);
      value = composed_pact(value, alpha->second, bits);
    };
    for (const auto& [name, tensor] : module_.tensors()) {
      if (tensor.dim() != 4) continue;
      composed_dorefa(tensor.detach().clone().set_requires_grad(true), bits).sum().backward();
    }
    learn(module_.forward(images_, nn::Mode::Train, tap));
  }

 private:
  void learn(const Tensor& logits) {
    const Tensor loss = torch::cross_entropy_loss(logits, labels_);
    optimizer_.zero_gradients();
    loss.backward();
    optimizer_.step(1);
  }

  graph::Network network_;
  nn::Module module_;
  train::Optimizer optimizer_;
  Tensor images_;
  Tensor labels_;
  std::map<graph::NodeId, Tensor> alphas_;
};

// None where the CPU cannot.
std::unique_ptr<Step> in_bf16(const graph::Network& network, const Options& options) {
  try {
    return std::make_unique<Step>(network, options, nn::Precision::Bf16);
  } catch (const Exception& error) {
    if (error.error().code != ErrorCode::Unsupported) throw;
    return nullptr;
  }
}

void compare(const Options& options) {
  torch::set_num_threads(options.threads);
  torch::manual_seed(1);
  const graph::Network network = cli::float_network(options.network);
  Step of_floats(network, options);
  Step ours(quantized(network, options.bits), options);
  const std::unique_ptr<Step> narrow = in_bf16(quantized(network, options.bits), options);
  Step composed(network, options);
  std::vector<double> times[4];
  std::vector<double> to_float;
  std::vector<double> to_bf16;
  std::vector<double> to_composed;
  constexpr int kWarmUp = 3;
  for (int round = 0; round < kWarmUp + options.rounds; ++round) {
    const double float_time = milliseconds([&] { of_floats.run(); });
    const double our_time = milliseconds([&] { ours.run(); });
    const double narrow_time = narrow ? milliseconds([&] { narrow->run(); }) : 0;
    const double composed_time = milliseconds([&] { composed.run_composed(options.bits); });
    if (round < kWarmUp) continue;
    times[0].push_back(float_time);
    times[1].push_back(our_time);
    times[2].push_back(composed_time);
    times[3].push_back(narrow_time);
    to_float.push_back(our_time / float_time);
    to_bf16.push_back(our_time / narrow_time);
    to_composed.push_back(composed_time / our_time);
  }
  nlohmann::json row{{"network", options.network},
                     {"bits", options.bits},
                     {"batch", options.batch},
                     {"threads", options.threads},
                     {"float_ms", median(times[0])},
                     {"pact_ms", median(times[1])},
                     {"composed_ms", median(times[2])},
                     {"pact_to_float", median(to_float)},
                     {"composed_to_pact", median(to_composed)},
                     {"spread", spread(to_float)}};
  if (narrow) {
    row["bf16_ms"] = median(times[3]);
    row["pact_to_bf16"] = median(to_bf16);
  }
  std::printf("%s\n", row.dump().c_str());
}

}  // namespace
}  // namespace pact::bench

int main(int argc, char** argv) {
  CLI::App app("A training step with PACT against the float network's");
  pact::bench::Options options;
  app.add_option("--network", options.network, "Network by name");
  app.add_option("--bits", options.bits, "Of weights and activations")->check(CLI::Range(1, 8));
  app.add_option("--threads", options.threads, "Threads")->check(CLI::Range(1, 256));
  app.add_option("--batch", options.batch, "Images in a step")->check(CLI::Range(1, 4096));
  app.add_option("--rounds", options.rounds, "Rounds to measure")->check(CLI::Range(1, 100000));
  return pact::bench::run_program(app, argc, argv, [&] { pact::bench::compare(options); });
}
