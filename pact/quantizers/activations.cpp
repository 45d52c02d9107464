// SPDX-License-Identifier: Apache-2.0
#include "pact/quantizers/activations.h"

#include <ATen/Parallel.h>

#include <vector>

#include "pact/numeric/activations.h"
#include "pact/quantizers/clones.h"

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

PACT_CLONES void fake_quantize_run(const float* x, float* y, std::int64_t n,
                                   const ActivationQuantizer& q) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = numeric::fake_quantize(q, x[i]);
}

Tensor fake_quantize(const Tensor& x, const std::vector<ActivationQuantizer>& quantizers) {
  Tensor y = torch::empty_like(x);
  const float* in = x.data_ptr<float>();
  float* out = y.data_ptr<float>();
  const Layout layout = layout_of(x, static_cast<std::int64_t>(quantizers.size()));
  for_each_run(layout, [&](std::int64_t begin, std::int64_t end, std::int64_t channel, std::int64_t) {
    fake_quantize_run(in + begin, out + begin, end - begin,
                      quantizers[static_cast<std::size_t>(channel)]);
  });
  return y;
}

// Eight partial sums let the loops below vectorise and fix the order of addition.
constexpr int kLanes = 8;
using Lanes = float[kLanes];

double sum(const Lanes& lanes) {
  double total = 0;
  for (const float lane : lanes) total += lane;
  return total;
}

struct Clip {
  float low;
  float high;
  float inverse;  // 1 / step
  float residual_factor;  // 1 / n, or 0 to leave the residual out
};

// One element: gradient of x, and what it adds to the gradients of high and low.
template <bool kClosedLow>
inline float backward_element(float x, float g, const Clip& clip, float& high, float& low) {
  const bool above = x >= clip.high;
  const bool below = kClosedLow ? x < clip.low : x <= clip.low;
  const float z = x * clip.inverse;
  const float residual = (numeric::round_half_even(above || below ? 0.0F : z) -
                          (above || below ? 0.0F : z)) * clip.residual_factor * g;
  high += above ? g : residual;
  low += below ? g : -residual;
  return above || below ? 0.0F : g;
}

template <bool kClosedLow>
inline void backward_loop(const float* x, const float* g, float* gx, std::int64_t n, const Clip& clip,
                          double& high, double& low) {
  Lanes highs{};
  Lanes lows{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      gx[i + lane] =
          backward_element<kClosedLow>(x[i + lane], g[i + lane], clip, highs[lane], lows[lane]);
    }
  }
  for (; i < n; ++i) gx[i] = backward_element<kClosedLow>(x[i], g[i], clip, highs[0], lows[0]);
  high = sum(highs);
  low = sum(lows);
}

// The paper's clip passes the gradient at x = 0; PACT+ and the two-sided forms do not.
PACT_CLONES void backward_run_closed(const float* x, const float* g, float* gx, std::int64_t n,
                                     const Clip& clip, double& high, double& low) {
  backward_loop<true>(x, g, gx, n, clip, high, low);
}
PACT_CLONES void backward_run_open(const float* x, const float* g, float* gx, std::int64_t n,
                                   const Clip& clip, double& high, double& low) {
  backward_loop<false>(x, g, gx, n, clip, high, low);
}

struct Gradients {
  Tensor x;
  Tensor high;  // {clips}
  Tensor low;
};

Gradients backward(const Tensor& x, const Tensor& grad, const std::vector<Clip>& clips, bool closed) {
  const auto count = static_cast<std::int64_t>(clips.size());
  const Layout layout = layout_of(x, count);
  const Tensor g = dense_like(grad, x);
  Gradients result{torch::empty_like(x), torch::zeros({count}), torch::zeros({count})};
  const float* in = x.data_ptr<float>();
  const float* upstream = g.data_ptr<float>();
  float* out = result.x.data_ptr<float>();
  const auto pieces = static_cast<std::size_t>(piece_count(layout));
  std::vector<double> highs(pieces);
  std::vector<double> lows(pieces);
  for_each_run(layout, [&](std::int64_t begin, std::int64_t end, std::int64_t channel,
                           std::int64_t piece) {
    const auto run = closed ? backward_run_closed : backward_run_open;
    run(in + begin, upstream + begin, out + begin, end - begin,
        clips[static_cast<std::size_t>(channel)], highs[static_cast<std::size_t>(piece)],
        lows[static_cast<std::size_t>(piece)]);
  });
  std::vector<double> high(clips.size());
  std::vector<double> low(clips.size());
  const std::size_t per_row = pieces / static_cast<std::size_t>(layout.outer * layout.channels);
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const std::size_t channel = (piece / per_row) % clips.size();
    high[channel] += highs[piece];
    low[channel] += lows[piece];
  }
  for (std::size_t c = 0; c < clips.size(); ++c) {
    result.high.data_ptr<float>()[c] = static_cast<float>(high[c]);
    result.low.data_ptr<float>()[c] = static_cast<float>(low[c]);
  }
  return result;
}

void check_input(const Tensor& x) {
  TORCH_CHECK(x.device().is_cpu() && x.scalar_type() == torch::kFloat && x.dim() >= 2,
              "quantizer: expected an f32 CPU tensor of 2 or 4 dimensions, found ", x.toString());
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
    const Gradients result =
        quantizers::backward(saved[0], gradients[0],
                             {{low, high, n / (high - low), plus ? 1.0F / n : 0.0F}}, false);
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
  return Pact::apply(x, alpha, static_cast<std::int64_t>(bits), gradient == Gradient::PactPlus);
}

Tensor two_sided(const Tensor& x, const Tensor& low, const Tensor& high, int bits,
                 Gradient gradient) {
  return TwoSided::apply(x, low, high, static_cast<std::int64_t>(bits),
                         gradient == Gradient::PactPlus);
}

Tensor stream(const Tensor& x, const Tensor& range) { return Stream::apply(x, range); }

}  // namespace pact::quantizers
