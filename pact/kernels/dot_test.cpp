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

constexpr std::int32_t kGuardWord = 0x5A5AA5A5;

// Ranges of what a kernel multiplies.
struct Range {
  int least_activation = 0;
  int largest_activation = 255;
  int least_weight = -128;
  int largest_weight = 127;
};

// The widest operands that a kernel must take: bytes whose products it sums in 16 bits, or the
// differences of bytes.
Range range_of(const DotKernel& kernel) {
  if (kernel.operand == DotOperand::Words) return {-255, 255, -255, 255};
  if (kernel.products_in_16_bits == 0) return {};
  const int largest = std::numeric_limits<std::int16_t>::max() / kernel.products_in_16_bits;
  return {0, std::min(255, largest / 127), -127, 127};
}

std::vector<DotKernel> runnable_kernels() {
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
  for (const DotKernel& kernel : runnable_kernels()) {
    for (int rows = 1; rows <= kernel.max_rows; ++rows) check(kernel, rows);
    if (kernel.release != nullptr) kernel.release();
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
  std::int64_t count = 1;  // matrices
};

// One call on buffers of exactly the documented sizes; strides in elements.
template <typename Activation, typename Weight>
struct Call {
  const DotKernel& kernel;
  int rows;
  Shape shape;

  std::int64_t quads() const { return dot_quads(kernel.operand, shape.depth); }
  std::int64_t segment_stride() const {
    return quads() * std::int64_t{4 / sizeof(Weight)} + shape.segment_slack;
  }
  std::int64_t row_stride() const { return shape.segments * segment_stride() + shape.row_slack; }
  std::int64_t matrix_size() const {
    return (rows - 1) * row_stride() + shape.segments * segment_stride() - shape.segment_slack;
  }
  std::int64_t filter() const { return shape.segments * shape.depth; }
  std::int64_t sums() const { return std::int64_t{rows} * kernel.columns; }

  template <typename Draw>
  void expect_exact(const Draw& draw, UnpackOperands* ahead = nullptr) const {
    std::vector<Activation> a(static_cast<std::size_t>(shape.count * matrix_size()));
    std::vector<Weight> weights(static_cast<std::size_t>(shape.count * kernel.columns * filter()));
    draw(a, weights);
    const std::vector<Weight> b = packed(weights);
    const std::int64_t c_next = sums() + kernel.columns;
    std::vector<std::int32_t> c(static_cast<std::size_t>(shape.count * c_next), kGuardWord);
    std::vector<std::int32_t> expected = c;
    for (std::int64_t i = 0; i < shape.count * sums(); ++i) {
      expected[static_cast<std::size_t>(i / sums() * c_next + i % sums())] =
          sum(a, weights, i / sums(), i % sums() / kernel.columns, i % kernel.columns);
    }
    constexpr std::int64_t kBytes = sizeof(Activation);
    kernel.run[rows - 1]({.a = a.data(),
                          .row_stride = row_stride() * kBytes,
                          .segment_stride = segment_stride() * kBytes,
                          .segments = shape.segments,
                          .quads = quads(),
                          .b = b.data(),
                          .c = c.data(),
                          .count = shape.count,
                          .a_next = matrix_size() * kBytes,
                          .c_next = c_next,
                          .ahead = ahead,
                          .b_is_far = rows % 2 == 0});
    ASSERT_EQ(c, expected) << kernel.name << ", " << rows << " rows, " << shape.segments
                           << " segments of " << shape.depth;
  }

  std::vector<Weight> packed(const std::vector<Weight>& weights) const {
    const std::int64_t size = dot_packed_bytes(kernel.operand, kernel.columns, shape.segments,
                                               shape.depth, kernel.columns) /
                              std::int64_t{sizeof(Weight)};
    std::vector<Weight> b(static_cast<std::size_t>(shape.count * size));
    for (std::int64_t m = 0; m < shape.count; ++m) {
      pack_dot_columns(weights.data() + m * kernel.columns * filter(), kernel.columns,
                       shape.segments, shape.depth, kernel.columns, b.data() + m * size);
    }
    return b;
  }

  std::int32_t sum(const std::vector<Activation>& a, const std::vector<Weight>& weights,
                   std::int64_t matrix, std::int64_t row, std::int64_t column) const {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < filter(); ++i) {
      const std::int64_t at = matrix * matrix_size() + row * row_stride() +
                              i / shape.depth * segment_stride() + i % shape.depth;
      const std::int64_t weight = (matrix * kernel.columns + column) * filter() + i;
      sum +=
          std::int64_t{a[static_cast<std::size_t>(at)]} * weights[static_cast<std::size_t>(weight)];
    }
    return static_cast<std::int32_t>(sum);
  }
};

