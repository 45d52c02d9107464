// SPDX-License-Identifier: Apache-2.0
#include "pact/base/large_pages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

namespace pact {
namespace {

bool is_all(std::span<const std::byte> bytes, std::byte value) {
  return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == value; });
}

TEST(LargePages, PiecesStartOnCacheLinesAndDoNotOverlap) {
  LargePages memory;
  std::vector<std::span<std::byte>> pieces;
  for (const std::size_t bytes : {1, 64, 65, 0, 3 << 20, 40 << 20, 1000, 15 << 20, 2 << 20}) {
    pieces.push_back(memory.take(bytes));
    ASSERT_EQ(pieces.back().size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pieces.back().data()) % LargePages::kAlignment, 0U);
    std::fill(pieces.back().begin(), pieces.back().end(), static_cast<std::byte>(pieces.size()));
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_TRUE(is_all(pieces[i], static_cast<std::byte>(i + 1))) << "piece " << i;
  }
}

TEST(LargePages, WhatIsReleasedIsTakenAgain) {
  LargePages memory;
  const std::span<std::byte> kept = memory.take_zeros(100);
  for (const std::size_t bytes : {200, 30 << 20}) {
    const LargePages::Mark mark = memory.mark();
    const std::span<std::byte> dropped = memory.take(bytes);
    std::fill(dropped.begin(), dropped.end(), std::byte{1});
    memory.release(mark);
    const std::span<std::byte> zeros = memory.take_zeros(bytes);
    EXPECT_TRUE(is_all(zeros, std::byte{0})) << bytes;
    std::fill(zeros.begin(), zeros.end(), std::byte{2});
    EXPECT_TRUE(is_all(kept, std::byte{0})) << bytes;
  }
}

// The system would promise each of them alone, and both.
TEST(LargePages, RefusesWhatIsMoreThanTheMachineHasTogether) {
  const auto machine = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  LargePages memory;
  EXPECT_NO_THROW(memory.take(machine / 10 * 6));
  EXPECT_THROW(memory.take(machine / 10 * 6), std::bad_alloc);
}

TEST(LargePages, RefusesMoreThanTheMachineHas) {
  LargePages memory;
  for (const std::size_t bytes : {std::size_t{1} << 48, std::numeric_limits<std::size_t>::max() - 1,
                                  std::numeric_limits<std::size_t>::max()}) {
    EXPECT_THROW(memory.take(bytes), std::bad_alloc) << bytes;
  }
  EXPECT_EQ(memory.take(7).size(), 7U);
}

TEST(LargePages, ReleasesEverything) {
  LargePages memory;
  const LargePages::Mark empty = memory.mark();
  memory.take(5);
  memory.take(50 << 20);
  memory.release(empty);
  EXPECT_EQ(memory.take(7).size(), 7U);
}

}  // namespace
}  // namespace pact
