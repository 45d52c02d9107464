// SPDX-License-Identifier: Apache-2.0
#include "cli/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "cli/show.h"
#include "cli/top1.h"
#include "pact/base/thread_pool.h"
#include "pact/data/pixels.h"
#include "pact/graph/evaluator.h"
#include "pact/train/evaluate.h"

namespace pact::cli {
namespace {

using Levels = std::vector<std::int32_t>;
using LevelsByName = std::map<std::string, Levels>;

constexpr std::int64_t kChunk = 50;

// What the evaluator makes of one image: integers of each layer, and the floats of the result.
struct Evaluated {
  LevelsByName levels;
  std::vector<float> output;
};

Evaluated evaluate_image(const graph::Network& network, const graph::Value& image) {
  Evaluated result;
  const auto keep = [&](graph::NodeId id, const graph::Value& value) {
    if (const auto* levels = std::get_if<Levels>(&value))
      result.levels[network.node(id).name] = *levels;
  };
  const graph::Value output = value_or_throw(graph::evaluate(network, image, keep));
  result.output = std::get<std::vector<float>>(output);
  return result;
}

// An imported network quantizes by itself; one of ours leaves that to the trainer.
bool quantizes(const graph::Network& network) {
  const auto& nodes = network.nodes();
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const graph::Node& node) { return node.as<graph::Quantize>() != nullptr; });
}

std::vector<float> normalized(const graph::Network& network, std::span<const std::uint8_t> pixels) {
  const graph::Preprocessing& p = network.preprocessing;
  const std::size_t plane = pixels.size() / p.mean.size();
  std::vector<float> image;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t c = i / plane;
    image.push_back((static_cast<float>(pixels[i]) / 255.0F - p.mean[c]) / p.std[c]);
  }
  return image;
}

std::int64_t differing(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  if (a.size() != b.size()) return static_cast<std::int64_t>(std::max(a.size(), b.size()));
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1 : 0;
  return count;
}

class Comparer {
 public:
  Comparer(const Executors& executors, const data::Dataset& dataset, int threads)
      : executors_(executors),
        dataset_(dataset),
        imported_(quantizes(executors.quantized)),
        reader_(dataset, thread_count(threads)),
        pool_(thread_count(threads)),
        session_(value_or_throw(
            Session::create(executors.model, {.threads = thread_count(threads), .batch = 16}))) {}

