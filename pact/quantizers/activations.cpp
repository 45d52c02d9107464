// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/activations.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "pact/numeric/activations.h"
#include "pact/quantizers/clones.h"
#include "pact/quantizers/composed.h"

namespace pact::quantizers {
namespace {

using numeric::ActivationQuantizer;
using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// A dense tensor as memory holds it: [outer][channel][inner].
struct Layout {
  std::int64_t outer = 1;
  std::int64_t channels = 1;
  std::int64_t inner = 1;
};

// With one clip for all, memory is one long row.
Layout layout_of(const Tensor& x, std::int64_t clips) {
  if (clips == 1) return {1, 1, x.numel()};
  const std::int64_t channels = x.size(1);
  if (x.dim() == 4 && x.suggest_memory_format() == at::MemoryFormat::ChannelsLast) {
    return {x.numel() / channels, channels, 1};
  }
  return {x.size(0), channels, x.numel() / (x.size(0) * channels)};
}

Tensor dense(const Tensor& x) {
  return x.contiguous(x.dim() == 4 ? x.suggest_memory_format() : at::MemoryFormat::Contiguous);
}

Tensor dense_like(const Tensor& grad, const Tensor& x) {
  return grad.contiguous(x.dim() == 4 ? x.suggest_memory_format() : at::MemoryFormat::Contiguous);
}

// Work is cut into pieces of fixed size, so that sums do not depend on the number of threads.
constexpr std::int64_t kPiece = 1 << 15;

// Calls body(begin, end, channel, piece) for runs of neighbouring elements of one channel.
template <typename Body>
void for_each_run(const Layout& layout, const Body& body) {
  const std::int64_t rows = layout.outer * layout.channels;
  const std::int64_t pieces_per_row = (layout.inner + kPiece - 1) / kPiece;
  at::parallel_for(0, rows * pieces_per_row, pieces_per_row > 1 ? 1 : kPiece / layout.inner + 1,
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t piece = first; piece < last; ++piece) {
                       const std::int64_t row = piece / pieces_per_row;
                       const std::int64_t begin = (piece % pieces_per_row) * kPiece;
                       const std::int64_t end = std::min(begin + kPiece, layout.inner);
                       body(row * layout.inner + begin, row * layout.inner + end,
                            row % layout.channels, piece);
                     }
                   });
}

std::int64_t piece_count(const Layout& layout) {
  return layout.outer * layout.channels * ((layout.inner + kPiece - 1) / kPiece);
}

PACT_CLONES void widen(const at::BFloat16* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::bit_cast<float>(std::uint32_t{x[i].x} << 16);
}

// To the nearest, ties to even.
PACT_CLONES void narrow(const float* x, at::BFloat16* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    y[i].x = static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
  }
}

// Elements that are floats at a time.
constexpr std::int64_t kWidened = 2048;

PACT_CLONES void fake_quantize_run(const float* x, float* y, std::int64_t n,
                                   const ActivationQuantizer& q) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = numeric::fake_quantize(q, x[i]);
}

void fake_quantize_run(const at::BFloat16* x, at::BFloat16* y, std::int64_t n,
                       const ActivationQuantizer& q) {
  float in[kWidened];
  float out[kWidened];
  for (std::int64_t begin = 0; begin < n; begin += kWidened) {
    const std::int64_t count = std::min(kWidened, n - begin);
    widen(x + begin, in, count);
    fake_quantize_run(in, out, count, q);
    narrow(out, y + begin, count);
  }
}

template <typename T>
Tensor fake_quantize(const Tensor& x, const std::vector<ActivationQuantizer>& quantizers) {
  Tensor y = torch::empty_like(x);
  const T* in = x.data_ptr<T>();
  T* out = y.data_ptr<T>();
  const Layout layout = layout_of(x, static_cast<std::int64_t>(quantizers.size()));
  for_each_run(layout,
               [&](std::int64_t begin, std::int64_t end, std::int64_t channel, std::int64_t) {
                 fake_quantize_run(in + begin, out + begin, end - begin,
                                   quantizers[static_cast<std::size_t>(channel)]);
               });
  return y;
}

struct Clip {
  float low;
  float high;
  float inverse;          // 1 / step
  float residual_factor;  // 1 / n, or 0 to leave the residual out
};

// What a run adds to the gradients of its clips.
struct ClipSums {
  double high = 0;
  double low = 0;
};

// The sums go through small arrays: loops without a carried sum vectorise, and sixteen partial sums
// fix the order of addition.
constexpr std::int64_t kBlock = 512;
constexpr std::int64_t kLanes = 16;

