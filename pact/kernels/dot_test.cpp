// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

using testing::ElementsAreArray;

constexpr std::int32_t kDotGuard = 0x5A5AA5A5;

// Codes up to `largest_code`, weights of magnitude up to `largest_weight`.
struct Range {
  int largest_code = 255;
  int largest_weight = 128;
};

// The widest operands whose products a kernel sums in 16 bits.
Range range_of(const DotKernel& kernel) {
  if (kernel.products_in_16_bits == 0) return {};
  const int largest = std::numeric_limits<std::int16_t>::max() / kernel.products_in_16_bits;
  return {largest / 127 > 0 ? std::min(255, largest / 127) : 1, std::min(127, largest)};
}

std::vector<DotKernel> runnable_dots() {
  std::vector<DotKernel> kernels;
  for (const Isa isa : available_isas()) {
    const DotKernelTable table = dot_kernels(isa);
    kernels.insert(kernels.end(), table.kernels, table.kernels + table.count);
  }
  return kernels;
}

// Runs check(kernel, rows) for every number of rows of every kernel of this machine, and asserts
// that it did.
template <typename Check>
void for_every_dot(const Check& check) {
  std::size_t kernels = 0;
  for (const Isa isa : available_isas()) kernels += dot_kernels(isa).count;
  std::set<std::string> tested;
  for (const DotKernel& kernel : runnable_dots()) {
    for (int rows = 1; rows <= kernel.max_rows; ++rows) check(kernel, rows);
    tested.insert(kernel.name);
  }
  ASSERT_GT(kernels, 0U);
  ASSERT_EQ(tested.size(), kernels);
}

struct Shape {
  std::int64_t segments = 1;
  std::int64_t depth = 4;
  std::int64_t row_slack = 0;
  std::int64_t segment_slack = 0;
};

// Runs one call on buffers of exactly the documented sizes, and checks all of c and its guard.
template <typename Draw>
void expect_exact(const DotKernel& kernel, int rows, const Shape& shape, const Draw& draw) {
  const std::int64_t bytes = (shape.depth + 3) / 4 * 4;
  const std::int64_t segment_stride = bytes + shape.segment_slack;
  const std::int64_t row_stride = shape.segments * segment_stride + shape.row_slack;
  std::vector<std::uint8_t> a(
      static_cast<std::size_t>((rows - 1) * row_stride +
                               (shape.segments - 1) * segment_stride + bytes));
  std::vector<std::int8_t> weights(
      static_cast<std::size_t>(kernel.columns * shape.segments * shape.depth));
  draw(a, weights);
  std::vector<std::int8_t> b(static_cast<std::size_t>(
      dot_packed_size(kernel.columns, shape.segments, shape.depth, kernel.columns)));
  pack_dot_columns(weights.data(), kernel.columns, shape.segments, shape.depth, kernel.columns,
                   b.data());
  std::vector<std::int32_t> c(static_cast<std::size_t>((rows + 1) * kernel.columns), kDotGuard);
  std::vector<std::int32_t> expected = c;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < kernel.columns; ++column) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < shape.segments * shape.depth; ++i) {
        const std::int64_t at =
            row * row_stride + i / shape.depth * segment_stride + i % shape.depth;
        sum += std::int64_t{a[static_cast<std::size_t>(at)]} *
               weights[static_cast<std::size_t>(column * shape.segments * shape.depth + i)];
      }
      expected[static_cast<std::size_t>(row * kernel.columns + column)] =
          static_cast<std::int32_t>(sum);
    }
  }
  kernel.run[rows - 1]({.a = a.data(),
                        .row_stride = row_stride,
                        .segment_stride = segment_stride,
                        .segments = shape.segments,
                        .quads = bytes / 4,
                        .b = b.data(),
                        .c = c.data()});
  ASSERT_EQ(c, expected) << kernel.name << ", " << rows << " rows, " << shape.segments
                         << " segments of " << shape.depth;
}

// Random operands within the range of the kernel.
auto random_operands(const DotKernel& kernel, std::mt19937& random) {
  return [range = range_of(kernel), &random](auto& a, auto& weights) {
    std::uniform_int_distribution<int> code(0, range.largest_code);
    std::uniform_int_distribution<int> weight(-range.largest_weight,
                                              std::min(127, range.largest_weight));
    for (auto& value : a) value = static_cast<std::uint8_t>(code(random));
    for (auto& value : weights) value = static_cast<std::int8_t>(weight(random));
  };
}