template <typename Draw>
void expect_exact(const DotKernel& kernel, int rows, const Shape& shape, const Draw& draw) {
  if (kernel.operand == DotOperand::Bytes) {
    Call<std::uint8_t, std::int8_t>{kernel, rows, shape}.expect_exact(draw);
  } else {
    Call<std::int16_t, std::int16_t>{kernel, rows, shape}.expect_exact(draw);
  }
}

template <typename T>
void fill(std::vector<T>& values, int least, int largest, std::mt19937& random) {
  std::uniform_int_distribution<int> draw(least, largest);
  for (T& value : values) value = static_cast<T>(draw(random));
}

TEST(Dot, EqualsTheReferenceAtEveryDepthAndNumberOfRows) {
  for_every_dot([](const DotKernel& kernel, int rows) {
    std::mt19937 random(static_cast<unsigned>(rows));
    const auto draw = [&, range = range_of(kernel)](auto& a, auto& weights) {
      fill(a, range.least_activation, range.largest_activation, random);
      fill(weights, range.least_weight, range.largest_weight, random);
    };
    for (std::int64_t depth = 1; depth <= 40; ++depth) {
      expect_exact(kernel, rows, {.depth = depth}, draw);
      expect_exact(kernel, rows,
                   {.segments = 1 + depth % 4,
                    .depth = depth,
                    .row_slack = depth % 5,
                    .segment_slack = depth % 3,
                    .count = 1 + depth % 2},
                   draw);
    }
    // Around whole tiles of quads.
    for (const std::int64_t depth : {63, 64, 65, 128, 130}) {
      expect_exact(kernel, rows, {.segments = 2, .depth = depth, .count = 2}, draw);
    }
    expect_exact(kernel, rows, {.segments = 3, .depth = 1539}, draw);
  });
}

TEST(Dot, IsExactForExtremeOperands) {
  for_every_dot([](const DotKernel& kernel, int rows) {
    const Range range = range_of(kernel);
    for (const int weight : {range.least_weight, range.largest_weight}) {
      const auto draw = [&](auto& a, auto& weights) {
        using A = typename std::decay_t<decltype(a)>::value_type;
        using W = typename std::decay_t<decltype(weights)>::value_type;
        std::fill(a.begin(), a.end(), static_cast<A>(range.largest_activation));
        std::fill(weights.begin(), weights.end(), static_cast<W>(weight));
      };
      for (const std::int64_t depth : {1, 16, 33}) {
        expect_exact(kernel, rows, {.depth = depth}, draw);
      }
      // The largest depth whose sums of 255 * 255 fit 32 bits.
      if (rows == 1) expect_exact(kernel, rows, {.depth = 33025}, draw);
    }
  });
}

TEST(Dot, GivesZeroForNoDepth) {
  for_every_dot([](const DotKernel& kernel, int rows) {
    expect_exact(kernel, rows, {.depth = 0}, [](auto&, auto&) {});
  });
}

// A kernel that prepares registers does so anew where rows or depth change.
TEST(Dot, RunsOfChangingShapesFollowEachOther) {
  std::mt19937 random(7);
  const auto draw = [&](auto& a, auto& weights) {
    fill(a, 0, 255, random);
    fill(weights, -128, 127, random);
  };
  for (const DotKernel& kernel : runnable_kernels()) {
    if (kernel.release == nullptr) continue;
    for (const auto& [rows, depth] : {std::pair{32, 64},
                                      {32, 12},
                                      {5, 12},
                                      {5, 24},
                                      {5, 48},
                                      {20, 48},
                                      {16, 192},
                                      {33, 64},
                                      {49, 64},
                                      {64, 64},
                                      {32, 64},
                                      {1, 4}}) {
      if (rows > kernel.max_rows) continue;
      const Call<std::uint8_t, std::int8_t> call{kernel, rows, {.depth = depth}};
      call.expect_exact(draw);
    }
    kernel.release();
  }
}

