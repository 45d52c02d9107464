// SPDX-License-Identifier: Apache-2.0
// Exact integer Winograd convolution F(2x2, 3x3) (Lavin and Gray 2016): four outputs of a 3x3
// filter from sixteen products of transformed tiles, not thirty-six.
//
//   Y = A' [ (4 G g G') * (B' d B) ] A / 4,   the division without remainder
//
// Of codes d up to c, the component of sums alone lies in [0, 4c], the others in [-2c, 2c]: to
// these, `zero` = 2c is added so that they are unsigned, to the sums `sums_zero` = zero % 4, so
// that the division stays without remainder. That adds a multiple of the sum of the transformed
// filter to a product, a constant that is subtracted at the end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pact/base/isa.h"

namespace pact::kernels {

inline constexpr int kWinogradComponents = 16;
inline constexpr int kWinogradSums = 5;  // the component that is never negative
inline constexpr int kWinogradOutputs = 4;

/// One tile of 4 x 4 pixels -> 16 components.
struct WinogradInput {
  const std::uint8_t* pixels;  // [4][4][channels]
  std::ptrdiff_t row_stride;
  std::ptrdiff_t pixel_stride;
  std::int64_t channels;
  std::uint8_t zero;
  std::uint8_t sums_zero;
  std::uint8_t* components;  // [16][channels]
  std::ptrdiff_t component_stride;
};

/// Products of one tile -> sums of 2 x 2 outputs, `corrections` subtracted.
struct WinogradOutput {
  const std::int32_t* components;  // [16][columns]
  std::ptrdiff_t component_stride;
  const std::int32_t* corrections;  // [4][columns]
  std::ptrdiff_t correction_stride;
  std::int64_t columns;
  std::int32_t* sums;  // [2][2][columns]
  std::ptrdiff_t row_stride;
};

struct WinogradKernel {
  const char* name;
  Isa isa;
  void (*transform_input)(const WinogradInput&);
  void (*transform_output)(const WinogradOutput&);
};

extern const WinogradKernel winograd_scalar;
extern const WinogradKernel winograd_avx2;
extern const WinogradKernel winograd_avx512;
extern const WinogradKernel winograd_neon;

/// The kernel of `isa`, or of the next slower level that has one.
const WinogradKernel& select_winograd(Isa isa);

/// 4 G g G' of `channels` filters side by side: [3][3][channels] -> [4][4][channels]. Levels up to
/// 3640 in magnitude.
void transform_winograd_filters(const std::int16_t* levels, std::int64_t channels,
                                std::int16_t* components);

/// A' m A / 4 of one tile of products: what is computed from sums of transformed filters, too.
void transform_winograd_products(const std::int64_t* products, std::int64_t* outputs);

}  // namespace pact::kernels
