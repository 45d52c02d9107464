// SPDX-License-Identifier: Apache-2.0
// What the machine could do at most, measured, and how near the layers of a network come to it
// (Williams, Waterman and Patterson 2009).
#pragma once

#include <span>
#include <string>

#include "pact/runtime/model.h"

namespace pact::cli {

struct Ceilings {
  double macs_per_second = 0;   // of dot products of bytes whose operands stay in the first cache
  double bytes_per_second = 0;  // read from memory
};

/// Measures for a few dozen milliseconds.
Ceilings measure_ceilings(Isa isa, int threads);

/// MACs a second; a convolution that saves multiplications can exceed the ceiling.
double rate(const StepTime& step, int batch);

/// SVG: MACs a second over MACs for each byte of weights and values, both logarithmic.
std::string roofline_picture(std::string_view title, std::span<const StepTime> steps, int batch,
                             const Ceilings& ceilings);

}  // namespace pact::cli