// Of as many groups as a run multiplies, whatever it is asked for.
void expect_unpacked_ahead(const DotKernel& kernel, int rows, const Shape& shape, int bits,
                           std::int64_t asked) {
  std::mt19937 random(static_cast<unsigned>(rows));
  const auto draw = [&](auto& a, auto& weights) {
    fill(a, 0, 255, random);
    fill(weights, -128, 127, random);
  };
  const std::int8_t levels[kUnpackLevels] = {-7, -5, -3, -1, 1,  3,  5,  7,
                                             9,  11, 13, 15, 17, 19, 21, 23};
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(asked * kUnpackedBytes));
  fill(codes, 0, (1 << bits) - 1, random);
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(asked * packed_group_bytes(bits)));
  pack_groups(codes.data(), asked, bits, packed.data());
  std::vector<std::int8_t> target(codes.size(), std::int8_t{99});
  UnpackOperands ahead{packed.data(), bits, levels, asked, target.data()};
  const Call<std::uint8_t, std::int8_t> call{kernel, rows, shape};
  call.expect_exact(draw, &ahead);
  const std::int64_t multiplied = shape.count *
                                  dot_packed_bytes(kernel.operand, kernel.columns, shape.segments,
                                                   shape.depth, kernel.columns) /
                                  kUnpackedBytes;
  const std::int64_t taken = std::min(asked, multiplied);
  std::vector<std::int8_t> expected(target.size(), std::int8_t{99});
  for (std::int64_t i = 0; i < taken * kUnpackedBytes; ++i) {
    expected[static_cast<std::size_t>(i)] = levels[codes[static_cast<std::size_t>(i)]];
  }
  ASSERT_EQ(target, expected) << kernel.name << ", " << rows << " rows, " << bits << " bits";
  ASSERT_EQ(ahead.groups, asked - taken);
  ASSERT_EQ(ahead.packed, packed.data() + taken * packed_group_bytes(bits));
  ASSERT_EQ(ahead.target, target.data() + taken * kUnpackedBytes);
}

TEST(Dot, UnpacksOnTheWayAsMuchAsItMultiplies) {
  int tested = 0;
  for_every_dot([&](const DotKernel& kernel, int rows) {
    if (!kernel.unpacks) return;
    ++tested;
    for (const int bits : {2, 4}) {
      for (const std::int64_t asked : {0, 1, 15, 40, 1000}) {
        expect_unpacked_ahead(kernel, rows, {.segments = 3, .depth = 64}, bits, asked);
        expect_unpacked_ahead(kernel, rows, {.depth = 20, .count = 2}, bits, asked);
      }
    }
  });
  const std::vector<Isa> isas = available_isas();
  EXPECT_EQ(tested > 0, std::find(isas.begin(), isas.end(), Isa::Amx) != isas.end());
}

// Panel after panel, each with weights that earlier runs have unpacked.
TEST(Dot, RunsFindWhatEarlierOnesHaveUnpacked) {
  constexpr std::int64_t kPanels = 3;
  constexpr std::int64_t kFirstGroups = 128;
  constexpr int kBits = 4;
  for_every_dot([&](const DotKernel& kernel, int rows) {
    if (!kernel.unpacks) return;
    for (const std::int64_t depth : {60, 256, 1200}) {
      std::mt19937 random(static_cast<unsigned>(rows));
      std::vector<std::uint8_t> a(static_cast<std::size_t>(rows * depth));
      fill(a, 0, 255, random);
      const std::int64_t columns = kPanels * kernel.columns;
      std::vector<std::int8_t> weights(static_cast<std::size_t>(columns * depth));
      fill(weights, 0, 15, random);
      std::vector<std::int8_t> levels(kUnpackLevels);
      fill(levels, -128, 127, random);
      std::vector<std::int8_t> codes(weights.size());
      pack_dot_columns(weights.data(), columns, 1, depth, kernel.columns, codes.data());
      const auto groups = static_cast<std::int64_t>(codes.size()) / kUnpackedBytes;
      std::vector<std::uint8_t> packed(codes.size() / 2);
      pack_groups(reinterpret_cast<const std::uint8_t*>(codes.data()), groups, kBits,
                  packed.data());
      std::vector<std::int8_t> b(codes.size(), std::int8_t{99});
      UnpackOperands ahead{packed.data(), kBits, levels.data(), groups, b.data()};
      select_unpack(kernel.isa).run(ahead.take(kFirstGroups));
      for (std::int64_t panel = 0; panel < kPanels; ++panel) {
        std::vector<std::int32_t> c(static_cast<std::size_t>(rows * kernel.columns));
        kernel.run[rows - 1]({.a = a.data(),
                              .row_stride = depth,
                              .segment_stride = depth,
                              .segments = 1,
                              .quads = depth / 4,
                              .b = b.data() + panel * kernel.columns * depth,
                              .c = c.data(),
                              .ahead = &ahead});
        for (std::int64_t i = 0; i < rows * kernel.columns; ++i) {
          std::int32_t sum = 0;
          const std::int64_t column = panel * kernel.columns + i % kernel.columns;
          for (std::int64_t d = 0; d < depth; ++d) {
            const auto code = weights[static_cast<std::size_t>(column * depth + d)];
            sum += a[static_cast<std::size_t>(i / kernel.columns * depth + d)] *
                   levels[static_cast<std::size_t>(code)];
          }
          ASSERT_EQ(c[static_cast<std::size_t>(i)], sum)
              << kernel.name << ", " << rows << " rows, depth " << depth << ", panel " << panel;
        }
      }
    }
  });
}

