// SPDX-License-Identifier: Apache-2.0
// Requantization to codes in floats, compiled once for each instruction set that includes it. A
// float has too few bits to be right always, but enough to know when it is: sums are taken in units
// of 2^-fraction_bits levels, too large by less than one unit (`float_fraction_bits`), so only one
// that comes to a whole level may belong below it. The few pixels with such a sum are done again in
// integers. Anonymous on purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/requantize_vectors.h"

namespace pact::kernels {
namespace {

inline constexpr int kPixelsInFloats = 4;  // at a time

// What lies at `pixel_bytes` from pixel to pixel, four pixels at a time. Where fewer are left, the
// last one is done several times.
struct FourPixels {
  std::ptrdiff_t at[kPixelsInFloats];

  FourPixels(std::ptrdiff_t pixel_bytes, std::int64_t left) : at{} {
    for (int p = 1; p < kPixelsInFloats; ++p) at[p] = at[p - 1] + (p < left ? pixel_bytes : 0);
  }
};

// One term of a vector of channels.
template <typename Ops, typename T>
struct FloatTerm {
  const char* values;
  std::ptrdiff_t pixel_bytes;
  std::ptrdiff_t row_bytes;
  typename Ops::Mask mask;
  typename Ops::Floats multipliers;

  FloatTerm(const RequantizeTerm& term, std::int64_t i, typename Ops::Mask channels)
      : values(static_cast<const char*>(term.values) + i * std::int64_t{sizeof(T)}),
        pixel_bytes(term.pixel_bytes),
        row_bytes(term.row_bytes),
        mask(channels),
        multipliers(Ops::load_floats(term.float_multipliers + i, channels, 0)) {}

  void next_row() { values += row_bytes; }

  void add_to(typename Ops::Floats (&sums)[kPixelsInFloats], std::int64_t pixel,
              std::int64_t left) const {
    const FourPixels pixels(pixel_bytes, left);
    const char* first = values + pixel * pixel_bytes;
    for (int p = 0; p < kPixelsInFloats; ++p) {
      const auto v = Ops::load(reinterpret_cast<const T*>(first + pixels.at[p]), mask);
      sums[p] = Ops::multiply_add(Ops::to_floats(v), multipliers, sums[p]);
    }
  }
};

// The same pixels of the channels from i on, in integers.
template <typename Ops>
[[gnu::noinline, gnu::cold]] void requantize_in_integers(const RequantizeBlock& block,
                                                         std::int64_t i, typename Ops::Mask mask,
                                                         const Pixel& pixel, std::int64_t pixels) {
  RequantizeTerm terms[kMostFloatTerms];
  for (int t = 0; t < block.term_count; ++t) {
    terms[t] = block.terms[t];
    terms[t].values = static_cast<const char*>(terms[t].values) + pixel.row * terms[t].row_bytes +
                      pixel.column * terms[t].pixel_bytes;
  }
  RequantizeBlock part = block;
  part.terms = terms;
  part.target = static_cast<char*>(block.target) + pixel.row * block.row_bytes +
                pixel.column * block.pixel_bytes;
  part.pixels = pixels;
  part.rows = 1;
  requantize_vector<Ops, std::uint8_t>(part, i, mask);
}

// All pixels of the channels from i on; `add` adds the terms of four pixels to their offsets.
template <typename Ops, typename Add, typename NextRow>
inline void requantize_floats(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask,
                              const Add& add, const NextRow& next_row) {
  const int bits = block.fraction_bits;
  // Channels that do not exist are half way between two levels.
  const auto offsets =
      Ops::load_floats(block.float_offsets + i, mask, static_cast<float>(1 << (bits - 1)));
  const auto fraction = Ops::spread16((1 << bits) - 1);
  const auto highest = Ops::spread8(block.highest);
  auto* target = static_cast<std::uint8_t*>(block.target) + i;
  const std::int64_t pixels = block.pixels;
  const auto requantize_four = [&](const Pixel& pixel, std::int64_t left) {
    typename Ops::Floats sums[kPixelsInFloats] = {offsets, offsets, offsets, offsets};
    add(sums, pixel.column, left);
    // What is negative, or above the highest level, comes to a sure sum of the first or last one.
    const auto first = Ops::sure_words(sums[0], sums[1]);
    const auto second = Ops::sure_words(sums[2], sums[3]);
    if (Ops::any_zero(first, second, fraction)) [[unlikely]] {
      return requantize_in_integers<Ops>(block, i, mask, pixel, left);
    }
    const FourPixels to(block.pixel_bytes, left);
    Ops::store(target + pixel.column * block.pixel_bytes, to.at,
               Ops::min8(Ops::shifted_bytes(first, second, bits), highest), mask);
  };
  for (std::int64_t row = 0; row < block.rows; ++row) {
    if (row > 0) {
      target += block.row_bytes;
      next_row();
    }
    std::int64_t pixel = 0;
    for (; pixel + kPixelsInFloats <= pixels; pixel += kPixelsInFloats) {
      requantize_four({row, pixel}, kPixelsInFloats);
    }
    if (pixel < pixels) requantize_four({row, pixel}, pixels - pixel);
  }
}

template <typename Ops, typename Second>
inline void requantize_float_pair(const RequantizeBlock& block, std::int64_t i,
                                  typename Ops::Mask mask) {
  FloatTerm<Ops, std::int32_t> first(block.terms[0], i, mask);
  FloatTerm<Ops, Second> second(block.terms[1], i, mask);
  const auto add = [&](auto& sums, std::int64_t pixel, std::int64_t left) {
    second.add_to(sums, pixel, left);
    first.add_to(sums, pixel, left);
  };
  requantize_floats<Ops>(block, i, mask, add, [&] {
    first.next_row();
    second.next_row();
  });
}

template <typename Ops>
inline void requantize_codes_in_floats(const RequantizeBlock& block, std::int64_t i,
                                       typename Ops::Mask mask) {
  if (block.term_count == 1) {
    FloatTerm<Ops, std::int32_t> term(block.terms[0], i, mask);
    const auto add = [&](auto& sums, std::int64_t pixel, std::int64_t left) {
      term.add_to(sums, pixel, left);
    };
    requantize_floats<Ops>(block, i, mask, add, [&] { term.next_row(); });
  } else if (block.terms[1].type == TermType::Accumulators) {
    requantize_float_pair<Ops, std::int32_t>(block, i, mask);
  } else if (block.terms[1].type == TermType::Codes) {
    requantize_float_pair<Ops, std::uint8_t>(block, i, mask);
  } else {
    requantize_float_pair<Ops, std::int16_t>(block, i, mask);
  }
}

// The channels from i on, as many as a vector and `mask` hold: to codes in floats where the block
// has them, else in integers.
template <typename Ops, typename T>
inline void requantize(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask) {
  if constexpr (sizeof(T) == 1) {
    if (block.fraction_bits > 0) return requantize_codes_in_floats<Ops>(block, i, mask);
  }
  requantize_vector<Ops, T>(block, i, mask);
}

}  // namespace
}  // namespace pact::kernels
