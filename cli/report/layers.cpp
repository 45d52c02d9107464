// SPDX-License-Identifier: Apache-2.0
#include "cli/report/layers.h"

#include <cmath>
#include <set>

#include "cli/report/charts.h"
#include "cli/show.h"
#include "cli/svg.h"

namespace pact::cli::report {
namespace {

constexpr std::string_view kNone = "<td></td>";

std::string cell(std::string_view words, std::string_view kind = "") {
  return kind.empty() ? text("<td>", escaped(words), "</td>")
                      : text("<td class=\"", kind, "\">", escaped(words), "</td>");
}

std::string repeated(std::string_view words, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += words;
  return result;
}

std::string share(double fraction) {
  if (fraction == 0) return "0 %";
  if (fraction < 1e-4) return "< 0.01 %";
  return fraction < 0.1 ? percent(fraction) : fixed(100 * fraction, 1) + " %";
}

std::string decibels_text(const Quantization& quantization) {
  const auto decibels = quantization.decibels();
  if (!decibels) return "no signal";
  return std::isinf(*decibels) && *decibels > 0 ? "exact" : fixed(*decibels, 1);
}

// Clipped, unused, signal to noise.
std::string quality_cells(const Quantization& quantization) {
  return text(
      cell(share(quantization.clipped_share())),
      quantization.codes.empty() ? std::string(kNone) : cell(share(quantization.unused_share())),
      cell(decibels_text(quantization)));
}

// Where a quantizer clips; the mean over channels of their own.
std::string clip_text(const graph::Network& network, graph::NodeId id) {
  const auto value = [&](const char* role) {
    double sum = 0;
    const std::vector<float>& values = network.parameter(id, role).floats();
    for (const float each : values) sum += each;
    return fixed(sum / static_cast<double>(values.size()), 2);
  };
  switch (network.node(id).as<graph::FakeQuantize>()->scheme) {
    case graph::ActivationScheme::Pact:
      return value("alpha");
    case graph::ActivationScheme::Stream:
      return value("range");
    default:
      return text(value("low"), " to ", value("high"));
  }
}

// What is read from a quantizer; nothing for float values.
std::string activation_cells(const Section& section, std::optional<graph::NodeId> quantizer) {
  if (!quantizer) return text(cell("float", "left edge"), repeated(kNone, 6));
  const graph::Network& network = section.run.network;
  const graph::Node& node = network.node(*quantizer);
  const auto seen = section.activations.find(*quantizer);
  const auto differing = section.differing.find(*quantizer);
  return text(
      cell(node.name, "left edge"), cell(std::to_string(node.as<graph::FakeQuantize>()->bits)),
      cell(clip_text(network, *quantizer)),
      seen != section.activations.end() ? quality_cells(seen->second) : repeated(kNone, 3),
      differing != section.differing.end() ? cell(share(differing->second)) : std::string(kNone));
}

std::string layer_row(const Section& section, const Layer& layer) {
  return text("<tr><th scope=\"row\">", escaped(layer.name), "</th>", cell(layer.operation, "left"),
              cell(layer.shape), cell(std::to_string(layer.macs)),
              cell(std::to_string(layer.weights), "edge"), cell(layer.grid),
              cell(bytes_text(layer.bytes)),
              layer.quantized ? quality_cells(*layer.quantized) : repeated(kNone, 3),
              activation_cells(section, layer.quantizer), "</tr>\n");
}

// Quantizers that no layer reads as they are: before additions and averages.
std::vector<graph::NodeId> other_quantizers(const Section& section) {
  std::set<graph::NodeId> read;
  for (const Layer& layer : section.layers) {
    if (layer.quantizer) read.insert(*layer.quantizer);
  }
  const graph::Network& network = section.run.network;
  std::vector<graph::NodeId> others;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(network.nodes().size()); ++id) {
    if (network.node(id).as<graph::FakeQuantize>() != nullptr && !read.contains(id)) {
      others.push_back(id);
    }
  }
  return others;
}

std::string caption(const Quantization& quantization) {
  std::string words =
      text(numeric::name(quantization.grid), ": ", share(quantization.clipped_share()), " clipped");
  if (!quantization.codes.empty()) {
    words += text(", ", share(quantization.unused_share()), " of ", quantization.grid.codes,
                  " codes unused");
    const int every = levels_between_lines(quantization.grid);
    if (every > 1) words += text("; a line every ", every, " levels");
  }
  words += text("; SQNR ", decibels_text(quantization));
  if (quantization.decibels() && std::isfinite(*quantization.decibels())) words += " dB";
  const Histogram& histogram = quantization.histogram;
  const auto outside = static_cast<double>(histogram.below + histogram.above);
  if (outside > 0) {
    words += text("; ", share(outside / static_cast<double>(quantization.count)),
                  " outside the picture");
  }
  return words;
}

std::string captioned(const std::string& title, const Quantization& quantization) {
  return text(quantized_histogram(title, quantization), "<figcaption>",
              escaped(caption(quantization)), "</figcaption>\n");
}

std::string figure_of(const std::string& pictures) {
  return text("<figure>\n", pictures, "</figure>\n");
}

}  // namespace

