// SPDX-License-Identifier: Apache-2.0
// The pictures of a report, as SVG text to put into a page. Small ones of one size, so that their
// words are legible on a phone.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/report/statistics.h"
#include "cli/svg.h"

namespace pact::cli::report {

/// An axis over [lowest, highest] and a little more, with ticks at round numbers.
Axis round_axis(std::string title, double lowest, double highest);

/// Values over epochs, the first of which is 1.
struct Series {
  struct Point {
    std::size_t epoch = 1;
    double value = 0;
  };
  std::string color;
  std::vector<Point> points;  // epochs rise
  Stroke stroke = Stroke::Solid;
};

/// Curves over epochs. Hundreds of points stand for thousands of epochs.
std::string epochs_chart(std::string_view title, const std::string& unit,
                         const std::vector<Series>& series);

/// What a quantizer reads, with the levels of its grid (every few, where there are many) and, for
/// PACT, alpha.
std::string quantized_histogram(std::string_view title, const Quantization& quantization);

/// Float values, without a grid.
std::string float_histogram(std::string_view title, const Histogram& histogram);

/// Colour of item `index` of `count`, from violet by red to orange.
std::string depth_color(std::size_t index, std::size_t count);

/// How many levels of a grid a picture shows: every one, every second, every fourth, ..
int levels_between_lines(const numeric::Grid& grid);

}  // namespace pact::cli::report
