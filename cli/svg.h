// SPDX-License-Identifier: Apache-2.0
// Pictures as SVG text: charts with axes, curves and bars. No scripts, no fonts of their own.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pact::cli {

/// A rectangle of the picture, in its units; y grows downwards.
struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

enum class Scale { Linear, Logarithmic };

/// Values from `lowest` to `highest` (positive on a logarithmic axis), marked at `ticks`.
struct Axis {
  std::string title;
  double lowest = 0;
  double highest = 1;
  Scale scale = Scale::Linear;
  std::vector<std::pair<double, std::string>> ticks;
};

enum class Stroke { Solid, Dashed, None };
enum class Marks { None, Dots, Rings };

struct Curve {
  std::string label;  // empty: not in the legend
  std::string color;  // as CSS writes it
  std::vector<std::pair<double, double>> points;
  Stroke stroke = Stroke::Solid;
  Marks marks = Marks::None;
};

/// One bar of each colour for every group, side by side, from `base` on.
struct Bars {
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::string>> series;  // label, colour
  std::vector<std::vector<double>> values;                  // [series][group]
  double base = 0;
};

/// Heights (0 to 1) of bins of equal width that share the whole x axis, as one filled outline; thin
/// lines at `grid`, dashed ones with their words at `marks`.
struct Bins {
  std::string color;
  std::vector<double> heights;
  std::vector<double> grid;
  std::vector<std::pair<double, std::string>> marks;
};

/// What pictures are drawn in and on. A page with another background overrides these by name.
inline constexpr std::string_view kInk = "#334155";
inline constexpr std::string_view kGrid = "#e2e8f0";
inline constexpr std::string_view kPaper = "#ffffff";

/// Words as XML and HTML hold them, between tags and in quotes. What is not UTF-8, or a control
/// character, becomes U+FFFD.
std::string escaped(std::string_view words);

/// Colours that are told apart in print and by most eyes (Okabe and Ito).
const std::vector<std::string>& palette();

class Picture {
 public:
  Picture(double width, double height, std::string_view title);

  /// Axes with grid lines, curves clipped to them, and a legend in the upper left corner.
  void chart(const Box& box, const Axis& x, const Axis& y, const std::vector<Curve>& curves);
  /// Bars over named groups, with a legend.
  void bars(const Box& box, const Axis& y, const Bars& bars);
  /// Bins over their axis, a grid and marks.
  void histogram(const Box& box, const Axis& x, const Bins& bins);

  /// The whole file.
  std::string text() const;

 private:
  enum class Anchor { Start, Middle, End };
  void label(double x, double y, std::string_view words, Anchor anchor);
  void line(double x1, double y1, double x2, double y2, std::string_view color);
  void y_axis(const Box& box, const Axis& axis);
  void legend(const Box& box, const std::vector<Curve>& entries);
  void curve(const Box& box, const Axis& x, const Axis& y, const Curve& curve);

  double width_;
  double height_;
  std::string title_;
  std::string body_;
};

}  // namespace pact::cli