  void run_chunk(std::int64_t first, std::int64_t count) {
    const auto pixels = value_or_throw(
        reader_.read(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    const auto evaluated = evaluate_images(
        executors_.lowered, pixels,
        [](std::span<const std::uint8_t> image) { return Levels(image.begin(), image.end()); });
    compare_runtime(pixels, evaluated);
    const train::Levels integers = compare_quantized(levels_before(pixels, count), evaluated);
    if (!imported_) count_made_here(pixels, count, integers);
    result_.images += count;
  }

  Comparison finish() {
    for (auto& [name, count] : counts_) result_.layers.push_back(count);
    const auto position = [&](const LayerCount& layer) {
      return executors_.lowered.find(layer.name).value_or(0);
    };
    std::sort(result_.layers.begin(), result_.layers.end(),
              [&](const auto& a, const auto& b) { return position(a) < position(b); });
    result_.says_made_here = !imported_;
    return std::move(result_);
  }

 private:
  template <typename MakeImage>
  std::vector<Evaluated> evaluate_images(const graph::Network& network,
                                         std::span<const std::uint8_t> pixels,
                                         const MakeImage& make_image) {
    const std::size_t size = dataset_.image_bytes();
    std::vector<Evaluated> evaluated(pixels.size() / size);
    pool_.parallel_for(static_cast<std::int64_t>(evaluated.size()), [&](std::int64_t i, int) {
      const auto index = static_cast<std::size_t>(i);
      evaluated[index] = evaluate_image(network, make_image(pixels.subspan(index * size, size)));
    });
    return evaluated;
  }

  // Levels of the network before it was lowered.
  train::Levels levels_before(std::span<const std::uint8_t> pixels, std::int64_t count) {
    if (!imported_) return train::fake_quantized_levels(executors_.quantized, pixels, count);
    const auto images =
        evaluate_images(executors_.quantized, pixels, [&](std::span<const std::uint8_t> image) {
          return normalized(executors_.quantized, image);
        });
    train::Levels joined;
    for (const Evaluated& image : images) {
      for (const auto& [name, levels] : image.levels) {
        joined[name].insert(joined[name].end(), levels.begin(), levels.end());
      }
    }
    return joined;
  }

  LayerCount& count_of(const std::string& name) {
    LayerCount& count = counts_[name];
    count.name = name;
    return count;
  }

  void compare_runtime(std::span<const std::uint8_t> pixels,
                       const std::vector<Evaluated>& evaluated) {
    session_.observe([&](const LayerView& layer) {
      const std::string name(layer.name);
      LayerCount& count = count_of(name);
      const auto& levels = evaluated[layer.image].levels;
      const auto found = levels.find(name);
      count.compared += static_cast<std::int64_t>(layer.levels.size());
      count.runtime += differing(layer.levels, found == levels.end() ? Levels{} : found->second);
    });
    const std::size_t outputs = executors_.model.outputs();
    std::vector<float> logits(evaluated.size() * outputs);
    value_or_throw(session_.run(pixels, PixelOrder::Planar, logits));
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const float expected = evaluated[i / outputs].output[i % outputs];
      const bool same =
          std::bit_cast<std::uint32_t>(logits[i]) == std::bit_cast<std::uint32_t>(expected);
      result_.outputs_differing += same ? 0 : 1;
    }
  }

  // Counts, and returns the evaluator's levels of the same layers.
  train::Levels compare_quantized(const train::Levels& before,
                                  const std::vector<Evaluated>& evaluated) {
    train::Levels integers;
    for (const auto& [name, levels] : before) {
      if (!executors_.lowered.find(name)) continue;
      Levels& joined = integers[name];
      for (const Evaluated& image : evaluated) {
        const Levels& found = image.levels.at(name);
        joined.insert(joined.end(), found.begin(), found.end());
      }
      count_of(name).fake_compared += static_cast<std::int64_t>(levels.size());
      count_of(name).fake_quantized += differing(levels, joined);
    }
    return integers;
  }

  void count_made_here(std::span<const std::uint8_t> pixels, std::int64_t count,
                       const train::Levels& integers) {
    const auto alone = train::fake_quantized_levels(executors_.quantized, pixels, count, integers);
    for (const auto& [name, levels] : integers) {
      count_of(name).made_here += differing(alone.at(name), levels);
    }
  }

  const Executors& executors_;
  const data::Dataset& dataset_;
  bool imported_;
  data::PixelReader reader_;
  ThreadPool pool_;
  Session session_;
  std::map<std::string, LayerCount> counts_;
  Comparison result_;
};

template <typename Field>
std::int64_t total(const std::vector<LayerCount>& layers, Field field) {
  std::int64_t sum = 0;
  for (const LayerCount& layer : layers) sum += layer.*field;
  return sum;
}

std::string fraction_text(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.2e",
                static_cast<double>(part) / static_cast<double>(whole));
  return part == 0 ? "0" : buffer;
}

}  // namespace

std::int64_t Comparison::compared() const { return total(layers, &LayerCount::compared); }
std::int64_t Comparison::runtime() const { return total(layers, &LayerCount::runtime); }
std::int64_t Comparison::fake_compared() const { return total(layers, &LayerCount::fake_compared); }
std::int64_t Comparison::fake_quantized() const {
  return total(layers, &LayerCount::fake_quantized);
}
std::int64_t Comparison::made_here() const { return total(layers, &LayerCount::made_here); }

Comparison compare(const Executors& executors, const data::Dataset& dataset, std::int64_t images,
                   int threads, const std::function<void(double)>& progress) {
  train::check_fits(executors.quantized, dataset);
  images = std::min(images, static_cast<std::int64_t>(dataset.size()));
  Comparer comparer(executors, dataset, threads);
  for (std::int64_t first = 0; first < images; first += kChunk) {
    comparer.run_chunk(first, std::min(kChunk, images - first));
    if (progress) progress(static_cast<double>(first) / static_cast<double>(images));
  }
  return comparer.finish();
}

std::string table_of(const Comparison& comparison) {
  const bool made_here = comparison.says_made_here;
  std::vector<std::vector<std::string>> rows{
      {"layer", "codes", "runtime != evaluator",
       made_here ? "fake-quantized != integer" : "imported != integer", "fraction"}};
  if (made_here) rows[0].push_back("made here");
  const auto add = [&](const LayerCount& layer) {
    rows.push_back({layer.name, std::to_string(layer.compared), std::to_string(layer.runtime),
                    layer.fake_compared > 0 ? std::to_string(layer.fake_quantized) : "",
                    fraction_text(layer.fake_quantized, layer.fake_compared)});
    if (made_here) rows.back().push_back(fraction_text(layer.made_here, layer.fake_compared));
  };
  for (const LayerCount& layer : comparison.layers) add(layer);
  add({"total", comparison.compared(), comparison.runtime(), comparison.fake_compared(),
       comparison.fake_quantized(), comparison.made_here()});
  const char* meaning =
      "made here: the fraction that differs where the layer reads the integer network's codes\n";
  return table(rows) + (made_here ? meaning : "");
}

}  // namespace pact::cli
