// SPDX-License-Identifier: Apache-2.0
// What stays in full precision, and the ways between levels and floats, for pixels whose channels
// follow one another. Each element is computed alone, as format/model.h states it: the result is
// the same on every instruction set. Targets may not overlap what is read.
#pragma once

#include <cstdint>

#include "pact/base/isa.h"
#include "pact/kernels/requantize.h"
#include "pact/numeric/activations.h"

namespace pact::kernels {

/// target[pixel][c] = sum of terms + offset[c], in double precision in that order, rounded once.
struct DequantizeOperands {
  /// (values[pixel][c] + lowest) * scale[c]
  struct Term {
    TermType type;
    const void* values;
    std::int32_t lowest;
    const float* scale;
  };
  const Term* terms;
  int term_count;
  const float* offset;
  std::int64_t channels;
  std::int64_t pixels;
  float* target;
};

/// target[pixel][c] = the level of values[pixel][c] (numeric/activations.h) with inverse[c] - base.
template <typename T>
struct QuantizeOperands {
  const float* values;
  numeric::ActivationQuantizer quantizer;  // but its inverse
  const float* inverse;
  std::int32_t base;
  std::int64_t channels;
  std::int64_t pixels;
  T* target;
};

/// target[pixel][c] = (values[pixel][c] - mean[c]) * slope[c] + bias[c] in double precision,
/// rounded once.
struct NormalizeOperands {
  const float* values;
  const float* mean;
  const double* slope;
  const float* bias;
  std::int64_t channels;
  std::int64_t pixels;
  float* target;
};

/// sums[o] += values[i] * weights[i * stride + o], for i in [0, count) in order, in double
/// precision, where a product of two floats is exact.
struct FloatDotOperands {
  const float* values;
  std::int64_t count;
  const float* weights;
  std::ptrdiff_t stride;
  std::int64_t outputs;
  double* sums;
};

struct FloatKernel {
  const char* name;
  Isa isa;
  void (*dequantize)(const DequantizeOperands&);
  void (*to_codes)(const QuantizeOperands<std::uint8_t>&);
  void (*to_levels)(const QuantizeOperands<std::int16_t>&);
  void (*normalize)(const NormalizeOperands&);
  void (*dot)(const FloatDotOperands&);
};

extern const FloatKernel floats_scalar;
extern const FloatKernel floats_avx2;
extern const FloatKernel floats_avx512;

/// The kernel of `isa`, or of the next slower level that has one.
const FloatKernel& select_floats(Isa isa);

}  // namespace pact::kernels