std::string layers_table(const Section& section) {
  std::string html =
      "<h3>Layers</h3>\n<div class=\"scroll\"><table>\n<thead>\n"
      "<tr><th class=\"left\" colspan=\"4\">layer</th><th class=\"group\" "
      "colspan=\"6\">weights</th>"
      "<th class=\"group\" colspan=\"7\">activations it reads</th></tr>\n"
      "<tr><th class=\"left\">name</th><th class=\"left\">operation</th><th>output</th>"
      "<th>MACs</th><th class=\"edge\">count</th><th>grid</th><th>packed</th><th>clipped</th>"
      "<th>unused</th><th>dB</th><th class=\"left edge\">quantizer</th><th>bits</th>"
      "<th>clip</th><th>clipped</th><th>unused</th><th>dB</th><th>differ</th></tr>\n</"
      "thead>\n<tbody>\n";
  std::int64_t macs = 0;
  std::int64_t weights = 0;
  std::uint64_t bytes = 0;
  for (const Layer& layer : section.layers) {
    html += layer_row(section, layer);
    macs += layer.macs;
    weights += layer.weights;
    bytes += layer.bytes;
  }
  for (const graph::NodeId id : other_quantizers(section)) {
    html += text("<tr><th scope=\"row\"></th>", repeated(kNone, 3), "<td class=\"edge\"></td>",
                 repeated(kNone, 5), activation_cells(section, id), "</tr>\n");
  }
  html += text("</tbody>\n<tfoot><tr><th>total</th>", kNone, kNone, cell(std::to_string(macs)),
               cell(std::to_string(weights), "edge"), kNone, cell(bytes_text(bytes)),
               repeated(kNone, 3), "<td class=\"edge\"></td>", repeated(kNone, 6),
               "</tr></tfoot></table></div>\n");
  html +=
      "<p class=\"soft\">Clipped: activations at alpha or above, others beyond the last level by "
      "more than rounding. Unused: codes that no value got. dB: power of the signal over that of "
      "what rounding and clipping change.";
  if (!other_quantizers(section).empty()) {
    html += " Rows without a name are of quantizers before additions and averages.";
  }
  if (!section.differing.empty()) {
    html += " Differ: codes that the integer network has otherwise.";
  }
  if (section.images > 0) {
    html += text(" Activations are of ", section.images, " test images.");
  }
  return html + "</p>\n";
}

std::string histograms(const Section& section) {
  std::string html =
      "<h3>Weights and activations on their grids</h3>\n"
      "<p class=\"soft\">Lines are the levels of the grid. Heights are square roots of counts, so "
      "that tails are seen beside peaks. Below the weights of a layer, the activations that it "
      "reads.</p>\n<div class=\"histograms\">\n";
  const auto activations = [&](graph::NodeId id) {
    const auto seen = section.activations.find(id);
    if (seen == section.activations.end()) return std::string{};
    return captioned(section.run.network.node(id).name + ", activations", seen->second);
  };
  for (const Layer& layer : section.layers) {
    const std::string title = layer.name + ", weights";
    std::string pictures =
        layer.quantized ? captioned(title, *layer.quantized) : float_histogram(title, layer.values);
    if (layer.quantizer) pictures += activations(*layer.quantizer);
    html += figure_of(pictures);
  }
  for (const graph::NodeId id : other_quantizers(section)) {
    const std::string picture = activations(id);
    if (!picture.empty()) html += figure_of(picture);
  }
  return html + "</div>\n";
}

}  // namespace pact::cli::report
