// SPDX-License-Identifier: Apache-2.0
// Requantization in vectors, compiled once for each instruction set that includes it: 64-bit sums
// of the even channels and of the odd ones. A shifted sum fits 32 bits, so its low half is all of
// it and a logical shift does. Anonymous on purpose: every including file has its own copy.
//
// `Ops` are the instructions: a Vector of kChannels 32-bit elements, and a Mask of the channels
// that exist. Two vectors of sums are packed to one of words, [the first's | the second's].
#pragma once

#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

template <typename Ops>
struct Products {
  typename Ops::Vector even;
  typename Ops::Vector odd;
};

// One term of a vector of channels; its multipliers stay in registers.
template <typename Ops, typename T>
struct Term {
  const char* values;
  std::ptrdiff_t pixel_bytes;
  std::ptrdiff_t row_bytes;
  typename Ops::Mask mask;
  typename Ops::Vector even_multipliers;
  typename Ops::Vector odd_multipliers;

  Term(const RequantizeTerm& term, std::int64_t i, typename Ops::Mask channels)
      : values(static_cast<const char*>(term.values) + i * std::int64_t{sizeof(T)}),
        pixel_bytes(term.pixel_bytes),
        row_bytes(term.row_bytes),
        mask(channels),
        even_multipliers(Ops::load(term.multipliers + i, channels)),
        odd_multipliers(Ops::odd_elements(even_multipliers)) {}

  void add(const Pixel& pixel, Products<Ops>& sums) const {
    const T* at =
        reinterpret_cast<const T*>(values + pixel.row * row_bytes + pixel.column * pixel_bytes);
    const auto v = Ops::load(at, mask);
    sums.even = Ops::add(sums.even, Ops::multiply(v, even_multipliers));
    sums.odd = Ops::add(sums.odd, Ops::multiply(Ops::odd_elements(v), odd_multipliers));
  }
};

// Any terms, their multipliers read for every pixel.
template <typename Ops>
struct AnyTerms {
  const RequantizeTerm* terms;
  int count;
  std::int64_t i;
  typename Ops::Mask mask;

  void add(const Pixel& pixel, Products<Ops>& sums) const {
    for (int t = 0; t < count; ++t) {
      if (terms[t].type == TermType::Accumulators) {
        Term<Ops, std::int32_t>(terms[t], i, mask).add(pixel, sums);
      } else if (terms[t].type == TermType::Codes) {
        Term<Ops, std::uint8_t>(terms[t], i, mask).add(pixel, sums);
      } else {
        Term<Ops, std::int16_t>(terms[t], i, mask).add(pixel, sums);
      }
    }
  }
};

// The shifted sums of a pixel. kHigh: by 32 bits, so that they are the high halves.
template <typename Ops, bool kHigh, typename Add>
inline typename Ops::Vector shifted_sums(const Products<Ops>& offsets, int shift,
                                         const Pixel& pixel, const Add& add) {
  Products<Ops> sums = offsets;
  add(pixel, sums);
  if constexpr (kHigh) return Ops::high_halves(sums.even, sums.odd);
  return Ops::interleave(Ops::shift_right(sums.even, Ops::spread64(shift)),
                         Ops::shift_left(sums.odd, Ops::spread64(32 - shift)));
}

// All pixels of the channels from i on, two of a row at a time: what `add` adds for each, shifted
// and clamped. The last pixel of an odd number is done twice.
template <typename Ops, typename T, bool kHigh, typename Add>
inline void requantize_pixels(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask,
                              const Add& add) {
  const std::int64_t left = block.channels - i;
  const Products<Ops> offsets{Ops::load_offsets(block.even_offsets + i / 2, (left + 1) / 2),
                              Ops::load_offsets(block.odd_offsets + i / 2, left / 2)};
  const int shift = block.shift;
  const auto lowest = Ops::spread16(block.lowest);
  const auto highest = Ops::spread16(block.highest);
  char* target = static_cast<char*>(block.target) + i * std::int64_t{sizeof(T)};
  const std::ptrdiff_t pixel_bytes = block.pixel_bytes;
  const std::int64_t pixels = block.pixels;
  for (std::int64_t row = 0; row < block.rows; ++row) {
    char* row_target = target + row * block.row_bytes;
    for (std::int64_t pixel = 0; pixel < pixels; pixel += 2) {
      const std::int64_t next = pixel + 1 < pixels ? pixel + 1 : pixel;
      const auto first = shifted_sums<Ops, kHigh>(offsets, shift, {row, pixel}, add);
      const auto second = shifted_sums<Ops, kHigh>(offsets, shift, {row, next}, add);
      // Saturation to words changes nothing: the clamp is narrower.
      const auto words = Ops::clamp(Ops::pack(first, second), lowest, highest);
      Ops::store(reinterpret_cast<T*>(row_target + pixel * pixel_bytes),
                 reinterpret_cast<T*>(row_target + next * pixel_bytes), words, mask);
    }
  }
}
template <typename Ops, typename T, typename Add>
inline void requantize_pixels(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask,
                              const Add& add) {
  if (block.shift == 32) return requantize_pixels<Ops, T, true>(block, i, mask, add);
  requantize_pixels<Ops, T, false>(block, i, mask, add);
}

// Accumulators and values of another type.
template <typename Ops, typename T, typename Second>
inline void requantize_pair(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask) {
  const Term<Ops, std::int32_t> first(block.terms[0], i, mask);
  const Term<Ops, Second> second(block.terms[1], i, mask);
  requantize_pixels<Ops, T>(block, i, mask, [&](const Pixel& pixel, Products<Ops>& sums) {
    first.add(pixel, sums);
    second.add(pixel, sums);
  });
}

// The channels from i on, as many as a vector and `mask` hold.
template <typename Ops, typename T>
inline void requantize_vector(const RequantizeBlock& block, std::int64_t i,
                              typename Ops::Mask mask) {
  const RequantizeTerm* terms = block.terms;
  const bool usual = block.term_count > 0 && terms[0].type == TermType::Accumulators;
  if (usual && block.term_count == 1) {
    const Term<Ops, std::int32_t> term(terms[0], i, mask);
    requantize_pixels<Ops, T>(
        block, i, mask, [&](const Pixel& pixel, Products<Ops>& sums) { term.add(pixel, sums); });
  } else if (usual && block.term_count == 2) {
    if (terms[1].type == TermType::Accumulators) {
      requantize_pair<Ops, T, std::int32_t>(block, i, mask);
    } else if (terms[1].type == TermType::Codes) {
      requantize_pair<Ops, T, std::uint8_t>(block, i, mask);
    } else {
      requantize_pair<Ops, T, std::int16_t>(block, i, mask);
    }
  } else {
    const AnyTerms<Ops> any{terms, block.term_count, i, mask};
    requantize_pixels<Ops, T>(
        block, i, mask, [&](const Pixel& pixel, Products<Ops>& sums) { any.add(pixel, sums); });
  }
}

}  // namespace
}  // namespace pact::kernels
