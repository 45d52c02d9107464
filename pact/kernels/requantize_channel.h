// SPDX-License-Identifier: Apache-2.0
// Requantization of one channel: the scalar kernel, and what is left over by vectors. Anonymous on
// purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/requantize.h"

namespace pact::kernels {
namespace {

inline std::int32_t value_of(const RequantizeTerm& term, std::int64_t i) {
  switch (term.type) {
    case TermType::Accumulators:
      return static_cast<const std::int32_t*>(term.values)[i];
    case TermType::Codes:
      return static_cast<const std::uint8_t*>(term.values)[i];
    case TermType::Levels:
      break;
  }
  return static_cast<const std::int16_t*>(term.values)[i];
}

inline std::int32_t requantize_channel(const RequantizeRow& row, std::int64_t i) {
  std::int64_t sum = (i % 2 == 0 ? row.even_offsets : row.odd_offsets)[i / 2];
  for (int t = 0; t < row.term_count; ++t) {
    const RequantizeTerm& term = row.terms[t];
    sum += std::int64_t{value_of(term, i)} * term.multipliers[i];
  }
  const std::int64_t level = sum >> row.shift;
  const std::int64_t raised = level < row.lowest ? row.lowest : level;
  return static_cast<std::int32_t>(raised > row.highest ? row.highest : raised);
}

inline void store_channel(const RequantizeRow& row, std::int64_t i, std::uint8_t* target) {
  target[i] = static_cast<std::uint8_t>(requantize_channel(row, i) - row.lowest);
}
inline void store_channel(const RequantizeRow& row, std::int64_t i, std::int16_t* target) {
  target[i] = static_cast<std::int16_t>(requantize_channel(row, i));
}

}  // namespace
}  // namespace pact::kernels
