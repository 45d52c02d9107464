// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/report/integers.h"
#include "cli/report/page.h"
#include "cli/show.h"
#include "cli/top1.h"
#include "pact/base/file.h"
#include "pact/data/dataset.h"
#include "pact/data/pixels.h"
#include "pact/train/evaluate.h"

namespace pact::cli::report {
namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::string output = "report.html";
  std::int64_t images = 256;
  std::string root;
};

using Counters = std::map<graph::NodeId, ActivationCounter>;

Counters counters_of(const graph::Network& network) {
  Counters counters;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(network.nodes().size()); ++id) {
    if (network.node(id).as<graph::FakeQuantize>() == nullptr) continue;
    counters.emplace(id, ActivationCounter(network, id));
  }
  return counters;
}

void look_at_activations(Section& section, Counters& counters, const data::Dataset& test,
                         std::int64_t images) {
  constexpr std::int64_t kChunk = 32;
  const graph::Network& network = section.run.network;
  train::check_fits(network, test);
  auto integers = IntegerComparison::of(network);
  images = std::min(images, static_cast<std::int64_t>(test.size()));
  data::PixelReader reader(test, thread_count(0));
  Progress progress;
  for (std::int64_t first = 0; first < images; first += kChunk) {
    const std::int64_t count = std::min(kChunk, images - first);
    const auto pixels = value_or_throw(
        reader.read(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    train::observe_quantizer_inputs(
        network, pixels, count,
        [&](graph::NodeId id, std::span<const float> values) { counters.at(id).add(values); });
    if (integers) integers->add(pixels, count);
    progress.update(static_cast<double>(first + count) / static_cast<double>(images),
                    text(section.run.name, "  ", first + count, "/", images, " images"));
  }
  for (const auto& [id, counter] : counters) section.activations.emplace(id, counter.result());
  if (integers) section.differing = integers->differing();
  section.images = images;
}

Section section_of(const std::string& folder, const ReportOptions& options) {
  Section section{.run = read_run(folder)};
  Counters counters;
  try {
    section.layers = layers_of(section.run.network);
    counters = counters_of(section.run.network);
  } catch (const Exception& error) {
    throw_error(error.error().code, section.run.name, "/checkpoint.safetensors: ", error.what());
  }
  if (options.images == 0) {
    section.note = "No activations: no images were asked for.";
    return section;
  }
  const auto* info = value_or_throw(data::find_dataset(section.run.recipe.dataset));
  const auto test = data::load_dataset(*info, data::data_root(options.root), data::Split::Test);
  if (test) {
    look_at_activations(section, counters, *test, options.images);
  } else if (test.error().code == ErrorCode::NotFound) {
    section.note = text("No activations: the test images of ", info->name, " were not found.");
    std::fprintf(stderr, "pact: %s: without activations: %s\n", section.run.name.c_str(),
                 test.error().message.c_str());
  } else {
    throw Exception(test.error());
  }
  return section;
}

void run_report(const ReportOptions& options) {
  std::vector<Section> sections;
  for (const std::string& folder : options.runs) sections.push_back(section_of(folder, options));
  const std::string html = page(sections);
  value_or_throw(write_atomically(options.output, html));
  std::printf("saved %s, %s\n", options.output.c_str(), bytes_text(html.size()).c_str());
}

}  // namespace
}  // namespace pact::cli::report

namespace pact::cli {

void add_report(CLI::App& app) {
  auto options = std::make_shared<report::ReportOptions>();
  CLI::App* command = app.add_subcommand(
      "report", "One HTML page about training runs: curves, alpha, histograms, layers");
  command->footer(
      "Examples:\n"
      "  pact report out/w4a4\n"
      "  pact report out/w4a4 out/w2a2 --out compared.html\n"
      "The page needs no network and no scripts. Without the data set it has no activations.");
  command
      ->add_option("runs", options->runs,
                   "Folders of training runs (recipe.toml, log.jsonl, checkpoint.safetensors)")
      ->required()
      ->expected(1, report::kMostRuns);
  command->add_option("--out", options->output, "The page")->capture_default_str();
  command->add_option("--images", options->images, "Test images to look at activations of; 0: none")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  command->callback([options] { report::run_report(*options); });
}

}  // namespace pact::cli
