// SPDX-License-Identifier: Apache-2.0
#include "cli/svg.h"

#include <algorithm>
#include <cmath>

#include "cli/show.h"
#include "pact/base/result.h"

namespace pact::cli {
namespace {

constexpr double kLineHeight = 16;

// Bytes of the character that `words` begins with; 0 if they are not one that XML may hold.
std::size_t character_length(std::string_view words) {
  const auto byte = [&](std::size_t i) {
    return i < words.size() ? static_cast<unsigned char>(words[i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\n' || first == '\t' ? 1 : 0;
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool beyond = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
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

std::string escaped(std::string_view words) {
  std::string result;
  while (!words.empty()) {
    const std::size_t length = character_length(words);
    const std::string_view character = words.substr(0, std::max<std::size_t>(length, 1));
    words.remove_prefix(character.size());
    if (length == 0) {
      result += "&#xFFFD;";
    } else if (character == "&") {
      result += "&amp;";
    } else if (character == "<") {
      result += "&lt;";
    } else if (character == ">") {
      result += "&gt;";
    } else if (character == "\"") {
      result += "&quot;";
    } else if (character == "'") {
      result += "&#39;";
    } else {
      result += character;
    }
  }
  return result;
}

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
    marks += pact::text("<circle cx=\"", cx, "\" cy=\"", cy, "\" r=\"3.5\" stroke=\"", curve.color,
                        "\" fill=\"", curve.marks == Marks::Rings ? kPaper : curve.color, "\"/>\n");
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

void Picture::histogram(const Box& box, const Axis& x, const Bins& bins) {
  const double bottom = box.y + box.height;
  const double width = box.width / static_cast<double>(bins.heights.size());
  std::string outline = pact::text("M", at(box.x), " ", at(bottom));
  std::string last = at(bottom);
  for (std::size_t bin = 0; bin < bins.heights.size(); ++bin) {
    const std::string y = at(bottom - box.height * std::clamp(bins.heights[bin], 0.0, 1.0));
    if (y == last) continue;
    outline += pact::text("H", at(box.x + width * static_cast<double>(bin)), "V", y);
    last = y;
  }
  outline += pact::text("H", at(box.x + box.width), "V", at(bottom), "Z");
  std::string grid;
  for (const double level : bins.grid) {
    grid += pact::text("M", at(x_of(box, x, level)), " ", at(box.y), "V", at(bottom));
  }
  body_ += pact::text("<path d=\"", outline, "\" fill=\"", bins.color, "\"/>\n");
  if (!grid.empty()) {
    body_ += pact::text("<path d=\"", grid, "\" stroke=\"", kInk,
                        "\" stroke-width=\"0.6\" stroke-opacity=\"0.5\"/>\n");
  }
  for (const auto& [value, words] : bins.marks) {
    const double px = x_of(box, x, value);
    body_ += pact::text("<path d=\"M", at(px), " ", at(box.y), "V", at(bottom), "\" stroke=\"",
                        kInk, "\" stroke-width=\"1.5\" stroke-dasharray=\"4 2\"/>\n");
    label(px, box.y - 4, words, Anchor::Middle);
  }
  for (const auto& [value, words] : x.ticks) {
    label(x_of(box, x, value), bottom + kLineHeight, words, Anchor::Middle);
  }
  line(box.x, bottom, box.x + box.width, bottom, kInk);
  if (!x.title.empty()) {
    label(box.x + box.width / 2, bottom + 2.1 * kLineHeight, x.title, Anchor::Middle);
  }
}

std::string Picture::text() const {
  return pact::text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", at(width_), " ",
                    at(height_),
                    "\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"",
                    escaped(title_), "\">\n<rect width=\"", at(width_), "\" height=\"", at(height_),
                    "\" fill=\"", kPaper, "\"/>\n", body_, "</svg>\n");
}

}  // namespace pact::cli
