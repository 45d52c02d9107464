// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/normalized.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "pact/numeric/activations.h"
#include "pact/quantizers/clones.h"
#include "pact/quantizers/elements.h"

namespace pact::quantizers {
namespace {

using numeric::ActivationQuantizer;
using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Memory of a channels-last tensor is rows of one value a channel. Whole rows are taken together
// until there are about kRun values, a run, and what belongs to a channel is repeated as often: so
// loops over a run do not ask for the channel. Pieces of runs are what threads share, and what
// sums are taken over, of a size that does not depend on the number of threads.
constexpr std::int64_t kRun = 512;
constexpr std::int64_t kRunsPerPiece = 256;

struct Rows {
  std::int64_t channels;
  std::int64_t count;
  std::int64_t run() const { return channels * std::max<std::int64_t>(kRun / channels, 1); }
  std::int64_t size() const { return channels * count; }
  std::int64_t pieces() const {
    const std::int64_t piece = run() * kRunsPerPiece;
    return (size() + piece - 1) / piece;
  }
};

Rows rows_of(const Tensor& x) { return {x.size(1), x.numel() / x.size(1)}; }

// Calls body(begin, end, piece); each piece begins with a whole row.
template <typename Body>
void for_each_piece(const Rows& rows, const Body& body) {
  const std::int64_t length = rows.run() * kRunsPerPiece;
  at::parallel_for(0, rows.pieces(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t piece = first; piece < last; ++piece) {
      body(piece * length, std::min((piece + 1) * length, rows.size()), piece);
    }
  });
}

// One value a channel, over a run.
using Table = std::vector<float>;

Table repeated(const std::vector<double>& of_channels, const Rows& rows) {
  Table table(static_cast<std::size_t>(rows.run()));
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<float>(of_channels[i % of_channels.size()]);
  }
  return table;
}

// Sums over a channel: over pieces and places of a run, in that order.
class ChannelSums {
 public:
  explicit ChannelSums(const Rows& rows)
      : rows_(rows), lanes_(static_cast<std::size_t>(rows.pieces() * rows.run())) {}

  float* lanes(std::int64_t piece) { return lanes_.data() + piece * rows_.run(); }

  std::vector<double> total() const {
    std::vector<double> sums(static_cast<std::size_t>(rows_.channels));
    for (auto lane = lanes_.begin(); lane < lanes_.end();) {
      for (double& sum : sums) sum += static_cast<double>(*lane++);
    }
    return sums;
  }

 private:
  Rows rows_;
  std::vector<float> lanes_;
};

// Room for the values of a run as floats, where a tensor has others.
class Room {
 public:
  explicit Room(std::int64_t run) : run_(run), floats_(static_cast<std::size_t>(3 * run)) {}
  float* operator[](int i) { return floats_.data() + i * run_; }

 private:
  std::int64_t run_;
  std::vector<float> floats_;
};

// Calls body(begin, count, room) for the runs from `begin` to `end`.
template <typename Body>
void for_each_run(std::int64_t run, std::int64_t begin, std::int64_t end, const Body& body) {
  Room room(run);
  for (; begin < end; begin += run) body(begin, std::min(run, end - begin), room);
}

// Differences from `origin`, and their squares.
PACT_CLONES void add_moments(const float* __restrict x, std::int64_t n,
                             const float* __restrict origin, float* __restrict sums,
                             float* __restrict squares) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float d = x[i] - origin[i];
    sums[i] += d;
    squares[i] += d * d;
  }
}

struct Statistics {
  std::vector<double> mean;
  std::vector<double> inverse_deviation;
};

// What both directions know of a channel: batch norm is x * scale + shift.
struct Tables {
  Tables(const Statistics& statistics, const Tensor& weight, const Tensor& bias, const Rows& rows)
      : mean(repeated(statistics.mean, rows)) {
    std::vector<double> scales;
    std::vector<double> shifts;
    for (std::size_t c = 0; c < statistics.mean.size(); ++c) {
      scales.push_back(statistics.inverse_deviation[c] *
                       static_cast<double>(weight.data_ptr<float>()[c]));
      shifts.push_back(static_cast<double>(bias.data_ptr<float>()[c]) -
                       statistics.mean[c] * scales.back());
    }
    scale = repeated(scales, rows);
    shift = repeated(shifts, rows);
  }

