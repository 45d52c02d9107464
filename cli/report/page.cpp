// SPDX-License-Identifier: Apache-2.0
#include "cli/report/page.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "cli/report/charts.h"
#include "cli/report/layers.h"
#include "cli/report/style.h"
#include "cli/show.h"
#include "cli/svg.h"
#include "pact/base/version.h"

namespace pact::cli::report {
namespace {

constexpr int kFloatBits = 32;

std::string run_color(std::size_t index) { return text("var(--run", index % kMostRuns, ")"); }

std::string chip(const std::string& color) {
  return text("<span class=\"chip\" style=\"background:", color, "\"></span>");
}

// "2, 8 bits", "4 bits, float"
std::string bits_text(const std::set<int>& bits) {
  std::string words;
  for (const int each : bits) {
    if (each < kFloatBits) words += text(words.empty() ? "" : ", ", each);
  }
  if (!words.empty()) words += " bits";
  if (!bits.contains(kFloatBits)) return words;
  return words.empty() ? "float" : words + ", float";
}

std::string weight_bits(const Section& section) {
  std::set<int> bits;
  for (const Layer& layer : section.layers) bits.insert(layer.bits);
  return bits_text(bits);
}

std::string activation_bits(const Section& section) {
  std::set<int> bits;
  for (const graph::Node& node : section.run.network.nodes()) {
    const auto* op = node.as<graph::FakeQuantize>();
    if (op != nullptr) bits.insert(op->bits);
  }
  return bits.empty() ? "float" : bits_text(bits);
}

// The epoch with the best accuracy, from 1; the first of equals.
std::size_t best_epoch(const std::vector<Epoch>& log) {
  const auto less = [](const Epoch& a, const Epoch& b) {
    return a.validation_top1 < b.validation_top1;
  };
  return static_cast<std::size_t>(std::max_element(log.begin(), log.end(), less) - log.begin()) + 1;
}

using Facts = std::vector<std::pair<std::string, std::string>>;

// What is said of every run; of no other length for a run that was not trained.
Facts facts_of(const Section& section) {
  const Run& run = section.run;
  const bool trained = !run.log.empty();
  std::uint64_t bytes = 0;
  std::uint64_t weights = 0;
  for (const Layer& layer : section.layers) {
    bytes += layer.bytes;
    weights += static_cast<std::uint64_t>(layer.weights);
  }
  const std::size_t best = trained ? best_epoch(run.log) : 0;
  return {{"top-1", trained ? text(percent(run.log.back().validation_top1), " (",
                                   run.log.back().validated, ")")
                            : "not trained"},
          {"best top-1",
           trained ? text(percent(run.log[best - 1].validation_top1), " in epoch ", best) : "none"},
          {"loss", trained ? fixed(run.log.back().loss, 4) : "none"},
          {"epochs", text(run.log.size(), " of ", run.recipe.epochs)},
          {"network", run.network.name},
          {"data set", run.recipe.dataset},
          {"weights", weight_bits(section)},
          {"activations", activation_bits(section)},
          {"MACs", text(fixed(static_cast<double>(run.network.macs()) / 1e6, 2), " M")},
          {"weights packed", text(bytes_text(bytes), ", float ", bytes_text(4 * weights))},
          {"model.pact", run.packed_bytes ? bytes_text(*run.packed_bytes) : "none"},
          {"saved", run.date}};
}

std::string facts_list(const Section& section) {
  std::string html = "<dl class=\"facts\">\n";
  for (const auto& [name, value] : facts_of(section)) {
    html += text("<div><dt>", escaped(name), "</dt><dd>", escaped(value), "</dd></div>\n");
  }
  return html + "</dl>\n";
}

std::string comparison(const std::vector<Section>& sections) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr><th class=\"left\">run</th>";
  for (const auto& [name, value] : facts_of(sections[0])) {
    html += text("<th>", escaped(name), "</th>");
  }
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < sections.size(); ++i) {
    html += text("<tr><th>", chip(run_color(i)), "<a href=\"#run", i + 1, "\">",
                 escaped(sections[i].run.name), "</a></th>");
    for (const auto& [name, value] : facts_of(sections[i])) {
      html += text("<td>", escaped(value), "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

using Field = std::function<double(const Epoch&)>;

Series series_of(const Run& run, std::size_t index, Stroke stroke, const Field& field) {
  Series series{.color = run_color(index), .points = {}, .stroke = stroke};
  for (const Epoch& epoch : run.log) {
    series.points.push_back({series.points.size() + 1, field(epoch)});
  }
  return series;
}

std::string figure(const std::string& picture) { return "<figure>\n" + picture + "</figure>\n"; }

std::string curves(const std::vector<Section>& sections) {
  std::vector<Series> accuracy;
  std::vector<Series> loss;
  std::vector<Series> rate;
  bool trained = false;
  std::string key;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const Run& run = sections[i].run;
    trained = trained || !run.log.empty();
    accuracy.push_back(
        series_of(run, i, Stroke::Dashed, [](const Epoch& e) { return 100 * e.train_top1; }));
    accuracy.push_back(
        series_of(run, i, Stroke::Solid, [](const Epoch& e) { return 100 * e.validation_top1; }));
    loss.push_back(series_of(run, i, Stroke::Solid, [](const Epoch& e) { return e.loss; }));
    rate.push_back(
        series_of(run, i, Stroke::Solid, [](const Epoch& e) { return e.learning_rate; }));
    key += text("<li>", chip(run_color(i)), escaped(run.name), "</li>");
  }
  if (!trained) return "<p class=\"soft\">No curves: nothing was trained.</p>\n";
  std::string html = "<h2>Training</h2>\n";
  if (sections.size() > 1) html += text("<ul class=\"key\">", key, "</ul>\n");
  return text(html, "<div class=\"charts\">\n",
              figure(epochs_chart("Top-1: validation solid, training dashed", "%", accuracy)),
              figure(epochs_chart("Training loss", "cross entropy", loss)),
              figure(epochs_chart("Learning rate", "at the end of the epoch", rate)), "</div>\n");
}

// One curve for each clip of the run, as figure 2 of the paper draws them.
std::string clips_chart(const Run& run) {
  if (run.log.empty() || run.log.back().clips.empty()) return {};
  std::vector<std::string> names;
  for (const graph::Node& node : run.network.nodes()) {
    for (const char* role : {"low", "high", "alpha"}) {
      const std::string name = graph::Network::parameter_name(node, role);
      if (run.log.back().clips.contains(name)) names.push_back(name);
    }
  }
  std::vector<Series> series;
  std::string key;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Series curve{.color = depth_color(i, names.size()), .points = {}};
    for (std::size_t e = 0; e < run.log.size(); ++e) {
      const auto found = run.log[e].clips.find(names[i]);
      if (found != run.log[e].clips.end()) curve.points.push_back({e + 1, found->second});
    }
    key += text("<li>", chip(curve.color), escaped(names[i]), " ",
                fixed(run.log.back().clips.at(names[i]), 3), "</li>");
    series.push_back(std::move(curve));
  }
  return text("<h3>Clips over time</h3>\n<figure class=\"alpha\">\n",
              epochs_chart("alpha of each quantizer, after the epoch", "alpha", series),
              "<ul class=\"key\">", key, "</ul>\n</figure>\n");
}

std::string section_html(const Section& section) {
  std::string html =
      text("<details><summary>Recipe</summary>\n<pre>", escaped(section.run.recipe.text),
           "</pre></details>\n", clips_chart(section.run));
  if (!section.note.empty()) {
    html += text("<p class=\"warn\">", escaped(section.note), "</p>\n");
  }
  return html + layers_table(section) + histograms(section);
}

std::string document(const std::string& title, const std::string& body) {
  return text(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
      escaped(title), "</title>\n<style>\n", style_sheet(), "</style>\n</head>\n<body>\n", body,
      "<p class=\"soft\">Made by pact ", PACT_VERSION, ".</p>\n</body>\n</html>\n");
}

}  // namespace

std::string page(const std::vector<Section>& sections) {
  if (sections.size() == 1) {
    const std::string& name = sections[0].run.name;
    return document(name, text("<h1>", escaped(name), "</h1>\n", facts_list(sections[0]),
                               curves(sections), section_html(sections[0])));
  }
  const std::string title = text(sections.size(), " runs compared");
  std::string body = text("<h1>", title, "</h1>\n", comparison(sections), curves(sections));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    body += text("<section id=\"run", i + 1, "\">\n<h2>", chip(run_color(i)),
                 escaped(sections[i].run.name), "</h2>\n", facts_list(sections[i]),
                 section_html(sections[i]), "</section>\n");
  }
  return document(title, body);
}

}  // namespace pact::cli::report