// Gradient of x, and what each element adds to those of the clips. The paper's clip passes the
// gradient at x = low (kClosedLow); PACT+ and the two-sided forms do not.
template <bool kClosedLow>
inline __attribute__((always_inline)) void backward_elements(
    const float* __restrict x, const float* __restrict g, float* __restrict gx, std::int64_t n,
    const Clip clip, float* __restrict highs, float* __restrict lows) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float to_high = x[i] >= clip.high ? g[i] : 0.0F;
    const float to_low = (kClosedLow ? x[i] < clip.low : x[i] <= clip.low) ? g[i] : 0.0F;
    const float passed = g[i] - to_high - to_low;
    const float z = x[i] * clip.inverse;
    const float residual = (numeric::round_half_even(z) - z) * clip.residual_factor * passed;
    gx[i] = passed;
    highs[i] = to_high + residual;
    lows[i] = to_low - residual;
  }
}

inline __attribute__((always_inline)) void add_lanes(const float* __restrict values, std::int64_t n,
                                                     float* __restrict lanes) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
  }
}

template <bool kClosedLow>
inline __attribute__((always_inline)) ClipSums backward_loop(const float* x, const float* g,
                                                             float* gx, std::int64_t n,
                                                             const Clip& clip) {
  float highs[kBlock] = {};
  float lows[kBlock] = {};
  float high_lanes[kLanes] = {};
  float low_lanes[kLanes] = {};
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, n - begin);
    std::fill(highs + count, highs + kBlock, 0.0F);
    std::fill(lows + count, lows + kBlock, 0.0F);
    backward_elements<kClosedLow>(x + begin, g + begin, gx + begin, count, clip, highs, lows);
    add_lanes(highs, kBlock, high_lanes);
    add_lanes(lows, kBlock, low_lanes);
  }
  ClipSums sums;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    sums.high += static_cast<double>(high_lanes[lane]);
    sums.low += static_cast<double>(low_lanes[lane]);
  }
  return sums;
}

PACT_CLONES ClipSums backward_run_closed(const float* x, const float* g, float* gx, std::int64_t n,
                                         const Clip& clip) {
  return backward_loop<true>(x, g, gx, n, clip);
}
PACT_CLONES ClipSums backward_run_open(const float* x, const float* g, float* gx, std::int64_t n,
                                       const Clip& clip) {
  return backward_loop<false>(x, g, gx, n, clip);
}

ClipSums backward_run(const float* x, const float* g, float* gx, std::int64_t n, const Clip& clip,
                      bool closed) {
  return (closed ? backward_run_closed : backward_run_open)(x, g, gx, n, clip);
}

ClipSums backward_run(const at::BFloat16* x, const at::BFloat16* g, at::BFloat16* gx,
                      std::int64_t n, const Clip& clip, bool closed) {
  float in[kWidened];
  float upstream[kWidened];
  float out[kWidened];
  ClipSums sums;
  for (std::int64_t begin = 0; begin < n; begin += kWidened) {
    const std::int64_t count = std::min(kWidened, n - begin);
    widen(x + begin, in, count);
    widen(g + begin, upstream, count);
    const ClipSums some = backward_run(in, upstream, out, count, clip, closed);
    narrow(out, gx + begin, count);
    sums.high += some.high;
    sums.low += some.low;
  }
  return sums;
}

struct Gradients {
  Tensor x;
  Tensor high;  // {clips}
  Tensor low;
};

template <typename T>
Gradients backward(const Tensor& x, const Tensor& grad, const std::vector<Clip>& clips,
                   bool closed) {
  const auto count = static_cast<std::int64_t>(clips.size());
  const Layout layout = layout_of(x, count);
  const Tensor g = dense_like(grad, x);
  Gradients result{torch::empty_like(x), torch::zeros({count}), torch::zeros({count})};
  const T* in = x.data_ptr<T>();
  const T* upstream = g.data_ptr<T>();
  T* out = result.x.data_ptr<T>();
  const auto pieces = static_cast<std::size_t>(piece_count(layout));
  std::vector<ClipSums> sums(pieces);
  for_each_run(layout,
               [&](std::int64_t begin, std::int64_t end, std::int64_t channel, std::int64_t piece) {
                 sums[static_cast<std::size_t>(piece)] =
                     backward_run(in + begin, upstream + begin, out + begin, end - begin,
                                  clips[static_cast<std::size_t>(channel)], closed);
               });
  std::vector<ClipSums> total(clips.size());
  const std::size_t per_row = pieces / static_cast<std::size_t>(layout.outer * layout.channels);
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const std::size_t channel = (piece / per_row) % clips.size();
    total[channel].high += sums[piece].high;
    total[channel].low += sums[piece].low;
  }
  for (std::size_t c = 0; c < clips.size(); ++c) {
    result.high.data_ptr<float>()[c] = static_cast<float>(total[c].high);
    result.low.data_ptr<float>()[c] = static_cast<float>(total[c].low);
  }
  return result;
}

