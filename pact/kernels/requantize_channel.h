// SPDX-License-Identifier: Apache-2.0
// Requantization of one channel of one pixel: the scalar kernel, and what is left over by vectors.
// Anonymous on purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

template <typename T>
const T* values_at(const RequantizeTerm& term, const Pixel& pixel) {
  return reinterpret_cast<const T*>(static_cast<const char*>(term.values) +
                                    pixel.row * term.row_bytes + pixel.column * term.pixel_bytes);
}
template <typename T>
T* target_at(const RequantizeBlock& block, const Pixel& pixel) {
  return reinterpret_cast<T*>(static_cast<char*>(block.target) + pixel.row * block.row_bytes +
                              pixel.column * block.pixel_bytes);
}

inline std::int32_t value_of(const RequantizeTerm& term, const Pixel& pixel, std::int64_t i) {
  switch (term.type) {
    case TermType::Accumulators:
      return values_at<std::int32_t>(term, pixel)[i];
    case TermType::Codes:
      return values_at<std::uint8_t>(term, pixel)[i];
    case TermType::Levels:
      break;
  }
  return values_at<std::int16_t>(term, pixel)[i];
}

inline std::int32_t requantize_channel(const RequantizeBlock& block, const Pixel& pixel,
                                       std::int64_t i) {
  std::int64_t sum = (i % 2 == 0 ? block.even_offsets : block.odd_offsets)[i / 2];
  for (int t = 0; t < block.term_count; ++t) {
    const RequantizeTerm& term = block.terms[t];
    sum += std::int64_t{value_of(term, pixel, i)} * term.multipliers[i];
  }
  const std::int64_t level = sum >> block.shift;
  const std::int64_t raised = level < block.lowest ? block.lowest : level;
  return static_cast<std::int32_t>(raised > block.highest ? block.highest : raised);
}

// The channels from `first` on, of all pixels.
template <typename T>
inline void requantize_channels(const RequantizeBlock& block, std::int64_t first) {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    for (std::int64_t column = 0; column < block.pixels; ++column) {
      for (std::int64_t i = first; i < block.channels; ++i) {
        const Pixel pixel{row, column};
        target_at<T>(block, pixel)[i] = static_cast<T>(requantize_channel(block, pixel, i));
      }
    }
  }
}

}  // namespace
}  // namespace pact::kernels
