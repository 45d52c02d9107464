// SPDX-License-Identifier: Apache-2.0
#include "cli/svg.h"

#include <algorithm>
#include <cmath>

#include "cli/show.h"
#include "pact/base/result.h"

namespace pact::cli {
namespace {

constexpr std::string_view kInk = "#334155";
constexpr std::string_view kGrid = "#e2e8f0";
constexpr double kLineHeight = 16;

std::string escaped(std::string_view words) {
  std::string result;
  for (const char c : words) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

// A coordinate; a tenth of a unit is finer than anyone sees.
std::string at(double value) { return fixed(value, 1); }

// 0 at the lower end of the axis, 1 at the upper one.
double part(const Axis& axis, double value) {
  if (axis.scale == Scale::Linear) return (value - axis.lowest) / (axis.highest - axis.lowest);
  return std::log(value / axis.lowest) / std::log(axis.highest / axis.lowest);
}

double x_of(const Box& box, const Axis& axis, double value) {
  return box.x + box.width * std::clamp(part(axis, value), 0.0, 1.0);
}

double y_of(const Box& box, const Axis& axis, double value) {
  return box.y + box.height * (1 - std::clamp(part(axis, value), 0.0, 1.0));
}

}  // namespace

const std::vector<std::string>& palette() {
  static const std::vector<std::string> colors{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#000000"};
  return colors;
}

Picture::Picture(double width, double height, std::string_view title)
    : width_(width), height_(height), title_(title) {
  label(width / 2, 20, title, Anchor::Middle);
}

void Picture::label(double x, double y, std::string_view words, Anchor anchor) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  body_ +=
      pact::text("<text x=\"", at(x), "\" y=\"", at(y), "\" text-anchor=\"",
                 kAnchors[static_cast<std::size_t>(anchor)], "\">", escaped(words), "</text>\n");
}

void Picture::line(double x1, double y1, double x2, double y2, std::string_view color) {
  body_ += pact::text("<path d=\"M", at(x1), " ", at(y1), "L", at(x2), " ", at(y2), "\" stroke=\"",
                      color, "\"/>\n");
}

void Picture::y_axis(const Box& box, const Axis& axis) {
  for (const auto& [value, words] : axis.ticks) {
    const double y = y_of(box, axis, value);
    line(box.x, y, box.x + box.width, y, kGrid);
    label(box.x - 6, y + 4, words, Anchor::End);
  }
  line(box.x, box.y, box.x, box.y + box.height, kInk);
  line(box.x, box.y + box.height, box.x + box.width, box.y + box.height, kInk);
  label(box.x, box.y - 8, axis.title, Anchor::Start);
}

void Picture::legend(const Box& box, const std::vector<Curve>& entries) {
  double y = box.y + kLineHeight;
  for (const Curve& entry : entries) {
    if (entry.label.empty()) continue;
    const Axis unit;
    const Box sample{box.x + 10, y - 8, 20, 8};
    curve(sample, unit, unit,
          {.label = {},
           .color = entry.color,
           .points = {{0, 0.5}, {1, 0.5}},
           .stroke = entry.stroke,
           .marks = entry.marks});
    label(box.x + 38, y, entry.label, Anchor::Start);
    y += kLineHeight;
  }
}

void Picture::curve(const Box& box, const Axis& x, const Axis& y, const Curve& curve) {
  std::string path;
  std::string marks;
  for (const auto& [px, py] : curve.points) {
    const std::string cx = at(x_of(box, x, px));
    const std::string cy = at(y_of(box, y, py));
    path += pact::text(path.empty() ? "M" : "L", cx, " ", cy);
    marks +=
        pact::text("<circle cx=\"", cx, "\" cy=\"", cy, "\" r=\"3.5\" stroke=\"", curve.color,
                   "\" fill=\"", curve.marks == Marks::Rings ? "#ffffff" : curve.color, "\"/>\n");
  }
  if (curve.stroke != Stroke::None) {
    body_ +=
        pact::text("<path d=\"", path, "\" fill=\"none\" stroke-width=\"2\" stroke=\"", curve.color,
                   "\"", curve.stroke == Stroke::Dashed ? " stroke-dasharray=\"6 4\"" : "", "/>\n");
  }
  if (curve.marks != Marks::None) body_ += marks;
}

void Picture::chart(const Box& box, const Axis& x, const Axis& y,
                    const std::vector<Curve>& curves) {
  for (const auto& [value, words] : x.ticks) {
    const double px = x_of(box, x, value);
    line(px, box.y, px, box.y + box.height, kGrid);
    label(px, box.y + box.height + kLineHeight, words, Anchor::Middle);
  }
  label(box.x + box.width / 2, box.y + box.height + 2.2 * kLineHeight, x.title, Anchor::Middle);
  y_axis(box, y);
  for (const Curve& each : curves) curve(box, x, y, each);
  legend(box, curves);
}

void Picture::bars(const Box& box, const Axis& y, const Bars& bars) {
  y_axis(box, y);
  const double group_width = box.width / static_cast<double>(bars.groups.size());
  const double bar_width = 0.7 * group_width / static_cast<double>(bars.series.size());
  const double base = y_of(box, y, bars.base);
  for (std::size_t group = 0; group < bars.groups.size(); ++group) {
    const double left = box.x + group_width * (static_cast<double>(group) + 0.15);
    for (std::size_t s = 0; s < bars.series.size(); ++s) {
      const double top = y_of(box, y, bars.values[s][group]);
      body_ += pact::text("<rect x=\"", at(left + bar_width * static_cast<double>(s)), "\" y=\"",
                          at(std::min(top, base)), "\" width=\"", at(bar_width), "\" height=\"",
                          at(std::abs(top - base)), "\" fill=\"", bars.series[s].second, "\"/>\n");
    }
    label(left + 0.35 * group_width, box.y + box.height + kLineHeight, bars.groups[group],
          Anchor::Middle);
  }
  line(box.x, base, box.x + box.width, base, kInk);
  std::vector<Curve> entries;
  for (const auto& [words, color] : bars.series) entries.push_back({words, color, {}});
  legend({box.x + 0.68 * box.width, box.y, box.width, box.height}, entries);
}

std::string Picture::text() const {
  return pact::text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", at(width_), " ",
                    at(height_),
                    "\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"",
                    escaped(title_), "\">\n<rect width=\"", at(width_), "\" height=\"", at(height_),
                    "\" fill=\"#ffffff\"/>\n", body_, "</svg>\n");
}

}  // namespace pact::cli
