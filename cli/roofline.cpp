// SPDX-License-Identifier: Apache-2.0
#include "cli/roofline.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "cli/show.h"
#include "cli/svg.h"
#include "pact/base/aligned_buffer.h"
#include "pact/base/result.h"
#include "pact/base/thread_pool.h"
#include "pact/kernels/dot.h"

namespace pact::cli {
namespace {

// The shortest of several times, in seconds, of work that every thread does once.
template <typename Work>
double shortest(ThreadPool& pool, const Work& work) {
  constexpr int kRepetitions = 10;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRepetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    pool.parallel_for(pool.size(), [&](std::int64_t, int worker) { work(worker); });
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return best;
}

double measure_macs(Isa isa, ThreadPool& pool) {
  constexpr std::int64_t kDepth = 512;
  constexpr std::int64_t kCalls = 2000;
  const kernels::DotKernel& kernel =
      *kernels::select_byte_dot(isa, 64, kernels::kMostProductsIn16Bits);
  const std::vector<std::uint8_t> a(static_cast<std::size_t>(kernel.max_rows * kDepth), 1);
  const AlignedBuffer<std::uint8_t> b(static_cast<std::size_t>(kernel.columns * kDepth));
  std::vector<std::vector<std::int32_t>> sums(
      static_cast<std::size_t>(pool.size()),
      std::vector<std::int32_t>(static_cast<std::size_t>(kernel.max_rows * kernel.columns)));
  const double seconds = shortest(pool, [&](int worker) {
    for (std::int64_t call = 0; call < kCalls; ++call) {
      kernel.run[kernel.max_rows - 1]({.a = a.data(),
                                       .row_stride = kDepth,
                                       .segment_stride = 0,
                                       .segments = 1,
                                       .quads = kDepth / 4,
                                       .b = b.data(),
                                       .c = sums[static_cast<std::size_t>(worker)].data()});
    }
    if (kernel.release != nullptr) kernel.release();
  });
  const double macs =
      static_cast<double>(kCalls * kernel.max_rows * kernel.columns * kDepth) * pool.size();
  return macs / seconds;
}

// Looks for a byte that is not there, with the vectors of the C library.
double measure_bytes(ThreadPool& pool) {
  constexpr std::size_t kBytes = 128 << 20;
  const std::vector<std::uint8_t> memory(kBytes, 1);
  std::vector<const void*> found(static_cast<std::size_t>(pool.size()));
  const std::size_t part = kBytes / found.size();
  const double seconds = shortest(pool, [&](int worker) {
    const auto w = static_cast<std::size_t>(worker);
    found[w] = std::memchr(memory.data() + w * part, 2, part);
  });
  PACT_CHECK(std::all_of(found.begin(), found.end(), [](const void* at) { return at == nullptr; }));
  return static_cast<double>(found.size() * part) / seconds;
}

double intensity(const StepTime& step, int batch) {
  const double values = static_cast<double>(step.read_bytes + step.value_bytes) * batch;
  return static_cast<double>(step.macs) * batch / (static_cast<double>(step.weight_bytes) + values);
}

Axis powers(const std::string& title, double lowest, double highest, double unit) {
  Axis axis{.title = title, .scale = Scale::Logarithmic};
  axis.lowest = std::exp2(std::floor(std::log2(lowest)));
  axis.highest = std::exp2(std::ceil(std::log2(highest)));
  for (double tick = axis.lowest; tick <= axis.highest; tick *= 2) {
    axis.ticks.emplace_back(tick, tick / unit >= 1 ? fixed(tick / unit, 0) : fixed(tick / unit, 2));
  }
  return axis;
}

// "winograd_2x2_3x3_avx512" -> "winograd"
std::string family(std::string_view kernel) {
  const std::string_view words = kernel.substr(0, kernel.find_first_of("0123456789"));
  return std::string(words.substr(0, words.rfind('_')));
}

}  // namespace

Ceilings measure_ceilings(Isa isa, int threads) {
  ThreadPool pool(threads);
  return {measure_macs(isa, pool), measure_bytes(pool)};
}

double rate(const StepTime& step, int batch) {
  return static_cast<double>(step.macs) * batch / step.seconds;
}

std::string roofline_picture(std::string_view title, std::span<const StepTime> steps, int batch,
                             const Ceilings& ceilings) {
  std::map<std::string, std::vector<std::pair<double, double>>> layers;
  double least = 1;
  double most = ceilings.macs_per_second / ceilings.bytes_per_second;
  double slowest = ceilings.macs_per_second / 4;
  double fastest = ceilings.macs_per_second;
  for (const StepTime& step : steps) {
    if (step.macs == 0) continue;
    const double x = intensity(step, batch);
    const double y = rate(step, batch);
    layers[family(step.kernel)].emplace_back(x, y);
    least = std::min(least, x);
    most = std::max(most, x);
    slowest = std::min(slowest, y);
    fastest = std::max(fastest, y);
  }
  constexpr double kGiga = 1e9;
  const Axis x = powers("MACs for each byte of weights and values", least, most, 1);
  Axis y = powers("GMAC/s", slowest / kGiga, fastest / kGiga, 1);
  y.highest *= 4;  // room for the legend
  const double peak = ceilings.macs_per_second / kGiga;
  const double bandwidth = ceilings.bytes_per_second / kGiga;
  const double ridge = peak / bandwidth;
  const double start = std::max(x.lowest, y.lowest / bandwidth);
  std::vector<Curve> curves{{.label = text("memory, ", fixed(bandwidth, 1), " GB/s"),
                             .color = "#64748b",
                             .points = {{start, start * bandwidth}, {ridge, peak}},
                             .stroke = Stroke::Dashed},
                            {.label = text("dot products, ", fixed(peak, 0), " GMAC/s"),
                             .color = "#64748b",
                             .points = {{ridge, peak}, {x.highest, peak}}}};
  for (auto& [name, points] : layers) {
    for (auto& point : points) point.second /= kGiga;
    curves.push_back({.label = name,
                      .color = palette()[(curves.size() - 2) % palette().size()],
                      .points = std::move(points),
                      .stroke = Stroke::None,
                      .marks = Marks::Dots});
  }
  Picture picture(640, 470, title);
  picture.chart({60, 60, 540, 340}, x, y, curves);
  return picture.text();
}

}  // namespace pact::cli