bool is_bf16(const Tensor& x) { return x.scalar_type() == torch::kBFloat16; }

Tensor fake_quantize(const Tensor& x, const std::vector<ActivationQuantizer>& quantizers) {
  return is_bf16(x) ? fake_quantize<at::BFloat16>(x, quantizers)
                    : fake_quantize<float>(x, quantizers);
}

Gradients backward(const Tensor& x, const Tensor& grad, const std::vector<Clip>& clips,
                   bool closed) {
  return is_bf16(x) ? backward<at::BFloat16>(x, grad, clips, closed)
                    : backward<float>(x, grad, clips, closed);
}

void check_input(const Tensor& x) {
  TORCH_CHECK((x.scalar_type() == torch::kFloat || is_bf16(x)) && x.dim() >= 2,
              "quantizer: expected an f32 or bf16 tensor of 2 or 4 dimensions, found ",
              x.toString());
}

float scalar(const Tensor& t) { return *t.data_ptr<float>(); }

class Pact : public torch::autograd::Function<Pact> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& alpha,
                        std::int64_t bits, bool plus) {
    check_input(input);
    const Tensor x = dense(input);
    context->save_for_backward({x, alpha});
    context->saved_data["bits"] = bits;
    context->saved_data["plus"] = plus;
    std::vector<ActivationQuantizer> quantizers;
    for (std::int64_t c = 0; c < alpha.numel(); ++c) {
      quantizers.push_back(
          numeric::pact_quantizer(static_cast<int>(bits), alpha.data_ptr<float>()[c]));
    }
    return fake_quantize(x, quantizers);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& alpha = saved[1];
    const float n = static_cast<float>((1 << context->saved_data["bits"].toInt()) - 1);
    const bool plus = context->saved_data["plus"].toBool();
    std::vector<Clip> clips;
    for (std::int64_t c = 0; c < alpha.numel(); ++c) {
      const float a = alpha.data_ptr<float>()[c];
      clips.push_back({0.0F, a, n / a, plus ? 1.0F / n : 0.0F});
    }
    const Gradients result = quantizers::backward(saved[0], gradients[0], clips, !plus);
    return {result.x, result.high, {}, {}};
  }
};

class TwoSided : public torch::autograd::Function<TwoSided> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& low,
                        const Tensor& high, std::int64_t bits, bool plus) {
    check_input(input);
    const Tensor x = dense(input);
    context->save_for_backward({x, low, high});
    context->saved_data["bits"] = bits;
    context->saved_data["plus"] = plus;
    return fake_quantize(
        x, {numeric::two_sided_quantizer(static_cast<int>(bits), scalar(low), scalar(high))});
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const float low = scalar(saved[1]);
    const float high = scalar(saved[2]);
    const float n = static_cast<float>((1 << context->saved_data["bits"].toInt()) - 1);
    const bool plus = context->saved_data["plus"].toBool();
    const Gradients result = quantizers::backward(
        saved[0], gradients[0], {{low, high, n / (high - low), plus ? 1.0F / n : 0.0F}}, false);
    return {result.x, result.low, result.high, {}, {}};
  }
};

class Stream : public torch::autograd::Function<Stream> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& range) {
    check_input(input);
    const Tensor x = dense(input);
    context->save_for_backward({x, range});
    return fake_quantize(x, {numeric::stream_quantizer(scalar(range))});
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const float range = std::nextafter(scalar(saved[1]), INFINITY);
    return {quantizers::backward(saved[0], gradients[0], {{-range, range, 0, 0}}, false).x, {}};
  }
};

}  // namespace

Tensor pact(const Tensor& x, const Tensor& alpha, int bits, Gradient gradient) {
  TORCH_CHECK(alpha.numel() == 1 || alpha.numel() == x.size(1), "pact: expected 1 or ", x.size(1),
              " alphas, found ", alpha.numel());
  if (!x.device().is_cpu()) return composed::pact(x, alpha, bits, gradient);
  return Pact::apply(x, alpha, static_cast<std::int64_t>(bits), gradient == Gradient::PactPlus);
}

Tensor two_sided(const Tensor& x, const Tensor& low, const Tensor& high, int bits,
                 Gradient gradient) {
  if (!x.device().is_cpu()) return composed::two_sided(x, low, high, bits, gradient);
  return TwoSided::apply(x, low, high, static_cast<std::int64_t>(bits),
                         gradient == Gradient::PactPlus);
}

Tensor stream(const Tensor& x, const Tensor& range) {
  if (!x.device().is_cpu()) return composed::stream(x, range);
  return Stream::apply(x, range);
}

}  // namespace pact::quantizers
