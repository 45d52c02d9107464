// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/gemm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

using testing::ElementsAreArray;

constexpr std::int32_t kGuardWord = 0x5A5AA5A5;
constexpr std::int16_t kLargest = 255;

// Levels of one product: a [rows][depth], filters [columns][depth].
struct Levels {
  std::vector<std::int16_t> a;
  std::vector<std::int16_t> filters;
};

Levels random_levels(const GemmKernel& kernel, std::int64_t depth, std::mt19937& random) {
  std::uniform_int_distribution<int> level(-kLargest, kLargest);
  Levels levels;
  for (std::int64_t i = 0; i < kernel.rows * depth; ++i) {
    levels.a.push_back(static_cast<std::int16_t>(level(random)));
  }
  for (std::int64_t i = 0; i < kernel.columns * depth; ++i) {
    levels.filters.push_back(static_cast<std::int16_t>(level(random)));
  }
  return levels;
}

// Every product is 255 * 255 or its negative: sums run to the ends of their range.
Levels extreme_levels(const GemmKernel& kernel, std::int64_t depth) {
  Levels levels;
  for (int row = 0; row < kernel.rows; ++row) {
    const auto level = static_cast<std::int16_t>(row % 2 == 0 ? kLargest : -kLargest);
    levels.a.insert(levels.a.end(), static_cast<std::size_t>(depth), level);
  }
  for (int column = 0; column < kernel.columns; ++column) {
    const auto level = static_cast<std::int16_t>(column % 3 == 0 ? -kLargest : kLargest);
    levels.filters.insert(levels.filters.end(), static_cast<std::size_t>(depth), level);
  }
  return levels;
}

std::vector<std::int32_t> reference(const GemmKernel& kernel, std::int64_t depth,
                                    const Levels& levels) {
  std::vector<std::int32_t> sums;
  for (int row = 0; row < kernel.rows; ++row) {
    for (int column = 0; column < kernel.columns; ++column) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += std::int64_t{levels.a[static_cast<std::size_t>(row * depth + k)]} *
               levels.filters[static_cast<std::size_t>(column * depth + k)];
      }
      sums.push_back(static_cast<std::int32_t>(sum));
    }
  }
  return sums;
}

// Elements beyond what a call may read and write, and before what it writes.
struct Slack {
  std::int64_t a_stride = 0;
  std::int64_t c_stride = 0;
  std::size_t before = 0;
};

// Runs the kernel over buffers of exactly the documented size and checks all of c, guards included.
void expect_exact(const GemmKernel& kernel, std::int64_t depth, const Levels& levels,
                  const Slack& slack) {
  const std::int64_t pairs = (depth + 1) / 2;
  const std::int64_t a_stride = 2 * pairs + slack.a_stride;
  std::vector<std::int16_t> a(static_cast<std::size_t>((kernel.rows - 1) * a_stride + 2 * pairs),
                              std::int16_t{-32768});
  for (int row = 0; row < kernel.rows; ++row) {
    const auto from = levels.a.begin() + row * depth;
    std::copy(from, from + depth, a.begin() + row * a_stride);
    if (depth % 2 != 0) a[static_cast<std::size_t>(row * a_stride + depth)] = 77;  // times zero
  }
  std::vector<std::int16_t> b(
      static_cast<std::size_t>(packed_size(kernel.columns, depth, kernel.columns)));
  pack_columns(levels.filters.data(), kernel.columns, depth, kernel.columns, b.data());

  const std::int64_t c_stride = kernel.columns + slack.c_stride;
  std::vector<std::int32_t> c(slack.before + static_cast<std::size_t>((kernel.rows + 1) * c_stride),
                              kGuardWord);
  std::vector<std::int32_t> expected = c;
  const std::vector<std::int32_t> sums = reference(kernel, depth, levels);
  for (int row = 0; row < kernel.rows; ++row) {
    std::copy(sums.begin() + row * kernel.columns, sums.begin() + (row + 1) * kernel.columns,
              expected.begin() + static_cast<std::ptrdiff_t>(slack.before) + row * c_stride);
  }
  kernel.run(a.data(), a_stride, b.data(), c.data() + slack.before, c_stride, pairs);
  EXPECT_EQ(c, expected) << kernel.name << ", depth " << depth << ", a_stride " << a_stride
                         << ", c_stride " << c_stride;
}

std::vector<GemmKernel> runnable_kernels() {
  std::vector<GemmKernel> kernels;
  for (const Isa isa : available_isas()) {
    const GemmKernelTable table = gemm_kernels(isa);
    kernels.insert(kernels.end(), table.kernels, table.kernels + table.count);
  }
  return kernels;
}

// Runs check(kernel) for every row of every table of this machine, and asserts that it did.
template <typename Check>
void for_every_kernel(const Check& check) {
  std::size_t rows = 0;
  for (const Isa isa : available_isas()) rows += gemm_kernels(isa).count;
  std::set<std::string> tested;
  for (const GemmKernel& kernel : runnable_kernels()) {
    check(kernel);
    tested.insert(kernel.name);
  }
  ASSERT_GT(rows, 0U);
  ASSERT_EQ(tested.size(), rows);
}

TEST(Gemm, EqualsTheReferenceAtEveryDepth) {
  for_every_kernel([](const GemmKernel& kernel) {
    std::mt19937 random(1);
    for (std::int64_t depth = 1; depth <= 70; ++depth) {
      const Levels levels = random_levels(kernel, depth, random);
      expect_exact(kernel, depth, levels, {});
      expect_exact(kernel, depth, levels, {.a_stride = depth % 5, .c_stride = 3, .before = 1});
    }
  });
}