TEST(Dot, TilesCutASegmentIntoEqualParts) {
  EXPECT_EQ(quads_in_tile(0), 16);
  EXPECT_EQ(quads_in_tile(6), 6);
  EXPECT_EQ(quads_in_tile(16), 16);
  EXPECT_EQ(quads_in_tile(17), 1);
  EXPECT_EQ(quads_in_tile(24), 12);
  EXPECT_EQ(quads_in_tile(144), 16);
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
      EXPECT_LE(kernel.columns * kernel.max_rows, 1024) << "sums stay in the first cache";
      const bool bytes = kernel.operand == DotOperand::Bytes;
      const int depth = std::max(bytes ? 4 : 2, 2 * kernel.products_in_16_bits);
      EXPECT_EQ(std::string(kernel.name),
                text(bytes ? "dot_u8_s8_i32_" : "dot_i16_i16_i32_", kernel.max_rows, "x",
                     kernel.columns, "x", depth, "_", level.name));
      names.insert(kernel.name);
    }
  }
  EXPECT_EQ(names.size(), kernels);
}

// One filter of one segment.
DotFilters filter_of(const std::vector<std::int8_t>& weights, std::int64_t largest_code) {
  return {weights.data(), 1, 1, static_cast<std::int64_t>(weights.size()), largest_code};
}

TEST(MostProductsIn16Bits, CountsWhatCodesCanAddAtWorst) {
  const auto most = [](std::vector<std::int8_t> quad, std::int64_t largest_code) {
    std::vector<std::int8_t> weights;
    for (int i = 0; i < 16; ++i) weights.insert(weights.end(), quad.begin(), quad.end());
    return most_products_in_16_bits(filter_of(weights, largest_code));
  };
  EXPECT_EQ(most({15, 15, 15, 15}, 15), 16);
  EXPECT_EQ(most({72, 72, 72, 72}, 90), 4);
  EXPECT_EQ(most({0, 0, -72, -72}, 90), 4) << "halves have sums of their own";
  EXPECT_EQ(most({127, 127, 0, 0}, 90), 2);
  EXPECT_EQ(most({127, 127, 0, 0}, 255), 0) << "it would saturate";
  EXPECT_EQ(most({127, -128, 0, 0}, 255), 2) << "one sign after the other";
  EXPECT_EQ(most({127, 0, 0, 127}, 129), 4);
  EXPECT_EQ(most({127, 0, 0, 127}, 130), 2);
}

TEST(MostProductsIn16Bits, LooksAtEverySegmentOfEveryFilter) {
  std::vector<std::int8_t> weights(3 * 2 * 7, 1);
  EXPECT_EQ(most_products_in_16_bits({weights.data(), 3, 2, 7, 255}), 16);
  weights.back() = 127;  // alone in its half, after two of one
  EXPECT_EQ(most_products_in_16_bits({weights.data(), 3, 2, 7, 255}), 2);
  weights[0] = weights[1] = 127;
  EXPECT_EQ(most_products_in_16_bits({weights.data(), 3, 2, 7, 255}), 0);
}