  Table mean;
  Table scale;
  Table shift;
};

template <typename T>
struct Moments {
  ChannelSums sums;
  ChannelSums squares;

  Moments(const T* x, const Rows& rows, const Table& origin) : sums(rows), squares(rows) {
    for_each_piece(rows, [&](std::int64_t first, std::int64_t last, std::int64_t piece) {
      const auto add = [&](std::int64_t begin, std::int64_t n, Room& room) {
        prefetch(x + begin + kAhead, n);
        add_moments(as_floats(x + begin, room[0], n), n, origin.data(), sums.lanes(piece),
                    squares.lanes(piece));
      };
      for_each_run(rows.run(), first, last, add);
    });
  }
};

// The first row is the origin, which keeps squares small where a channel lies far from zero.
template <typename T>
Statistics statistics_of(const Tensor& x, const BatchNormTensors& norm) {
  const Rows rows = rows_of(x);
  const T* values = x.data_ptr<T>();
  std::vector<double> origin;
  for (std::int64_t c = 0; c < rows.channels; ++c) {
    origin.push_back(static_cast<double>(static_cast<float>(values[c])));
  }
  const Moments<T> moments(values, rows, repeated(origin, rows));
  const auto count = static_cast<double>(rows.count);
  const std::vector<double> sum = moments.sums.total();
  const std::vector<double> square = moments.squares.total();
  Statistics result;
  for (std::size_t c = 0; c < sum.size(); ++c) {
    const double mean = sum[c] / count;
    const double variance = std::max(square[c] / count - mean * mean, 0.0);
    result.mean.push_back(origin[c] + mean);
    result.inverse_deviation.push_back(1 / std::sqrt(variance + norm.epsilon));
    const auto move = [&](const Tensor& running, double value) {
      float& kept = running.data_ptr<float>()[c];
      kept = static_cast<float>((1 - norm.momentum) * static_cast<double>(kept) +
                                norm.momentum * value);
    };
    move(norm.running_mean, result.mean.back());
    move(norm.running_var, variance * count / (count - 1));
  }
  return result;
}

PACT_CLONES void quantize_rows(const float* __restrict x, float* __restrict y, std::int64_t n,
                               const float* __restrict scale, const float* __restrict shift,
                               const ActivationQuantizer& q) {
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] = numeric::fake_quantize(q, x[i] * scale[i] + shift[i]);
  }
}

template <typename T>
Tensor forward(const Tensor& x, const Tables& tables, const ActivationQuantizer& q) {
  const Rows rows = rows_of(x);
  Tensor y = torch::empty_like(x);
  const T* in = x.data_ptr<T>();
  T* out = y.data_ptr<T>();
  for_each_piece(rows, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    const auto write = [&](std::int64_t begin, std::int64_t n, Room& room) {
      prefetch(in + begin + kAhead, n);
      prefetch<1>(out + begin + kAhead, n);
      const float* values = as_floats(in + begin, room[0], n);
      write_floats(out + begin, room[1], n, [&](float* levels) {
        quantize_rows(values, levels, n, tables.scale.data(), tables.shift.data(), q);
      });
    };
    for_each_run(rows.run(), first, last, write);
  });
  return y;
}

// What the gradients of a channel are made of: of what passes the clip, of that times (x - mean),
// and of the clip itself.
struct Sums {
  explicit Sums(const Rows& rows) : passed(rows), times_x(rows), alpha(rows) {}
  ChannelSums passed;
  ChannelSums times_x;
  ChannelSums alpha;
};

template <bool kClosedLow>
PACT_INLINE void sums_loop(const float* __restrict x, const float* __restrict g, std::int64_t n,
                           const float* __restrict mean, const float* __restrict scale,
                           const float* __restrict shift, const Clip clip, float* __restrict passed,
                           float* __restrict times_x, float* __restrict alpha) {
  for (std::int64_t i = 0; i < n; ++i) {
    const ElementGradient e = element_gradient<kClosedLow>(x[i] * scale[i] + shift[i], g[i], clip);
    passed[i] += e.passed;
    times_x[i] += e.passed * (x[i] - mean[i]);
    alpha[i] += e.high;
  }
}