TEST(Dot, EqualsTheReferenceAtEveryDepthAndNumberOfRows) {
  for_every_dot([](const DotKernel& kernel, int rows) {
    std::mt19937 random(static_cast<unsigned>(rows));
    for (std::int64_t depth = 1; depth <= 40; ++depth) {
      expect_exact(kernel, rows, {.depth = depth}, random_operands(kernel, random));
      expect_exact(kernel, rows,
                   {.segments = 1 + depth % 4,
                    .depth = depth,
                    .row_slack = depth % 5,
                    .segment_slack = depth % 3},
                   random_operands(kernel, random));
    }
    expect_exact(kernel, rows, {.segments = 3, .depth = 1539}, random_operands(kernel, random));
  });
}

TEST(Dot, IsExactForExtremeOperands) {
  for_every_dot([](const DotKernel& kernel, int rows) {
    const Range range = range_of(kernel);
    for (const int sign : {-1, 1}) {
      const auto draw = [&](auto& a, auto& weights) {
        std::fill(a.begin(), a.end(), static_cast<std::uint8_t>(range.largest_code));
        const int weight = sign * std::min(range.largest_weight, sign > 0 ? 127 : 128);
        std::fill(weights.begin(), weights.end(), static_cast<std::int8_t>(weight));
      };
      for (const std::int64_t depth : {1, 16, 33}) {
        expect_exact(kernel, rows, {.depth = depth}, draw);
      }
      // The largest depth whose sums of 255 * 128 fit 32 bits.
      if (rows == 1) expect_exact(kernel, rows, {.depth = 65792}, draw);
    }
  });
}

TEST(Dot, GivesZeroForNoDepth) {
  for_every_dot([](const DotKernel& kernel, int rows) {
    expect_exact(kernel, rows, {.depth = 0}, [](auto&, auto&) {});
  });
}

TEST(DotTables, EveryKernelIsOfItsLevelAndNamedForItsBlock) {
  std::set<std::string> names;
  std::size_t kernels = 0;
  for (const IsaName& level : kIsaNames) {
    const DotKernelTable table = dot_kernels(level.isa);
    for (std::size_t i = 0; i < table.count; ++i, ++kernels) {
      const DotKernel& kernel = table.kernels[i];
      EXPECT_EQ(kernel.isa, level.isa) << kernel.name;
      EXPECT_EQ(kernel.columns % 2, 0) << "requantization pairs channels";
      const int depth = std::max(4, 2 * kernel.products_in_16_bits);
      EXPECT_EQ(std::string(kernel.name), text("dot_u8_s8_i32_", kernel.max_rows, "x",
                                               kernel.columns, "x", depth, "_", level.name));
      names.insert(kernel.name);
    }
  }
  EXPECT_EQ(names.size(), kernels);
}

TEST(SelectDot, TakesTheLongestSumsThatTheProductsFit) {
#if defined(__x86_64__)
  EXPECT_EQ(select_dot(Isa::Avx2, 64, 15 * 15)->products_in_16_bits, 8);
  EXPECT_EQ(select_dot(Isa::Avx2, 64, 90 * 72)->products_in_16_bits, 4);
  EXPECT_EQ(select_dot(Isa::Avx2, 64, 90 * 127)->products_in_16_bits, 2);
  EXPECT_EQ(select_dot(Isa::Avx2, 64, 255 * 127), nullptr) << "it would saturate";
  EXPECT_EQ(select_dot(Isa::Avx512, 64, 15 * 15)->isa, Isa::Avx2);
  EXPECT_EQ(select_dot(Isa::Avx512Vnni, 64, 255 * 128)->columns, 32);
  EXPECT_EQ(select_dot(Isa::Avx512Vnni, 16, 255 * 128)->columns, 16);
#endif
  EXPECT_EQ(select_dot(Isa::Scalar, 64, 255 * 128)->isa, Isa::Scalar);
}

TEST(PackDotColumns, LaysOutBlocksThenSegmentsThenQuadsAndFillsWithZeros) {
  // [column][segment][depth], 3 x 1 x 5
  const std::vector<std::int8_t> weights{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  ASSERT_EQ(dot_packed_size(3, 1, 5, 2), 32);
  std::vector<std::int8_t> packed(34, std::int8_t{-1});
  pack_dot_columns(weights.data(), 3, 1, 5, 2, packed.data() + 1);
  EXPECT_THAT(packed,
              ElementsAreArray({-1,                                                       // before
                                1, 2, 3, 4, 6, 7, 8, 9, 5, 0, 0, 0, 10, 0, 0, 0,          // 0, 1
                                11, 12, 13, 14, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0,      // 2
                                -1}));                                                    // after
}

}  // namespace
}  // namespace pact::kernels
