// SPDX-License-Identifier: Apache-2.0
#include "pact/hardware/agreement.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "pact/base/result.h"

namespace pact::hardware {
namespace {

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) {
      result[order[i]] = static_cast<double>(first + end - 1) / 2;
    }
    first = end;
  }
  return result;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto count = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / count;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / count;
  double products = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    products += (a[i] - mean_a) * (b[i] - mean_b);
    squares_a += (a[i] - mean_a) * (a[i] - mean_a);
    squares_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  const double scale = std::sqrt(squares_a * squares_b);
  return scale > 0 ? products / scale : 0;
}

}  // namespace

Agreement agreement(std::span<const double> predicted, std::span<const double> measured) {
  PACT_CHECK(predicted.size() == measured.size() && predicted.size() >= 2);
  double errors = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    errors += std::abs(predicted[i] / measured[i] - 1);
  }
  return {.rank_correlation = correlation(ranks(predicted), ranks(measured)),
          .mean_error = errors / static_cast<double>(measured.size()),
          .total_ratio = std::accumulate(predicted.begin(), predicted.end(), 0.0) /
                         std::accumulate(measured.begin(), measured.end(), 0.0)};
}

}  // namespace pact::hardware
