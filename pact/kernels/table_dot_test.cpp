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

// Codes [depth] and weights [columns][depth] by `draw`; buffers of exactly the documented sizes, a
// guard behind the sums.
template <typename Draw>
void expect_exact(const TableDotKernel& kernel, std::int64_t columns, std::int64_t depth,
                  const Draw& draw) {
  constexpr std::int32_t kTableGuard = 0x5A5AA5A5;
  std::vector<std::uint8_t> a(static_cast<std::size_t>(depth));
  std::vector<std::uint8_t> weights(static_cast<std::size_t>(columns * depth));
  for (std::uint8_t& code : a) code = static_cast<std::uint8_t>(draw());
  for (std::uint8_t& code : weights) code = static_cast<std::uint8_t>(draw());
  const auto groups = static_cast<std::size_t>(table_dot_groups(depth));
  std::vector<std::uint8_t> pairs(2 * groups, 0xFF);
  std::vector<std::uint8_t> b(groups * static_cast<std::size_t>(kernel.columns), 0xFF);
  pair_codes(a.data(), depth, pairs.data());
  pack_table_columns(kernel, weights.data(), columns, depth, b.data());
  std::vector<std::int32_t> c(static_cast<std::size_t>(kernel.columns) + 1, kTableGuard);
  std::vector<std::int32_t> expected(c.size(), 0);
  expected.back() = kTableGuard;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    expected[i / a.size()] += a[i % a.size()] * weights[i];
  }
  kernel.run({pairs.data(), static_cast<std::int64_t>(groups), b.data(), c.data()});
  EXPECT_EQ(c, expected) << kernel.name << ", " << depth << " deep";
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
      expect_exact(kernel, kernel.columns, depth, draw);
    }
    for (std::int64_t columns = 1; columns < kernel.columns; columns += 5) {
      expect_exact(kernel, columns, 37, draw);
    }
    tested.insert(kernel.name);
    if (kernel.isa == isa)
      expected.insert(text("table_dot_u2_u2_i32_1x", kernel.columns, "_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

TEST(TableDot, EveryKernelIsExactForTheLargestCodes) {
  for (const Isa isa : available_isas()) {
    const TableDotKernel& kernel = select_table_dot(isa);
    for (const std::int64_t depth : {28, 7280, 20'000}) {
      expect_exact(kernel, kernel.columns, depth, [] { return 3; });
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
