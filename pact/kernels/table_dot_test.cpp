// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/table_dot.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

struct TableShape {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t segments;
  std::int64_t depth;  // of a segment
};

// What a kernel computes from codes [rows][segments][depth], a byte of no pair after each segment
// and two after each row, and weights [columns][segments * depth].
std::vector<std::int32_t> sums_of(const TableDotKernel& kernel, const TableShape& shape,
                                  const std::vector<std::uint8_t>& a,
                                  const std::vector<std::uint8_t>& weights, std::int32_t scale,
                                  const std::vector<std::int32_t>& added, std::int32_t guard) {
  const std::int64_t groups = table_dot_groups(shape.depth);
  const std::int64_t segment_stride = 2 * groups + 1;
  const std::int64_t row_stride = shape.segments * segment_stride + 2;
  std::vector<std::uint8_t> pairs(static_cast<std::size_t>(shape.rows * row_stride), 0xFF);
  for (std::int64_t i = 0; i < shape.rows * shape.segments; ++i) {
    pair_codes(
        a.data() + i * shape.depth, shape.depth,
        pairs.data() + i / shape.segments * row_stride + i % shape.segments * segment_stride);
  }
  std::vector<std::uint8_t> b(static_cast<std::size_t>(shape.segments * groups * kernel.columns),
                              0xFF);
  pack_table_columns(kernel, weights.data(), shape.columns, shape.segments * shape.depth, b.data());
  std::vector<std::int32_t> c(static_cast<std::size_t>(shape.rows * kernel.columns) + 1, guard);
  kernel.run[shape.rows - 1]({.pairs = pairs.data(),
                              .row_stride = row_stride,
                              .segment_stride = segment_stride,
                              .segments = shape.segments,
                              .groups = groups,
                              .b = b.data(),
                              .scale = scale,
                              .added = added.data(),
                              .c = c.data()});
  return c;
}

// A guard behind the sums; columns that do not exist have weights of zero.
template <typename Draw>
void expect_exact(const TableDotKernel& kernel, const TableShape& shape, const Draw& draw) {
  constexpr std::int32_t kTableGuard = 0x5A5AA5A5;
  constexpr std::int32_t kScale = -3;
  const auto depth = static_cast<std::size_t>(shape.segments * shape.depth);
  std::vector<std::uint8_t> a(static_cast<std::size_t>(shape.rows) * depth);
  std::vector<std::uint8_t> weights(static_cast<std::size_t>(shape.columns) * depth);
  std::vector<std::int32_t> added;
  for (std::uint8_t& code : a) code = static_cast<std::uint8_t>(draw());
  for (std::uint8_t& code : weights) code = static_cast<std::uint8_t>(draw());
  std::vector<std::int32_t> expected;
  for (std::size_t row = 0; row < static_cast<std::size_t>(shape.rows); ++row) {
    added.push_back(static_cast<std::int32_t>(1000 * row) - 7);
    for (std::size_t column = 0; column < static_cast<std::size_t>(kernel.columns); ++column) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < depth && column * depth < weights.size(); ++i) {
        sum += a[row * depth + i] * weights[column * depth + i];
      }
      expected.push_back(kScale * sum + added.back());
    }
  }
  expected.push_back(kTableGuard);
  EXPECT_EQ(sums_of(kernel, shape, a, weights, kScale, added, kTableGuard), expected)
      << kernel.name << ", " << shape.rows << " rows, " << shape.segments << " segments of "
      << shape.depth;
}

TEST(TableDot, EveryKernelIsExactForEveryTail) {
  std::mt19937 random(5);
  std::set<std::string> tested;
  std::set<std::string> expected;
  for (const Isa isa : available_isas()) {
    const TableDotKernel& kernel = select_table_dot(isa);
    const auto draw = [&] { return random() & 3; };
    // Bytes are full after 28, words after 7,280.
    for (const std::int64_t depth : {1, 2, 3, 4, 5, 27, 28, 29, 57, 100, 7280, 7281, 15'000}) {
      expect_exact(kernel, {1, kernel.columns, 1, depth}, draw);
    }
    for (std::int64_t columns = 1; columns < kernel.columns; columns += 5) {
      expect_exact(kernel, {1, columns, 1, 37}, draw);
    }
    for (std::int64_t rows = 1; rows <= kernel.max_rows; ++rows) {
      for (const std::int64_t depth : {4, 28, 32, 192, 1536, 4000}) {
        expect_exact(kernel, {rows, kernel.columns, 3, depth}, draw);
      }
    }
    tested.insert(kernel.name);
    if (kernel.isa == isa)
      expected.insert(
          text("table_dot_u2_u2_i32_", kernel.max_rows, "x", kernel.columns, "_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

TEST(TableDot, EveryKernelIsExactForTheLargestCodes) {
  for (const Isa isa : available_isas()) {
    const TableDotKernel& kernel = select_table_dot(isa);
    for (const std::int64_t depth : {28, 7280, 20'000}) {
      expect_exact(kernel, {kernel.max_rows, kernel.columns, 1, depth}, [] { return 3; });
    }
  }
}

TEST(TableDot, HasAKernelForEveryVectorLevel) {
  EXPECT_EQ(select_table_dot(Isa::Scalar).isa, Isa::Scalar);
#if defined(__x86_64__)
  EXPECT_EQ(select_table_dot(Isa::Avx2).isa, Isa::Avx2);
  EXPECT_EQ(select_table_dot(Isa::AvxVnni).isa, Isa::Avx2);
  EXPECT_EQ(select_table_dot(Isa::Avx512).isa, Isa::Avx512);
  EXPECT_EQ(select_table_dot(Isa::Amx).isa, Isa::Avx512);
#endif
}

TEST(TablePlace, IsAPermutationOfEachVector) {
  for (const int vector : {32, 64}) {
    std::set<std::int64_t> places;
    for (std::int64_t column = 0; column < 2 * vector; ++column) {
      const std::int64_t place = table_place(column, vector);
      EXPECT_EQ(place / vector, column / vector);
      places.insert(place);
    }
    EXPECT_EQ(places.size(), static_cast<std::size_t>(2 * vector));
  }
}

}  // namespace
}  // namespace pact::kernels
