// SPDX-License-Identifier: Apache-2.0
#include "cli/report/charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "cli/show.h"
#include "pact/base/result.h"

namespace pact::cli::report {
namespace {

constexpr std::size_t kMostPoints = 400;
constexpr int kMostLines = 33;
constexpr double kWidth = 400;

std::string short_number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", value);
  return buffer;
}

// 1, 2 or 5 times a power of ten, at least `least`.
double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= 0.999 * least) return factor * power;
  }
  return 10 * power;
}

void add_ticks(Axis& axis, double step, double unit) {
  constexpr double kSlack = 1e-9;
  constexpr double kMostTicks = 20;
  const double first = std::ceil(axis.lowest / step - kSlack);
  const double last = std::floor(axis.highest / step + kSlack);
  for (double i = 0; i <= std::min(last - first, kMostTicks); ++i) {
    // Not "-0".
    const double value = first + i == 0 ? 0 : (first + i) * step;
    axis.ticks.emplace_back(value / unit, short_number(value));
  }
}

Axis epochs_axis(std::size_t epochs) {
  constexpr double kTicks = 8;
  if (epochs == 1) {
    return {.title = "epoch", .lowest = 0.5, .highest = 1.5, .ticks = {{1, "1"}}};
  }
  Axis axis{.title = "epoch", .lowest = 1, .highest = static_cast<double>(epochs)};
  add_ticks(axis, std::max(1.0, round_step((axis.highest - axis.lowest) / kTicks)), 1);
  return axis;
}

Curve curve_of(const Series& series) {
  Curve curve{.label = {}, .color = series.color, .stroke = series.stroke};
  const std::size_t count = series.points.size();
  if (count == 1) curve.marks = Marks::Dots;
  const std::size_t stride = (count + kMostPoints - 1) / kMostPoints;
  for (std::size_t i = 0; i < count; i += stride) {
    curve.points.emplace_back(series.points[i].epoch, series.points[i].value);
  }
  if (stride > 1) curve.points.emplace_back(series.points.back().epoch, series.points.back().value);
  return curve;
}

// Heights as square roots, so that tails are seen beside peaks.
std::vector<double> heights_of(const Histogram& histogram) {
  const auto highest = std::max_element(histogram.counts.begin(), histogram.counts.end());
  const double most = std::max(1.0, static_cast<double>(*highest));
  std::vector<double> heights;
  for (const std::int64_t count : histogram.counts) {
    heights.push_back(std::sqrt(static_cast<double>(count) / most));
  }
  return heights;
}

std::string histogram_picture(std::string_view title, const Histogram& histogram, double unit,
                              const std::string& unit_name, Bins bins) {
  constexpr double kTicks = 5;
  Axis axis{.title = unit_name, .lowest = histogram.lowest, .highest = histogram.highest};
  const double width = (axis.highest - axis.lowest) * unit;
  Axis scaled{.lowest = axis.lowest * unit, .highest = axis.highest * unit};
  add_ticks(scaled, round_step(width / kTicks), unit);
  axis.ticks = std::move(scaled.ticks);
  bins.heights = heights_of(histogram);
  Picture picture(kWidth, 190, title);
  picture.histogram({14, 48, kWidth - 28, 96}, axis, bins);
  return picture.text();
}

}  // namespace

Axis round_axis(std::string title, double lowest, double highest) {
  constexpr double kTicks = 4;
  // What differs by less than a label shows, or than a double can count, gets a wider axis.
  constexpr double kLeast = 1e-9;
  const double size = std::max(std::abs(lowest), std::abs(highest));
  if (!(highest - lowest > kLeast * size)) {
    lowest -= 0.5 * size;
    highest += size == 0 ? 1 : 0.5 * size;
  }
  const double step = round_step((highest - lowest) / kTicks);
  Axis axis{.title = std::move(title),
            .lowest = std::floor(lowest / step) * step,
            .highest = std::ceil(highest / step) * step};
  add_ticks(axis, step, 1);
  return axis;
}

std::string epochs_chart(std::string_view title, const std::string& unit,
                         const std::vector<Series>& series) {
  std::size_t epochs = 1;
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -lowest;
  std::vector<Curve> curves;
  for (const Series& each : series) {
    if (each.points.empty()) continue;
    epochs = std::max(epochs, each.points.back().epoch);
    for (const Series::Point& point : each.points) {
      lowest = std::min(lowest, point.value);
      highest = std::max(highest, point.value);
    }
    curves.push_back(curve_of(each));
  }
  if (curves.empty()) lowest = highest = 0;
  Picture picture(kWidth, 270, title);
  picture.chart({50, 52, kWidth - 64, 170}, epochs_axis(epochs), round_axis(unit, lowest, highest),
                curves);
  return picture.text();
}

int levels_between_lines(const numeric::Grid& grid) {
  int every = 1;
  while (grid.codes / every > kMostLines) every *= 2;
  return every;
}

std::string quantized_histogram(std::string_view title, const Quantization& quantization) {
  const numeric::Grid& grid = quantization.grid;
  Bins bins{.color = "var(--fill)"};
  const int every = levels_between_lines(grid);
  if (grid.bits <= numeric::kMaxCodeBits) {
    for (std::int32_t code = 0; code < grid.codes; code += every) {
      bins.grid.push_back(grid.level(code));
    }
  }
  if (std::isinf(quantization.low_end)) {
    bins.marks.emplace_back(grid.highest(),
                            quantization.scale
                                ? "alpha " + short_number(*quantization.scale * grid.highest())
                                : "alpha");
  }
  const double unit = quantization.scale.value_or(1);
  return histogram_picture(title, quantization.histogram, unit,
                           quantization.scale ? "value" : "level: value / scale of its channel",
                           std::move(bins));
}

std::string float_histogram(std::string_view title, const Histogram& histogram) {
  return histogram_picture(title, histogram, 1, "value", {.color = "var(--fill)"});
}

std::string depth_color(std::size_t index, std::size_t count) {
  constexpr double kFirst = 265;
  constexpr double kLast = 395;
  const double part = count < 2 ? 0 : static_cast<double>(index) / static_cast<double>(count - 1);
  return text("hsl(", fixed(std::fmod(kFirst + part * (kLast - kFirst), 360), 0), ",70%,55%)");
}

}  // namespace pact::cli::report
