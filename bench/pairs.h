// SPDX-License-Identifier: Apache-2.0
// Two programs timed in turn, so that what slows the machine down slows both.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

#include "pact/runtime/model.h"

namespace pact::bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Half of the distance between the quartiles, relative to the median.
inline double spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[3 * n / 4] - values[n / 4]) / 2 / values[n / 2];
}

/// How often two sides run: after `turn` runs of one it is the other's turn. The first runs of a
/// turn find its caches and its clock as the other left them: instructions on tiles lower the clock
/// of a core for a while.
struct Turns {
  int pairs = 21;
  int turn = 1;
};

struct Pairs {
  std::vector<double> first;   // milliseconds of a run, by turn
  std::vector<double> second;  // milliseconds
  std::vector<double> ratios;  // second / first
};

template <typename Run>
double milliseconds(const Run& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

template <typename Run>
double milliseconds(const Run& run, int runs) {
  return milliseconds([&] {
           for (int i = 0; i < runs; ++i) run();
         }) /
         runs;
}

template <typename First, typename Second>
Pairs time_pairs(const Turns& turns, const First& first, const Second& second) {
  constexpr int kWarmUp = 3;
  Pairs result;
  for (int i = 0; i < kWarmUp + turns.pairs; ++i) {
    const double first_time = milliseconds(first, turns.turn);
    const double second_time = milliseconds(second, turns.turn);
    if (i < kWarmUp) continue;
    result.first.push_back(first_time);
    result.second.push_back(second_time);
    result.ratios.push_back(second_time / first_time);
  }
  return result;
}

/// A session with images of random pixels for it.
class Runner {
 public:
  Runner(const Model& model, const SessionOptions& options)
      : session_(value_or_throw(Session::create(model, options))),
        images_(model.image().bytes() * static_cast<std::size_t>(options.batch)),
        outputs_(model.outputs() * static_cast<std::size_t>(options.batch)) {
    std::mt19937 random(1);
    for (std::uint8_t& pixel : images_) pixel = static_cast<std::uint8_t>(random());
  }
  void run() { value_or_throw(session_.run(images_, PixelOrder::Interleaved, outputs_)); }
  const Session& session() const { return session_; }

 private:
  Session session_;
  std::vector<std::uint8_t> images_;
  std::vector<float> outputs_;
};

}  // namespace pact::bench