TEST(Gemm, EqualsTheReferenceAtLargeDepths) {
  for_every_kernel([](const GemmKernel& kernel) {
    std::mt19937 random(2);
    for (const std::int64_t depth : {576, 1152, 4607, 4608}) {
      expect_exact(kernel, depth, random_levels(kernel, depth, random),
                   {.a_stride = 7, .c_stride = 5, .before = 3});
    }
  });
}

TEST(Gemm, IsExactForExtremeLevels) {
  // The last one is the largest depth whose sums of 255 * 255 fit 32 bits.
  for_every_kernel([](const GemmKernel& kernel) {
    for (const std::int64_t depth : {1, 2, 3, 129, 33024, 33025}) {
      expect_exact(kernel, depth, extreme_levels(kernel, depth), {.a_stride = 1, .c_stride = 1});
    }
  });
}

TEST(Gemm, GivesZeroForNoDepth) {
  for_every_kernel([](const GemmKernel& kernel) {
    std::vector<std::int32_t> c(static_cast<std::size_t>(kernel.rows * kernel.columns), kGuardWord);
    const std::vector<std::int32_t> zeros(c.size(), 0);
    kernel.run(nullptr, 0, nullptr, c.data(), kernel.columns, 0);
    EXPECT_EQ(c, zeros) << kernel.name;
  });
}

TEST(GemmTables, EveryRowIsOfItsLevelAndNamedForItsBlock) {
  std::set<std::string> names;
  std::size_t rows = 0;
  for (const IsaName& level : kIsaNames) {
    const GemmKernelTable table = gemm_kernels(level.isa);
    for (std::size_t i = 0; i < table.count; ++i, ++rows) {
      const GemmKernel& kernel = table.kernels[i];
      EXPECT_EQ(kernel.isa, level.isa) << kernel.name;
      EXPECT_NE(kernel.run, nullptr) << kernel.name;
      EXPECT_EQ(std::string(kernel.name),
                text("gemm_i16_i16_i32_", kernel.rows, "x", kernel.columns, "x2_", level.name));
      names.insert(kernel.name);
    }
  }
  EXPECT_GT(rows, 3U);
  EXPECT_EQ(names.size(), rows);
}

std::int64_t columns_in_vain(const GemmKernel& kernel, std::int64_t columns) {
  return (kernel.columns - columns % kernel.columns) % kernel.columns;
}

TEST(SelectGemm, TakesTheWidestOfTheKernelsThatWasteTheFewestColumns) {
  for (const IsaName& level : kIsaNames) {
    const GemmKernelTable table = gemm_kernels(level.isa);
    if (table.count == 0) continue;
    for (std::int64_t columns = 1; columns <= 200; ++columns) {
      const GemmKernel& chosen = select_gemm(level.isa, columns);
      EXPECT_EQ(chosen.isa, level.isa);
      for (std::size_t i = 0; i < table.count; ++i) {
        const GemmKernel& other = table.kernels[i];
        EXPECT_LE(columns_in_vain(chosen, columns), columns_in_vain(other, columns));
        if (columns_in_vain(chosen, columns) == columns_in_vain(other, columns)) {
          EXPECT_GE(chosen.columns, other.columns) << columns << " columns";
        }
      }
    }
  }
}

TEST(SelectGemm, PrefersTheNarrowBlockForSixteenColumnsAndTheWideOneForSixtyFour) {
  EXPECT_EQ(select_gemm(Isa::Avx512, 16).columns, 16);
  EXPECT_EQ(select_gemm(Isa::Avx512, 64).columns, 32);
  EXPECT_EQ(select_gemm(Isa::Avx512, 48).columns, 16);
  EXPECT_EQ(select_gemm(Isa::Avx512Vnni, 64).isa, Isa::Avx512);
}

TEST(PackColumns, LaysOutBlocksThenPairsThenColumnsAndFillsWithZeros) {
  const std::vector<std::int16_t> filters{1, 2, 3, 4, 5, 6, 7, 8, 9};  // [column][depth], 3 x 3
  std::vector<std::int16_t> packed(18, std::int16_t{-1});
  ASSERT_EQ(packed_size(3, 3, 2), 16);
  pack_columns(filters.data(), 3, 3, 2, packed.data() + 1);
  EXPECT_THAT(packed, ElementsAreArray({-1,                      // before
                                        1, 2, 4, 5, 3, 0, 6, 0,  // columns 0 and 1
                                        7, 8, 0, 0, 9, 0, 0, 0,  // column 2
                                        -1}));                   // after
}

TEST(PackColumns, HoldsEveryLevelOnceForEveryShape) {
  for (const int block : {1, 2, 8, 16, 32}) {
    for (std::int64_t columns = 1; columns <= 40; columns += 3) {
      for (std::int64_t depth = 1; depth <= 7; ++depth) {
        std::vector<std::int16_t> filters(static_cast<std::size_t>(columns * depth));
        for (std::size_t i = 0; i < filters.size(); ++i)
          filters[i] = static_cast<std::int16_t>(i + 1);
        std::vector<std::int16_t> packed(
            static_cast<std::size_t>(packed_size(columns, depth, block)), std::int16_t{-1});
        pack_columns(filters.data(), columns, depth, block, packed.data());
        std::sort(packed.begin(), packed.end());
        std::vector<std::int16_t> expected(packed.size() - filters.size(), 0);
        expected.insert(expected.end(), filters.begin(), filters.end());
        EXPECT_EQ(packed, expected)
            << columns << " columns, depth " << depth << ", block " << block;
      }
    }
  }
}

}  // namespace
}  // namespace pact::kernels
