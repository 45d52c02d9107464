// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/depthwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

std::vector<DepthwiseKernel> depthwise_runnable() {
  std::vector<DepthwiseKernel> kernels;
  for (const Isa isa : available_isas()) {
    const DepthwiseKernel& kernel = select_depthwise(isa);
    if (kernel.isa == isa) kernels.push_back(kernel);
  }
  return kernels;
}

struct DepthwiseProblem {
  std::int64_t count;
  std::ptrdiff_t pixel_stride;
  std::vector<std::ptrdiff_t> taps;
  std::vector<std::uint8_t> a;
  std::vector<std::int16_t> levels;  // [channel][tap]
};

// Codes to the last byte that is read, and a guard behind the sums.
void expect_exact_depthwise(const DepthwiseKernel& kernel, const DepthwiseProblem& problem) {
  constexpr std::int32_t kGuard = 0x5A5AA5A5;
  const auto taps = static_cast<std::int64_t>(problem.taps.size());
  const std::int64_t pairs = depthwise_pairs(taps);
  std::vector<std::int16_t> b(static_cast<std::size_t>(pairs * 2 * kDepthwiseColumns), 99);
  pack_taps(problem.levels.data(), kDepthwiseColumns, taps, b.data());
  std::vector<std::int32_t> c(static_cast<std::size_t>(problem.count * kDepthwiseColumns) + 1,
                              kGuard);
  std::vector<std::int32_t> expected = c;
  for (std::int64_t i = 0; i < problem.count * kDepthwiseColumns; ++i) {
    const std::int64_t column = i % kDepthwiseColumns;
    std::int32_t& sum = expected[static_cast<std::size_t>(i)] = 0;
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t at = i / kDepthwiseColumns * problem.pixel_stride +
                              problem.taps[static_cast<std::size_t>(t)] + column;
      sum += problem.a[static_cast<std::size_t>(at)] *
             problem.levels[static_cast<std::size_t>(column * taps + t)];
    }
  }
  std::vector<std::ptrdiff_t> offsets = problem.taps;
  offsets.resize(static_cast<std::size_t>(2 * pairs), 0);
  kernel.run({.a = problem.a.data(),
              .pixel_stride = problem.pixel_stride,
              .taps = offsets.data(),
              .pairs = pairs,
              .b = b.data(),
              .c = c.data(),
              .count = problem.count});
  EXPECT_EQ(c, expected) << kernel.name << ", " << problem.count << " pixels, " << taps << " taps";
}

// `code` and `level` make one element each.
template <typename Code, typename Level>
DepthwiseProblem problem_of(std::int64_t count, std::int64_t taps, const Code& code,
                            const Level& level) {
  DepthwiseProblem problem{.count = count, .pixel_stride = 21, .taps = {}, .a = {}, .levels = {}};
  for (std::int64_t t = 0; t < taps; ++t) problem.taps.push_back(t % 3 * 21 + t / 3 * 170);
  const std::ptrdiff_t last = *std::max_element(problem.taps.begin(), problem.taps.end());
  const std::int64_t read = (count - 1) * problem.pixel_stride + last + kDepthwiseColumns;
  for (std::int64_t i = 0; i < read; ++i) problem.a.push_back(static_cast<std::uint8_t>(code()));
  for (std::int64_t i = 0; i < taps * kDepthwiseColumns; ++i) {
    problem.levels.push_back(static_cast<std::int16_t>(level()));
  }
  return problem;
}

TEST(Depthwise, EveryKernelIsExactForEveryTail) {
  std::mt19937 random(3);
  const auto draw = [&](int lowest, int highest) {
    return [&random, lowest, highest] {
      return std::uniform_int_distribution<int>(lowest, highest)(random);
    };
  };
  std::set<std::string> tested;
  for (const DepthwiseKernel& kernel : depthwise_runnable()) {
    for (const std::int64_t count : {1, 2, 3, 4, 5, 7, 8, 31}) {
      for (const std::int64_t taps : {1, 2, 5, 9, 25}) {
        expect_exact_depthwise(kernel, problem_of(count, taps, draw(0, 255), draw(-255, 255)));
      }
    }
    tested.insert(kernel.name);
  }
  std::set<std::string> expected;
  for (const Isa isa : available_isas()) {
    if (select_depthwise(isa).isa != isa) continue;  // runs the kernel of a slower level
    expected.insert(text("depthwise_u8_i16_i32_1x16_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

TEST(Depthwise, EveryKernelIsExactAtTheExtremes) {
  for (const DepthwiseKernel& kernel : depthwise_runnable()) {
    for (const int level : {-32768, -128, 127, 32767}) {
      expect_exact_depthwise(kernel, problem_of(
                                         5, 9, [] { return 255; }, [&] { return level; }));
    }
  }
}

TEST(SelectDepthwise, TakesTheLevelOrTheNextSlower) {
#if defined(__x86_64__)
  EXPECT_EQ(select_depthwise(Isa::Avx512Vnni).isa, Isa::Avx512);
  EXPECT_EQ(select_depthwise(Isa::Amx).isa, Isa::Avx512);
  EXPECT_EQ(select_depthwise(Isa::AvxVnni).isa, Isa::Avx2);
  EXPECT_EQ(select_depthwise(Isa::Avx512).isa, Isa::Avx512);
  EXPECT_EQ(select_depthwise(Isa::Avx2).isa, Isa::Avx2);
#endif
  EXPECT_EQ(select_depthwise(Isa::Scalar).isa, Isa::Scalar);
}

TEST(PackTaps, PutsTwoTapsOfAChannelSideBySide) {
  // Two channels of three taps.
  const std::vector<std::int16_t> levels{1, 2, 3, -4, -5, -6};
  std::vector<std::int16_t> packed(2 * 2 * kDepthwiseColumns, 99);
  pack_taps(levels.data(), 2, 3, packed.data());
  std::vector<std::int16_t> expected(packed.size(), 0);
  expected[0] = 1, expected[1] = 2, expected[2] = -4, expected[3] = -5;
  expected[32] = 3, expected[34] = -6;
  EXPECT_EQ(packed, expected);
}

}  // namespace
}  // namespace pact::kernels
