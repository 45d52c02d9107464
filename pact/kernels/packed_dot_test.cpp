// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/packed_dot.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

std::vector<PackedDotKernel> runnable() {
  std::vector<PackedDotKernel> kernels;
  for (const Isa isa : available_isas()) {
    const PackedDotKernelTable table = packed_dot_kernels(isa);
    kernels.insert(kernels.end(), table.kernels, table.kernels + table.count);
  }
  return kernels;
}

struct PackedProblem {
  std::vector<std::uint8_t> a;      // [depth]
  std::vector<std::uint8_t> codes;  // [columns][depth]
  std::vector<std::int8_t> levels;  // 16
};

// Buffers of exactly the documented sizes; guards behind the sums.
void expect_exact(const PackedDotKernel& kernel, const PackedProblem& problem) {
  constexpr std::int32_t kGuard = 0x5A5AA5A5;
  const auto depth = static_cast<std::int64_t>(problem.a.size());
  const std::int64_t groups = packed_dot_groups(depth, kernel.bits);
  std::vector<std::uint8_t> a = problem.a;
  a.resize(static_cast<std::size_t>(groups * 4 * (8 / kernel.bits)), 0);
  std::vector<std::uint8_t> b(static_cast<std::size_t>(groups * kernel.columns * 4));
  pack_fields(problem.codes.data(), kernel.columns, depth, kernel.bits, kernel.columns, b.data());
  std::vector<std::int32_t> c(static_cast<std::size_t>(kernel.columns) + 1, kGuard);
  std::vector<std::int32_t> expected(c.size(), 0);
  expected.back() = kGuard;
  for (std::size_t i = 0; i < problem.codes.size(); ++i) {
    expected[i / problem.a.size()] +=
        problem.a[i % problem.a.size()] * problem.levels[problem.codes[i]];
  }
  kernel.run({a.data(), groups, b.data(), problem.levels.data(), c.data()});
  EXPECT_EQ(c, expected) << kernel.name << ", " << depth << " deep";
}

TEST(PackedDot, EveryKernelIsExactForEveryTail) {
  std::mt19937 random(3);
  const auto draw = [&](int lowest, int highest) {
    return std::uniform_int_distribution<int>(lowest, highest)(random);
  };
  std::set<std::string> tested;
  for (const PackedDotKernel& kernel : runnable()) {
    for (const std::int64_t depth : {1, 3, 4, 7, 8, 15, 16, 17, 31, 100, 1025}) {
      PackedProblem problem;
      for (std::int64_t i = 0; i < depth; ++i) {
        problem.a.push_back(static_cast<std::uint8_t>(draw(0, 255)));
      }
      for (std::int64_t i = 0; i < depth * kernel.columns; ++i) {
        problem.codes.push_back(static_cast<std::uint8_t>(draw(0, (1 << kernel.bits) - 1)));
      }
      for (int i = 0; i < 16; ++i) {
        problem.levels.push_back(static_cast<std::int8_t>(draw(-16, 15)));
      }
      expect_exact(kernel, problem);
    }
    tested.insert(kernel.name);
  }
  EXPECT_EQ(tested.size(), runnable().size());
  EXPECT_GE(tested.size(), 2U);
}

TEST(PackedDot, EveryKernelIsExactAtTheExtremes) {
  for (const PackedDotKernel& kernel : runnable()) {
    for (const int level : {-16, 15}) {
      constexpr std::size_t kDepth = 20'000;
      expect_exact(kernel,
                   {std::vector<std::uint8_t>(kDepth, 255),
                    std::vector<std::uint8_t>(kDepth * static_cast<std::size_t>(kernel.columns), 1),
                    std::vector<std::int8_t>(16, static_cast<std::int8_t>(level))});
    }
  }
}

TEST(PackedDot, EveryKernelIsOfItsLevelAndNamedForItsBlock) {
  for (const IsaName& level : kIsaNames) {
    const PackedDotKernelTable table = packed_dot_kernels(level.isa);
    for (std::size_t i = 0; i < table.count; ++i) {
      const PackedDotKernel& kernel = table.kernels[i];
      EXPECT_EQ(kernel.isa, level.isa);
      EXPECT_EQ(kernel.columns % 2, 0) << "requantization pairs channels";
      EXPECT_EQ(std::string(kernel.name),
                text("packed_dot_u8_s", kernel.bits, "_i32_1x", kernel.columns, "_", level.name));
    }
  }
}

TEST(SelectPackedDot, TakesTheNarrowestFields) {
  for (const IsaName& level : kIsaNames) {
    for (int bits = 1; bits <= kMaxFieldBits; ++bits) {
      const PackedDotKernel& kernel = select_packed_dot(level.isa, bits);
      EXPECT_EQ(kernel.bits, bits <= 2 ? 2 : 4);
      EXPECT_LE(kernel.isa, level.isa);
    }
  }
}

TEST(PackFields, PutsTheQuadsOfAGroupIntoTheFieldsOfAByte) {
  // Two columns of nine codes in blocks of two, four bits: quads 0 and 1 share bytes, quad 2 has
  // one code.
  const std::vector<std::uint8_t> codes{1, 2, 3, 4, 5,  6,  7,  8,  9,  //
                                        9, 8, 7, 6, 15, 14, 13, 12, 11};
  std::vector<std::uint8_t> packed(16, 0xFF);
  pack_fields(codes.data(), 2, 9, 4, 2, packed.data());
  EXPECT_EQ(packed, (std::vector<std::uint8_t>{0x51, 0x62, 0x73, 0x84, 0xF9, 0xE8, 0xD7, 0xC6,  //
                                               9, 0, 0, 0, 11, 0, 0, 0}));
}

}  // namespace
}  // namespace pact::kernels
