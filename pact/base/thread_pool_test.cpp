// SPDX-License-Identifier: Apache-2.0
#include "pact/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <new>
#include <numeric>
#include <thread>
#include <vector>

namespace pact {
namespace {

TEST(ThreadPool, RunsEachIndexOnceForEverySizeAndForRepeatedLoops) {
  const int more = static_cast<int>(std::thread::hardware_concurrency()) + 1;  // than cores
  for (const int threads : {1, 2, 3, 4, more, ThreadPool::kMaxThreads}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.size(), threads);
    const int repeats = threads == ThreadPool::kMaxThreads ? 50 : 5000;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      const std::int64_t count = repeat % 17;
      std::vector<std::atomic<int>> calls(20);
      std::atomic<int> strange_workers{0};
      pool.parallel_for(count, [&](std::int64_t index, int worker) {
        calls[static_cast<std::size_t>(index)].fetch_add(1);
        if (worker < 0 || worker >= threads) strange_workers.fetch_add(1);
      });
      for (std::size_t i = 0; i < calls.size(); ++i) {
        const int expected = static_cast<std::int64_t>(i) < count ? 1 : 0;
        ASSERT_EQ(calls[i].load(), expected)
            << "index " << i << " of " << count << " on " << threads << " threads, loop " << repeat;
      }
      ASSERT_EQ(strange_workers.load(), 0);
    }
  }
}

TEST(ThreadPool, WhatTheLoopWroteIsVisibleAfterIt) {
  ThreadPool pool(4);
  std::vector<std::int64_t> squares(10'000);
  pool.parallel_for(10'000,
                    [&](std::int64_t i, int) { squares[static_cast<std::size_t>(i)] = i * i; });
  std::int64_t expected = 0;
  for (std::int64_t i = 0; i < 10'000; ++i) expected += i * i;
  EXPECT_EQ(std::accumulate(squares.begin(), squares.end(), std::int64_t{0}), expected);
}

TEST(ThreadPool, NoTwoCallsShareAWorkerAtOneTime) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> busy(3);
  std::atomic<int> clashes{0};
  pool.parallel_for(1000, [&](std::int64_t, int worker) {
    auto& mine = busy[static_cast<std::size_t>(worker)];
    if (mine.fetch_add(1) != 0) clashes.fetch_add(1);
    mine.fetch_sub(1);
  });
  EXPECT_EQ(clashes.load(), 0);
}

TEST(ThreadPool, ThrowsWhatABodyThrew) {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    for (int repeat = 0; repeat < 100; ++repeat) {
      const auto body = [](std::int64_t index, int) {
        if (index % 3 == 1) throw std::bad_alloc();
      };
      ASSERT_THROW(pool.parallel_for(20, body), std::bad_alloc);
      std::atomic<int> calls{0};
      pool.parallel_for(20, [&](std::int64_t, int) { calls.fetch_add(1); });
      ASSERT_EQ(calls.load(), 20) << "the loop after it, on " << threads << " threads";
    }
  }
}

TEST(ThreadPool, StopsWithoutHavingRun) {
  for (int i = 0; i < 20; ++i) ThreadPool pool(4);
  SUCCEED();
}

TEST(ThreadPoolDeathTest, RefusesASizeOutOfRange) {
  EXPECT_DEATH(ThreadPool(0), "check failed");
  EXPECT_DEATH(ThreadPool(ThreadPool::kMaxThreads + 1), "check failed");
}

}  // namespace
}  // namespace pact
