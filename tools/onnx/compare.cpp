// SPDX-License-Identifier: Apache-2.0
// Prints what results/onnx.md shows, as rows of its tables. Usage:
//   pact_onnx_compare network FILE.onnx PIXELS RESULTS   float against ONNX Runtime, then 8/8 and
//   4/4 pact_onnx_compare classes MODEL.pact FILE.onnx FLOAT.onnx RESULTS   CIFAR-10 in both
//   runtimes
#include "cli/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "cli/show.h"
#include "pact/base/file.h"
#include "pact/data/dataset.h"
#include "pact/graph/evaluator.h"
#include "pact/graph/quantize.h"
#include "pact/lower/lower.h"
#include "pact/nn/module.h"
#include "pact/onnx/import.h"

namespace pact {
namespace {

constexpr std::size_t kSize = 224;
constexpr std::int64_t kCompared = 2;  // images, by the scalar evaluator

std::vector<float> read_floats(const std::string& path) {
  const auto file = value_or_throw(MappedFile::open(path));
  std::vector<float> values(file.bytes().size() / sizeof(float));
  std::memcpy(values.data(), file.bytes().data(), values.size() * sizeof(float));
  return values;
}

data::Dataset read_pixels(const std::string& path) {
  const auto file = value_or_throw(MappedFile::open(path));
  data::Dataset dataset{.name = "pixels", .channels = 3, .height = kSize, .width = kSize};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.bytes().data());
  dataset.pixels.assign(bytes, bytes + file.bytes().size());
  dataset.labels.resize(dataset.pixels.size() / dataset.image_bytes());
  return dataset;
}

std::vector<float> normalized(const graph::Network& network, const data::Dataset& dataset) {
  const graph::Preprocessing& p = network.preprocessing;
  std::vector<float> values;
  for (std::size_t i = 0; i < dataset.pixels.size(); ++i) {
    const std::size_t c = i / (kSize * kSize) % 3;
    values.push_back((static_cast<float>(dataset.pixels[i]) / 255.0F - p.mean[c]) / p.std[c]);
  }
  return values;
}

// Largest difference between the results for the first image, relative to the largest result.
double float_difference(const graph::Network& network, const std::vector<float>& images,
                        const std::vector<float>& expected) {
  const std::vector<float> image(images.begin(), images.begin() + 3 * kSize * kSize);
  const auto found = value_or_throw(graph::evaluate(network, graph::Value(image)));
  const auto& values = std::get<std::vector<float>>(found);
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    difference = std::max(difference, std::abs(double{values[i]} - double{expected[i]}));
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  return difference / largest;
}

// Quantizes by calibration, lowers, packs, and compares runtime and evaluator.
std::string integer_cell(const graph::Network& network, int bits, const data::Dataset& dataset,
                         const std::vector<float>& images) {
  graph::QuantizePolicy policy;
  policy.inner.activation_bits = bits;
  policy.inner.weights = {numeric::WeightScheme::Scaled, bits, numeric::Granularity::Channel, 0};
  const auto quantized = graph::quantize(network, policy);
  if (!quantized) return quantized.error().message;
  nn::Module module(*quantized);
  {
    const torch::NoGradGuard guard;
    module.begin_calibration({numeric::ClipRule::LeastError, 1});
    const auto count = static_cast<std::int64_t>(dataset.size());
    module.forward(torch::from_blob(const_cast<float*>(images.data()), {count, 3, kSize, kSize}),
                   nn::Mode::Calibrate);
  }
  const graph::Network calibrated = module.network();
  const auto lowered = lower::lower(calibrated);
  if (!lowered) return lowered.error().message;
  const auto bytes = lower::pack(*lowered);
  if (!bytes) return bytes.error().message;
  const Model model = value_or_throw(Model::load(std::span<const std::byte>(*bytes)));
  const auto found = cli::compare({calibrated, *lowered, model}, dataset, kCompared, 2);
  const auto kept = std::count_if(lowered->nodes().begin(), lowered->nodes().end(), [](auto& node) {
    return node.type.element == graph::Element::F32;
  });
  return text(found.runtime() + found.outputs_differing, " of ", found.compared(), ", ",
              cli::bytes_text(bytes->size()), ", ", kept, " float");
}

void compare_network(const std::string& file, const std::string& pixels,
                     const std::string& results) {
  const std::string name = std::filesystem::path(file).stem().string();
  auto network = onnx::import_network(std::filesystem::path(file));
  if (!network) {
    std::printf("| %s | %s | | | |\n", name.c_str(), network.error().message.c_str());
    return;
  }
  network->preprocessing = {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
  const data::Dataset dataset = read_pixels(pixels);
  const std::vector<float> images = normalized(*network, dataset);
  const double difference = float_difference(*network, images, read_floats(results));
  const std::string eight = integer_cell(*network, 8, dataset, images);
  const std::string four = integer_cell(*network, 4, dataset, images);
  std::printf("| %s | %zu | %.1e | %s | %s |\n", name.c_str(), network->nodes().size(), difference,
              eight.c_str(), four.c_str());
  std::fflush(stdout);
}

std::size_t largest(std::span<const float> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

void compare_classes(const std::string& model_file, const std::string& file,
                     const std::string& float_file, const std::string& results) {
  const Model model = value_or_throw(Model::load(std::filesystem::path(model_file)));
  const auto* info = value_or_throw(data::find_dataset("cifar10"));
  const auto test = value_or_throw(data::load_dataset(*info, data::data_root(), data::Split::Test));
  Session session = value_or_throw(Session::create(model, {.threads = 2, .batch = 16}));
  const std::size_t classes = model.outputs();
  std::vector<float> ours(test.size() * classes);
  value_or_throw(session.run(test.pixels, PixelOrder::Planar, ours));
  const std::vector<float> theirs = read_floats(results);
  if (theirs.size() != ours.size()) throw_error(ErrorCode::Corrupt, results, ": of another size");
  std::size_t agree = 0;
  std::size_t ours_right = 0;
  std::size_t theirs_right = 0;
  for (std::size_t i = 0; i < test.size(); ++i) {
    const std::size_t a = largest(std::span(ours).subspan(i * classes, classes));
    const std::size_t b = largest(std::span(theirs).subspan(i * classes, classes));
    agree += a == b ? 1 : 0;
    ours_right += a == test.labels[i] ? 1 : 0;
    theirs_right += b == test.labels[i] ? 1 : 0;
  }
  const auto share = [&](std::size_t n) {
    return cli::percent(static_cast<double>(n) / static_cast<double>(test.size()));
  };
  std::printf("| %s | %s | %s | %zu of %zu | %s | %s |\n",
              std::filesystem::path(file).filename().c_str(), share(ours_right).c_str(),
              share(theirs_right).c_str(), agree, test.size(),
              cli::bytes_text(std::filesystem::file_size(file)).c_str(),
              cli::bytes_text(std::filesystem::file_size(float_file)).c_str());
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 4 && arguments[0] == "network") {
    compare_network(arguments[1], arguments[2], arguments[3]);
  } else if (arguments.size() == 5 && arguments[0] == "classes") {
    compare_classes(arguments[1], arguments[2], arguments[3], arguments[4]);
  } else {
    std::fprintf(stderr,
                 "usage: pact_onnx_compare network FILE.onnx PIXELS RESULTS\n"
                 "       pact_onnx_compare classes MODEL.pact FILE.onnx FLOAT.onnx RESULTS\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace pact

int main(int argc, char** argv) {
  try {
    return pact::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pact_onnx_compare: %s\n", error.what());
    return 1;
  }
}