PACT_CLONES void add_sums(const float* x, const float* g, std::int64_t n, const Tables& t,
                          const Clip& clip, bool closed, Sums& sums, std::int64_t piece) {
  float* passed = sums.passed.lanes(piece);
  float* times_x = sums.times_x.lanes(piece);
  float* alpha = sums.alpha.lanes(piece);
  if (closed) {
    sums_loop<true>(x, g, n, t.mean.data(), t.scale.data(), t.shift.data(), clip, passed, times_x,
                    alpha);
  } else {
    sums_loop<false>(x, g, n, t.mean.data(), t.scale.data(), t.shift.data(), clip, passed, times_x,
                     alpha);
  }
}

// The gradient of x is scale * passed + slope * (x - mean) + level.
template <bool kClosedLow>
PACT_INLINE void gradient_loop(const float* __restrict x, const float* __restrict g,
                               float* __restrict gx, std::int64_t n, const float* __restrict mean,
                               const float* __restrict scale, const float* __restrict shift,
                               const float* __restrict slope, const float* __restrict level,
                               const Clip clip) {
  for (std::int64_t i = 0; i < n; ++i) {
    const ElementGradient e = element_gradient<kClosedLow>(x[i] * scale[i] + shift[i], g[i], clip);
    gx[i] = scale[i] * e.passed + slope[i] * (x[i] - mean[i]) + level[i];
  }
}

PACT_CLONES void write_gradient(const float* x, const float* g, float* gx, std::int64_t n,
                                const Tables& t, const Table& slope, const Table& level,
                                const Clip& clip, bool closed) {
  if (closed) {
    gradient_loop<true>(x, g, gx, n, t.mean.data(), t.scale.data(), t.shift.data(), slope.data(),
                        level.data(), clip);
  } else {
    gradient_loop<false>(x, g, gx, n, t.mean.data(), t.scale.data(), t.shift.data(), slope.data(),
                         level.data(), clip);
  }
}

Tensor floats(const std::vector<double>& values) {
  Tensor result = torch::empty({static_cast<std::int64_t>(values.size())});
  std::transform(values.begin(), values.end(), result.data_ptr<float>(),
                 [](double value) { return static_cast<float>(value); });
  return result;
}

std::vector<double> doubles(const Tensor& tensor) {
  return {tensor.data_ptr<double>(), tensor.data_ptr<double>() + tensor.numel()};
}

struct NormalizedGradients {
  Tensor x;
  Tensor weight;
  Tensor bias;
  Tensor alpha;
};

template <typename T>
class Backward {
 public:
  Backward(const Tensor& x, const Tensor& grad, const Tables& tables, const Clip& clip, bool closed)
      : rows_(rows_of(x)), x_(x), grad_(grad), tables_(tables), clip_(clip), closed_(closed) {}

  NormalizedGradients run(const Statistics& statistics) const {
    const Sums sums = sums_of_channels();
    const std::vector<double> passed = sums.passed.total();
    const std::vector<double> times_x = sums.times_x.total();
    const std::vector<double> alpha = sums.alpha.total();
    const auto count = static_cast<double>(rows_.count);
    std::vector<double> weight;
    std::vector<double> slope;
    std::vector<double> level;
    for (std::size_t c = 0; c < passed.size(); ++c) {
      const double inverse = statistics.inverse_deviation[c];
      const auto scale = static_cast<double>(tables_.scale[c]);
      weight.push_back(times_x[c] * inverse);
      slope.push_back(-scale * inverse * weight[c] / count);
      level.push_back(-scale * passed[c] / count);
    }
    const double of_alpha = std::accumulate(alpha.begin(), alpha.end(), 0.0);
    return {gradient_of_x(repeated(slope, rows_), repeated(level, rows_)), floats(weight),
            floats(passed), floats({of_alpha})};
  }

 private:
  Sums sums_of_channels() const {
    Sums sums(rows_);
    for_each_pair([&](std::int64_t piece, std::int64_t, std::int64_t n, const float* x,
                      const float* g,
                      Room&) { add_sums(x, g, n, tables_, clip_, closed_, sums, piece); });
    return sums;
  }

