// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/activations.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "pact/numeric/activations.h"
#include "pact/quantizers/composed.h"
#include "pact/quantizers/elements.h"

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

constexpr std::int64_t kBlock = 512;  // values at a time

PACT_CLONES void fake_quantize_block(const float* x, float* y, std::int64_t n,
                                     const ActivationQuantizer& q) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = numeric::fake_quantize(q, x[i]);
}

template <typename T>
void fake_quantize_run(const T* x, T* y, std::int64_t n, const ActivationQuantizer& q) {
  float in[kBlock];
  float out[kBlock];
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, n - begin);
    prefetch(x + begin + kAhead, count);
    const float* values = as_floats(x + begin, in, count);
    write_floats(y + begin, out, count,
                 [&](float* levels) { fake_quantize_block(values, levels, count, q); });
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

// What a run adds to the gradients of its clips.
struct ClipSums {
  double high = 0;
  double low = 0;
};

// The sums go through small arrays: loops without a carried sum vectorise, and sixteen partial sums
// fix the order of addition.
constexpr std::int64_t kLanes = 16;

struct Lanes {
  float high[kLanes] = {};
  float low[kLanes] = {};
};

PACT_INLINE void add_lanes(const float* __restrict values, float* __restrict lanes) {
  for (std::int64_t i = 0; i < kBlock; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
  }
}

template <bool kClosedLow>
PACT_INLINE void backward_elements(const float* __restrict x, const float* __restrict g,
                                   float* __restrict gx, std::int64_t n, const Clip clip,
                                   Lanes& lanes) {
  float highs[kBlock];
  float lows[kBlock];
  for (std::int64_t i = 0; i < n; ++i) {
    const ElementGradient e = element_gradient<kClosedLow>(x[i], g[i], clip);
    gx[i] = e.passed;
    highs[i] = e.high;
    lows[i] = e.low;
  }
  std::fill(highs + n, highs + kBlock, 0.0F);
  std::fill(lows + n, lows + kBlock, 0.0F);
  add_lanes(highs, lanes.high);
  add_lanes(lows, lanes.low);
}

PACT_CLONES void backward_block(const float* x, const float* g, float* gx, std::int64_t n,
                                const Clip& clip, bool closed, Lanes& lanes) {
  closed ? backward_elements<true>(x, g, gx, n, clip, lanes)
         : backward_elements<false>(x, g, gx, n, clip, lanes);
}

template <typename T>
ClipSums backward_run(const T* x, const T* g, T* gx, std::int64_t n, const Clip& clip,
                      bool closed) {
  float in[kBlock];
  float upstream[kBlock];
  float out[kBlock];
  Lanes lanes;
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, n - begin);
    prefetch(x + begin + kAhead, count);
    prefetch(g + begin + kAhead, count);
    const float* values = as_floats(x + begin, in, count);
    const float* gradients = as_floats(g + begin, upstream, count);
    write_floats(gx + begin, out, count, [&](float* passed) {
      backward_block(values, gradients, passed, count, clip, closed, lanes);
    });
  }
  ClipSums sums;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    sums.high += static_cast<double>(lanes.high[lane]);
    sums.low += static_cast<double>(lanes.low[lane]);
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

// Magnitudes compare as their bits do, and what is not a number is above all others.
template <typename Bits>
PACT_INLINE Bits largest_of(const Bits* x, std::int64_t n) {
  constexpr auto kMagnitude = static_cast<Bits>(static_cast<Bits>(-1) >> 1);
  Bits largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    largest = std::max(largest, static_cast<Bits>(x[i] & kMagnitude));
  }
  return largest;
}

PACT_CLONES std::uint32_t largest_run(const std::uint32_t* x, std::int64_t n) {
  return largest_of(x, n);
}
PACT_CLONES std::uint16_t largest_run(const std::uint16_t* x, std::int64_t n) {
  return largest_of(x, n);
}

template <typename T>
float largest_magnitude(const Tensor& x) {
  using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint16_t>;
  const Layout layout = layout_of(x, 1);
  std::vector<Bits> largest(static_cast<std::size_t>(piece_count(layout)));
  const auto* bits = reinterpret_cast<const Bits*>(x.data_ptr<T>());
  for_each_run(layout, [&](std::int64_t begin, std::int64_t end, std::int64_t, std::int64_t piece) {
    largest[static_cast<std::size_t>(piece)] = largest_run(bits + begin, end - begin);
  });
  const std::uint32_t found = *std::max_element(largest.begin(), largest.end());
  return std::bit_cast<float>(sizeof(Bits) == 2 ? found << 16 : found);
}

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
  TORCH_CHECK(x.numel() > 0, "quantizer: expected elements, found none");
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
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& range,
                        Beyond beyond) {
    check_input(input);
    const Tensor x = dense(input);
    if (beyond == Beyond::Possible) context->save_for_backward({x, range});
    return fake_quantize(x, {numeric::stream_quantizer(scalar(range))});
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    if (saved.empty()) return {gradients[0], {}, {}};
    const float range = std::nextafter(scalar(saved[1]), INFINITY);
    return {quantizers::backward(saved[0], gradients[0], {{-range, range, 0, 0}}, false).x, {}, {}};
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

Tensor largest_magnitude(const Tensor& x) {
  if (!x.device().is_cpu()) return x.abs().max().to(torch::kFloat);
  check_input(x);
  const Tensor values = dense(x);
  return torch::full({}, is_bf16(values) ? largest_magnitude<at::BFloat16>(values)
                                         : largest_magnitude<float>(values));
}

Tensor stream(const Tensor& x, const Tensor& range, Beyond beyond) {
  if (!x.device().is_cpu()) return composed::stream(x, range);
  return Stream::apply(x, range, beyond);
}

}  // namespace pact::quantizers
