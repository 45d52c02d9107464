// SPDX-License-Identifier: Apache-2.0
// The loops of floats.h, which compilers make vectors of, compiled once for each instruction set.
// Anonymous on purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/floats.h"
#include "pact/kernels/vector_types.h"

namespace pact::kernels {
namespace {

template <typename T, int kLanes>
using Lanes = typename Vector<T, static_cast<int>(sizeof(T)) * kLanes>::type;

template <typename T, int kLanes, typename From>
inline Lanes<T, kLanes> load_as(const From* from) {
  return __builtin_convertvector((load<Lanes<From, kLanes>>(from)), Lanes<T, kLanes>);
}

template <typename T, int kLanes>
inline Lanes<double, kLanes> products(const DequantizeOperands::Term& term, std::int64_t at,
                                      std::int64_t c) {
  const T* values = static_cast<const T*>(term.values) + at + c;
  const auto levels = load_as<std::int32_t, kLanes>(values) + term.lowest;
  return __builtin_convertvector(levels, Lanes<double, kLanes>) *
         load_as<double, kLanes>(term.scale + c);
}

// Channels from c on of the pixel that begins at `at`.
template <int kLanes>
inline void dequantize_at(const DequantizeOperands& o, std::int64_t at, std::int64_t c) {
  Lanes<double, kLanes> sums = {};
  for (int t = 0; t < o.term_count; ++t) {
    const DequantizeOperands::Term& term = o.terms[t];
    if (term.type == TermType::Accumulators) {
      sums += products<std::int32_t, kLanes>(term, at, c);
    } else if (term.type == TermType::Levels) {
      sums += products<std::int16_t, kLanes>(term, at, c);
    } else {
      sums += products<std::uint8_t, kLanes>(term, at, c);
    }
  }
  sums += load_as<double, kLanes>(o.offset + c);
  store(o.target + at + c, __builtin_convertvector(sums, Lanes<float, kLanes>));
}

// Calls body(at, c) for vectors of channels from c on of the pixels that begin at `at`. The last
// one of a pixel may overlap the one before it.
template <int kLanes, typename Body>
inline void for_each_vector(std::int64_t pixels, std::int64_t channels, const Body& body) {
  for (std::int64_t at = 0; at < pixels * channels; at += channels) {
    std::int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) body(at, c);
    if (c < channels) body(at, channels - kLanes);
  }
}

// Fewer channels than a vector holds go by narrower ones.
template <int kLanes>
void dequantize(const DequantizeOperands& o) {
  if constexpr (kLanes > 1) {
    if (o.channels < kLanes) return dequantize<kLanes / 2>(o);
  }
  for_each_vector<kLanes>(o.pixels, o.channels, [&](std::int64_t at, std::int64_t c) {
    dequantize_at<kLanes>(o, at, c);
  });
}

// numeric::quantize_level of vectors.
template <typename T, int kLanes>
void quantize(const QuantizeOperands<T>& o) {
  using Floats = Lanes<float, kLanes>;
  if constexpr (kLanes > 1) {
    if (o.channels < kLanes) return quantize<T, kLanes / 2>(o);
  }
  const Floats low = Floats{} + o.quantizer.low_clip;
  const Floats high = Floats{} + o.quantizer.high_clip;
  for_each_vector<kLanes>(o.pixels, o.channels, [&](std::int64_t at, std::int64_t c) {
    Floats scaled = load<Floats>(o.values + at + c) * load<Floats>(o.inverse + c);
    scaled = scaled > low ? scaled : low;
    scaled = scaled < high ? scaled : high;
    const auto levels =
        __builtin_convertvector(numeric::round_half_even(scaled), Lanes<std::int32_t, kLanes>);
    store(o.target + at + c, __builtin_convertvector(levels - o.base, Lanes<T, kLanes>));
  });
}

template <int kLanes>
void normalize(const NormalizeOperands& o) {
  using Doubles = Lanes<double, kLanes>;
  if constexpr (kLanes > 1) {
    if (o.channels < kLanes) return normalize<kLanes / 2>(o);
  }
  for_each_vector<kLanes>(o.pixels, o.channels, [&](std::int64_t at, std::int64_t c) {
    const Doubles centered =
        load_as<double, kLanes>(o.values + at + c) - load_as<double, kLanes>(o.mean + c);
    const Doubles scaled =
        centered * load<Doubles>(o.slope + c) + load_as<double, kLanes>(o.bias + c);
    store(o.target + at + c, __builtin_convertvector(scaled, Lanes<float, kLanes>));
  });
}

// kVectors of outputs, whose sums stay in registers.
template <int kLanes, int kVectors>
inline void dot_at(const FloatDotOperands& o, std::int64_t first) {
  using Doubles = Lanes<double, kLanes>;
  Doubles sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = load<Doubles>(o.sums + first + v * kLanes);
  const float* weights = o.weights + first;
  for (std::int64_t i = 0; i < o.count; ++i, weights += o.stride) {
    const auto value = static_cast<double>(o.values[i]);
    for (int v = 0; v < kVectors; ++v) {
      sums[v] += load_as<double, kLanes>(weights + v * kLanes) * value;
    }
  }
  for (int v = 0; v < kVectors; ++v) store(o.sums + first + v * kLanes, sums[v]);
}

template <int kLanes>
inline void dot_from(const FloatDotOperands& o, std::int64_t first) {
  for (; first + kLanes <= o.outputs; first += kLanes) dot_at<kLanes, 1>(o, first);
  if constexpr (kLanes > 1) dot_from<kLanes / 2>(o, first);
}

template <int kLanes>
void dot(const FloatDotOperands& o) {
  constexpr int kVectors = 8;
  std::int64_t first = 0;
  for (; first + kVectors * kLanes <= o.outputs; first += kVectors * kLanes) {
    dot_at<kLanes, kVectors>(o, first);
  }
  for (; first + 2 * kLanes <= o.outputs; first += 2 * kLanes) dot_at<kLanes, 2>(o, first);
  dot_from<kLanes>(o, first);
}

template <int kLanes>  // of doubles
constexpr FloatKernel float_kernel(const char* name, Isa isa) {
  return {.name = name,
          .isa = isa,
          .dequantize = &dequantize<kLanes>,
          .to_codes = &quantize<std::uint8_t, 2 * kLanes>,
          .to_levels = &quantize<std::int16_t, 2 * kLanes>,
          .normalize = &normalize<kLanes>,
          .dot = &dot<kLanes>};
}

}  // namespace
}  // namespace pact::kernels