TEST(SelectDot, TakesTheLongestSumsThatTheProductsFit) {
#if defined(__x86_64__)
  EXPECT_EQ(select_byte_dot(Isa::Avx2, 64, 16)->products_in_16_bits, 16);
  EXPECT_EQ(select_byte_dot(Isa::Avx2, 64, 2)->products_in_16_bits, 2);
  EXPECT_EQ(select_byte_dot(Isa::Avx2, 64, 0), nullptr);
  EXPECT_EQ(select_byte_dot(Isa::Avx512, 64, 16)->isa, Isa::Avx2);
  EXPECT_EQ(select_byte_dot(Isa::Avx512Vnni, 64, 0)->columns, 32);
  EXPECT_EQ(select_byte_dot(Isa::Avx512Vnni, 16, 0)->columns, 16);
  EXPECT_EQ(select_byte_dot(Isa::Avx512Vnni, 64, 0, 14)->columns, 32);
  EXPECT_EQ(select_byte_dot(Isa::Avx512Vnni, 64, 0, 16)->columns, 16);
  EXPECT_EQ(select_byte_dot(Isa::Avx512Vnni, 64, 0, 17)->columns, 32);
  EXPECT_EQ(select_byte_dot(Isa::AvxVnni, 64, 0)->isa, Isa::AvxVnni);
  EXPECT_EQ(select_byte_dot(Isa::Amx, 64, 0)->isa, Isa::Amx);
  EXPECT_EQ(select_byte_dot(Isa::Amx, 64, 0, 64)->columns, 16);
  EXPECT_EQ(select_byte_dot(Isa::Amx, 64, 0, 65)->columns, 32);
  EXPECT_FALSE(sums_in_16_bits(Isa::Amx));
  EXPECT_TRUE(sums_in_16_bits(Isa::Avx2));
  EXPECT_TRUE(sums_in_16_bits(Isa::Avx512));
  EXPECT_FALSE(sums_in_16_bits(Isa::Avx512Vnni));
#endif
  EXPECT_EQ(select_byte_dot(Isa::Scalar, 64, 0)->isa, Isa::Scalar);
  EXPECT_FALSE(sums_in_16_bits(Isa::Scalar));
}

TEST(SelectDot, HasWordsOnEveryLevelAndWastesFewColumns) {
  for (const IsaName& level : kIsaNames) {
    if (dot_kernels(level.isa).count == 0) continue;
    for (std::int64_t columns = 1; columns <= 100; ++columns) {
      const DotKernel& chosen = select_word_dot(level.isa, columns);
      EXPECT_EQ(chosen.isa, level.isa == Isa::Amx ? slower(level.isa) : level.isa);
      const DotKernelTable table = dot_kernels(chosen.isa);
      const auto computed = [&](const DotKernel& kernel) {
        return (columns + kernel.columns - 1) / kernel.columns * kernel.columns;
      };
      for (std::size_t i = 0; i < table.count; ++i) {
        if (table.kernels[i].operand != DotOperand::Words) continue;
        EXPECT_LE(computed(chosen), computed(table.kernels[i]));
      }
    }
  }
}

TEST(PackDotColumns, LaysOutBlocksThenSegmentsThenQuadsAndFillsWithZeros) {
  // [column][segment][depth], 3 x 1 x 5
  const std::vector<std::int8_t> weights{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  ASSERT_EQ(dot_packed_bytes(DotOperand::Bytes, 3, 1, 5, 2), 32);
  std::vector<std::int8_t> packed(34, std::int8_t{-1});
  pack_dot_columns(weights.data(), 3, 1, 5, 2, packed.data() + 1);
  EXPECT_THAT(packed,
              ElementsAreArray({-1,                                                    // before
                                1,  2,  3,  4,  6, 7, 8, 9, 5,  0, 0, 0, 10, 0, 0, 0,  // 0 and 1
                                11, 12, 13, 14, 0, 0, 0, 0, 15, 0, 0, 0, 0,  0, 0, 0,  // 2
                                -1}));                                                 // after
}

TEST(PackDotColumns, LaysOutWordsInPairs) {
  const std::vector<std::int16_t> weights{1, 2, 3, 4, 5, 6};  // [column][segment][depth], 2 x 1 x 3
  ASSERT_EQ(dot_packed_bytes(DotOperand::Words, 2, 1, 3, 2), 16);
  std::vector<std::int16_t> packed(8, std::int16_t{-1});
  pack_dot_columns(weights.data(), 2, 1, 3, 2, packed.data());
  EXPECT_THAT(packed, ElementsAreArray({1, 2, 4, 5, 3, 0, 6, 0}));
}

}  // namespace
}  // namespace pact::kernels
