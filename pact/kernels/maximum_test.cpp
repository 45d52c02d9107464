// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/maximum.h"

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

// Buffers of exactly the sizes that are read, a guard behind the target.
template <typename T>
void expect_maxima(const char* kernel, MaximumFunction<T> maximum, std::int64_t taps,
                   std::int64_t count, std::mt19937& random) {
  constexpr T kGuard = 99;
  const std::int64_t stride = count + 3;
  std::vector<T> values(static_cast<std::size_t>((taps - 1) * stride + count));
  for (T& value : values) value = static_cast<T>(random());
  std::vector<T> expected(static_cast<std::size_t>(count), std::numeric_limits<T>::lowest());
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (std::int64_t i = 0; i < count; ++i) {
      T& largest = expected[static_cast<std::size_t>(i)];
      largest = std::max(largest, values[static_cast<std::size_t>(tap * stride + i)]);
    }
  }
  expected.push_back(kGuard);
  std::vector<T> target(expected.size(), kGuard);
  maximum({values.data(), stride, taps, count, target.data()});
  EXPECT_EQ(target, expected) << kernel << ", " << taps << " taps of " << count << " times "
                              << sizeof(T) << " bytes";
}

TEST(Maximum, EveryKernelTakesTheLargestOfEveryTap) {
  std::mt19937 random(7);
  std::set<std::string> tested;
  std::set<std::string> expected;
  for (const Isa isa : available_isas()) {
    const MaximumKernel& kernel = select_maximum(isa);
    for (std::int64_t taps = 1; taps <= 5; ++taps) {
      for (std::int64_t count = 0; count <= 200; ++count) {
        expect_maxima(kernel.name, kernel.of_codes, taps, count, random);
        expect_maxima(kernel.name, kernel.of_levels, taps, count, random);
        expect_maxima(kernel.name, kernel.of_accumulators, taps, count, random);
      }
    }
    tested.insert(kernel.name);
    if (kernel.isa == isa) expected.insert(text("maximum_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

}  // namespace
}  // namespace pact::kernels