  Tensor gradient_of_x(const Table& slope, const Table& level) const {
    Tensor result = torch::empty_like(x_);
    T* out = result.data_ptr<T>();
    for_each_pair([&](std::int64_t, std::int64_t begin, std::int64_t n, const float* x,
                      const float* g, Room& room) {
      prefetch<1>(out + begin + kAhead, n);
      write_floats(out + begin, room[2], n, [&](float* gx) {
        write_gradient(x, g, gx, n, tables_, slope, level, clip_, closed_);
      });
    });
    return result;
  }

  // Calls body(piece, begin, count, x, upstream gradient, room) for each run.
  template <typename Body>
  void for_each_pair(const Body& body) const {
    const T* x = x_.data_ptr<T>();
    const T* g = grad_.data_ptr<T>();
    for_each_piece(rows_, [&](std::int64_t first, std::int64_t last, std::int64_t piece) {
      for_each_run(rows_.run(), first, last, [&](std::int64_t begin, std::int64_t n, Room& room) {
        prefetch(x + begin + kAhead, n);
        prefetch(g + begin + kAhead, n);
        body(piece, begin, n, as_floats(x + begin, room[0], n), as_floats(g + begin, room[1], n),
             room);
      });
    });
  }

  Rows rows_;
  const Tensor& x_;
  const Tensor& grad_;
  const Tables& tables_;
  const Clip& clip_;
  bool closed_;
};

Tensor channels_last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

class NormalizedPact : public torch::autograd::Function<NormalizedPact> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight,
                        const Tensor& bias, const Tensor& alpha, const BatchNormTensors& norm,
                        std::int64_t bits, bool plus) {
    const Tensor x = channels_last(input);
    const Statistics statistics =
        is_bf16(x) ? statistics_of<at::BFloat16>(x, norm) : statistics_of<float>(x, norm);
    context->save_for_backward({x, weight, bias, alpha,
                                torch::tensor(statistics.mean, torch::kDouble),
                                torch::tensor(statistics.inverse_deviation, torch::kDouble)});
    context->saved_data["bits"] = bits;
    context->saved_data["plus"] = plus;
    const Tables tables(statistics, weight, bias, rows_of(x));
    const ActivationQuantizer q =
        numeric::pact_quantizer(static_cast<int>(bits), *alpha.data_ptr<float>());
    return is_bf16(x) ? quantizers::forward<at::BFloat16>(x, tables, q)
                      : quantizers::forward<float>(x, tables, q);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Statistics statistics{doubles(saved[4]), doubles(saved[5])};
    const Tables tables(statistics, saved[1], saved[2], rows_of(x));
    const float n = static_cast<float>((1 << context->saved_data["bits"].toInt()) - 1);
    const float alpha = *saved[3].data_ptr<float>();
    const bool plus = context->saved_data["plus"].toBool();
    const Clip clip{0.0F, alpha, n / alpha, plus ? 1.0F / n : 0.0F};
    const Tensor g = channels_last(gradients[0]);
    const NormalizedGradients found =
        is_bf16(x) ? Backward<at::BFloat16>(x, g, tables, clip, !plus).run(statistics)
                   : Backward<float>(x, g, tables, clip, !plus).run(statistics);
    return {found.x, found.weight, found.bias, found.alpha, {}, {}, {}};
  }
};

}  // namespace

Tensor normalized_pact(const Tensor& x, const BatchNormTensors& norm, const Tensor& alpha, int bits,
                       Gradient gradient) {
  TORCH_CHECK(x.dim() == 4 && (x.scalar_type() == torch::kFloat || is_bf16(x)),
              "normalized_pact: expected an f32 or bf16 tensor of 4 dimensions, found ",
              x.toString());
  TORCH_CHECK(x.device().is_cpu(), "normalized_pact: expected a tensor on the CPU");
  TORCH_CHECK(alpha.numel() == 1, "normalized_pact: expected 1 alpha, found ", alpha.numel());
  for (const Tensor& t : {norm.weight, norm.bias, norm.running_mean, norm.running_var}) {
    TORCH_CHECK(t.numel() == x.size(1), "normalized_pact: expected ", x.size(1),
                " values of batch norm, found ", t.numel());
  }
  TORCH_CHECK(x.numel() > x.size(1), "normalized_pact: expected more than one value a channel");
  return NormalizedPact::apply(x, norm.weight, norm.bias, alpha, norm,
                               static_cast<std::int64_t>(bits), gradient == Gradient::PactPlus);
}

}  // namespace pact::quantizers
