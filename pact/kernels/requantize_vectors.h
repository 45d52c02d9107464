// SPDX-License-Identifier: Apache-2.0
// Requantization in vectors, compiled once for each instruction set that includes it: 64-bit sums
// of the even channels and of the odd ones. A shifted sum fits 32 bits, so its low half is all of
// it and a logical shift does. Anonymous on purpose: every including file has its own copy.
//
// `Ops` are the instructions: a Vector of kChannels 32-bit elements, and a Mask of the channels
// that exist.
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
  typename Ops::Mask mask;
  typename Ops::Vector even_multipliers;
  typename Ops::Vector odd_multipliers;

  Term(const RequantizeTerm& term, std::int64_t i, typename Ops::Mask channels)
      : values(static_cast<const char*>(term.values) + i * std::int64_t{sizeof(T)}),
        pixel_bytes(term.pixel_bytes),
        mask(channels),
        even_multipliers(Ops::load(term.multipliers + i, channels)),
        odd_multipliers(Ops::odd_elements(even_multipliers)) {}

  void add(std::int64_t pixel, Products<Ops>& sums) const {
    const auto v = Ops::load(reinterpret_cast<const T*>(values + pixel * pixel_bytes), mask);
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

  void add(std::int64_t pixel, Products<Ops>& sums) const {
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

// All pixels of the channels from i on: what `add` adds for each, shifted and clamped.
template <typename Ops, typename T, typename Add>
inline void requantize_pixels(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask,
                              const Add& add) {
  const std::int64_t left = block.channels - i;
  const Products<Ops> offsets{Ops::load_offsets(block.even_offsets + i / 2, (left + 1) / 2),
                              Ops::load_offsets(block.odd_offsets + i / 2, left / 2)};
  const auto even_shift = Ops::spread64(block.shift);
  const auto odd_shift = Ops::spread64(32 - block.shift);
  const auto lowest = Ops::spread32(block.lowest);
  const auto highest = Ops::spread32(block.highest);
  const auto base = Ops::spread32(sizeof(T) == 1 ? block.lowest : 0);
  char* target = static_cast<char*>(block.target) + i * std::int64_t{sizeof(T)};
  const std::ptrdiff_t pixel_bytes = block.pixel_bytes;
  const std::int64_t pixels = block.pixels;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    Products<Ops> sums = offsets;
    add(pixel, sums);
    const auto levels = Ops::interleave(Ops::shift_right(sums.even, even_shift),
                                        Ops::shift_left(sums.odd, odd_shift));
    Ops::store(reinterpret_cast<T*>(target + pixel * pixel_bytes),
               Ops::subtract(Ops::clamp(levels, lowest, highest), base), mask);
  }
}

// Accumulators and values of another type.
template <typename Ops, typename T, typename Second>
inline void requantize_pair(const RequantizeBlock& block, std::int64_t i, typename Ops::Mask mask) {
  const Term<Ops, std::int32_t> first(block.terms[0], i, mask);
  const Term<Ops, Second> second(block.terms[1], i, mask);
  requantize_pixels<Ops, T>(block, i, mask, [&](std::int64_t pixel, Products<Ops>& sums) {
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
        block, i, mask, [&](std::int64_t pixel, Products<Ops>& sums) { term.add(pixel, sums); });
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
        block, i, mask, [&](std::int64_t pixel, Products<Ops>& sums) { any.add(pixel, sums); });
  }
}

}  // namespace
}  // namespace pact::kernels
