// SPDX-License-Identifier: Apache-2.0
// The transforms of winograd.h on vectors of `kBytes`, compiled once for each instruction set.
// Anonymous on purpose: every including file has its own copy.
#pragma once

#include "pact/kernels/vector_types.h"
#include "pact/kernels/winograd.h"

namespace pact::kernels {
namespace {

// B' d B of the channels from `first` on, as many as a vector holds.
template <int kBytes>
inline void input_vector(const WinogradInput& in, std::int64_t first) {
  using V = typename Vector<std::uint8_t, kBytes>::type;
  V rows[4][4];
#pragma GCC unroll 4
  for (int x = 0; x < 4; ++x) {
    const std::uint8_t* column = in.pixels + x * in.pixel_stride + first;
    const V d0 = load<V>(column);
    const V d1 = load<V>(column + in.row_stride);
    const V d2 = load<V>(column + 2 * in.row_stride);
    const V d3 = load<V>(column + 3 * in.row_stride);
    rows[0][x] = d0 - d2;
    rows[1][x] = d1 + d2;
    rows[2][x] = d2 - d1;
    rows[3][x] = d1 - d3;
  }
#pragma GCC unroll 4
  for (int y = 0; y < 4; ++y) {
    std::uint8_t* target = in.components + 4 * y * in.component_stride + first;
    store(target, rows[y][0] - rows[y][2] + in.zero);
    const std::uint8_t zero = 4 * y + 1 == kWinogradSums ? in.sums_zero : in.zero;
    store(target + in.component_stride, rows[y][1] + rows[y][2] + zero);
    store(target + 2 * in.component_stride, rows[y][2] - rows[y][1] + in.zero);
    store(target + 3 * in.component_stride, rows[y][1] - rows[y][3] + in.zero);
  }
}

template <int kBytes>
inline void input_vectors(const WinogradInput& in, std::int64_t first) {
  for (; first + kBytes <= in.channels; first += kBytes) input_vector<kBytes>(in, first);
  if (first == in.channels) return;
  if constexpr (kBytes > 1) input_vectors<kBytes / 2>(in, first);
}

// A' m A / 4 of the columns from `first` on, as many as a vector holds.
template <int kBytes>
inline void output_vector(const WinogradOutput& out, std::int64_t first) {
  using V = typename Vector<std::int32_t, kBytes>::type;
  V sums[2][4];
#pragma GCC unroll 4
  for (int x = 0; x < 4; ++x) {
    const std::int32_t* column = out.components + x * out.component_stride + first;
    const V m1 = load<V>(column + 4 * out.component_stride);
    const V m2 = load<V>(column + 8 * out.component_stride);
    sums[0][x] = load<V>(column) + m1 + m2;
    sums[1][x] = m1 - m2 - load<V>(column + 12 * out.component_stride);
  }
#pragma GCC unroll 2
  for (int y = 0; y < 2; ++y) {
    const std::int32_t* corrections = out.corrections + 2 * y * out.correction_stride + first;
    std::int32_t* target = out.sums + y * out.row_stride + first;
    const V left = sums[y][0] + sums[y][1] + sums[y][2];
    const V right = sums[y][1] - sums[y][2] - sums[y][3];
    store(target, (left >> 2) - load<V>(corrections));
    store(target + out.columns, (right >> 2) - load<V>(corrections + out.correction_stride));
  }
}

template <int kBytes>
inline void output_vectors(const WinogradOutput& out, std::int64_t first) {
  constexpr std::int64_t kStep = kBytes / sizeof(std::int32_t);
  for (; first + kStep <= out.columns; first += kStep) output_vector<kBytes>(out, first);
  if (first == out.columns) return;
  if constexpr (kStep > 1) output_vectors<kBytes / 2>(out, first);
}

template <int kBytes>
void transform_input(const WinogradInput& in) {
  input_vectors<kBytes>(in, 0);
}

template <int kBytes>
void transform_output(const WinogradOutput& out) {
  output_vectors<kBytes>(out, 0);
}

}  // namespace
}  // namespace pact::kernels
