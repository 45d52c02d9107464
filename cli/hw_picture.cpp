// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "cli/hw.h"
#include "cli/show.h"
#include "cli/svg.h"

namespace pact::cli {
namespace {

using hardware::SpeedUp;

// Curves of one bandwidth: ours, and what was published.
struct Series {
  std::vector<std::pair<double, double>> ours;       // ratio of bits, speed-up
  std::vector<std::pair<double, double>> published;  // the same
  SpeedUp most;                                      // at the fewest bits
};

std::map<double, Series> series_of(const HwReport& report) {
  std::map<double, Series> result;
  for (const HwRun& run : report.runs) {
    const HwRun& reference = report.reference(run);
    const SpeedUp s = hardware::speed_up(reference.cost, run.cost);
    Series& series = result[run.bytes_per_second];
    series.ours.emplace_back(s.linear, s.total);
    if (run.published && reference.published) {
      series.published.emplace_back(s.linear, *run.published / *reference.published);
    }
    if (s.linear >= series.most.linear) series.most = s;
  }
  for (auto& [bandwidth, series] : result) {
    std::sort(series.ours.begin(), series.ours.end());
    std::sort(series.published.begin(), series.published.end());
  }
  return result;
}

// Powers of two from 1 to `highest` and beyond it.
Axis ratio_axis(const std::string& title, double lowest, double highest) {
  Axis axis{.title = title, .lowest = 1, .highest = 1, .scale = Scale::Logarithmic, .ticks = {}};
  while (axis.lowest > lowest) axis.lowest /= 2;
  while (axis.highest < highest) axis.highest *= 2;
  for (double tick = axis.lowest; tick <= axis.highest; tick *= 2) {
    axis.ticks.emplace_back(tick, text(tick, "x"));
  }
  return axis;
}

void add_curves(Picture& picture, const HwReport& report,
                const std::map<double, Series>& all_series) {
  double widest = 1;
  double slowest = 1;
  double fastest = 1;
  for (const auto& [bandwidth, series] : all_series) {
    for (const auto* points : {&series.ours, &series.published}) {
      for (const auto& [linear, total] : *points) {
        widest = std::max(widest, linear);
        slowest = std::min(slowest, total);
        fastest = std::max(fastest, total);
      }
    }
  }
  Axis x = ratio_axis("bits", 1, widest);
  x.highest = std::max(widest, 1.01);
  x.ticks.clear();
  for (const HwRun& run : report.runs) {
    const double ratio = hardware::speed_up(report.reference(run).cost, run.cost).linear;
    const std::pair<double, std::string> tick{ratio, run.bits};
    if (std::find(x.ticks.begin(), x.ticks.end(), tick) == x.ticks.end()) x.ticks.push_back(tick);
  }
  std::vector<Curve> curves{{.label = "linear in bits",
                             .color = "#64748b",
                             .points = {{1, 1}, {x.highest, x.highest}},
                             .stroke = Stroke::Dashed}};
  std::size_t color = 0;
  for (const auto& [bandwidth, series] : all_series) {
    const std::string& ink = palette()[color++ % palette().size()];
    const std::string label = gigabytes_text(bandwidth) + " GB/s";
    curves.push_back({.label = label, .color = ink, .points = series.ours, .marks = Marks::Dots});
    if (series.published.empty()) continue;
    curves.push_back({.label = label + ", published",
                      .color = ink,
                      .points = series.published,
                      .stroke = Stroke::None,
                      .marks = Marks::Rings});
  }
  picture.chart({60, 60, 380, 300}, x, ratio_axis("speed-up", slowest, std::max(widest, fastest)),
                curves);
}

void add_factors(Picture& picture, const std::map<double, Series>& all_series) {
  Bars bars{
      .groups = {"linear", "total", "peak", "first/last", "utilisation", "traffic", "residency"},
      .series = {},
      .values = {},
      .base = 1};
  double lowest = 1;
  double highest = 2;
  for (const auto& [bandwidth, series] : all_series) {
    const SpeedUp& s = series.most;
    bars.values.push_back(
        {s.linear, s.total, s.peak, s.first_last, s.utilisation, s.traffic, s.residency});
    bars.series.emplace_back(gigabytes_text(bandwidth) + " GB/s",
                             palette()[bars.series.size() % palette().size()]);
    for (const double value : bars.values.back()) {
      lowest = std::min(lowest, value);
      highest = std::max(highest, value);
    }
  }
  picture.bars({520, 60, 500, 300}, ratio_axis("factors at the fewest bits", lowest, highest),
               bars);
}

}  // namespace

std::string hw_picture(const HwReport& report) {
  const bool compares = std::any_of(report.runs.begin(), report.runs.end(), [&](const HwRun& run) {
    return &report.reference(run) != &run;
  });
  if (!compares) {
    throw_error(ErrorCode::InvalidArgument, "--plot: expected two --bits or more to compare");
  }
  Picture picture(1050, 410, text(report.workload.name, " on ", report.machine.name));
  const std::map<double, Series> series = series_of(report);
  add_curves(picture, report, series);
  add_factors(picture, series);
  return picture.text();
}

}  // namespace pact::cli
