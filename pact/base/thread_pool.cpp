// SPDX-License-Identifier: Apache-2.0
#include "pact/base/thread_pool.h"

#include <chrono>
#include <system_error>

#include "pact/base/result.h"

namespace pact {

namespace {

// Longer than a step of a network is apart from the next.
constexpr std::chrono::microseconds kLookFor{50};

inline void rest() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `holds` came to hold in time.
template <typename Condition>
bool look_for(const Condition& holds) {
  const auto end = std::chrono::steady_clock::now() + kLookFor;
  do {
    if (holds()) return true;
    rest();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : looks_first_(threads <= static_cast<int>(std::thread::hardware_concurrency())) {
  PACT_CHECK(threads >= 1 && threads <= kMaxThreads);
  shares_ = std::vector<Share>(static_cast<std::size_t>(threads));
  for (int worker = 1; worker < threads; ++worker) {
    try {
      workers_.emplace_back([this, worker] { work(worker); });
    } catch (const std::system_error&) {
      return;  // The system starts no more threads; those that run do all the work.
    }
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::int64_t count, Call call, const void* context) {
  if (workers_.empty() || count <= 1) {
    for (std::int64_t index = 0; index < count; ++index) call(context, index, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    call_ = call;
    context_ = context;
    const auto shares = static_cast<std::int64_t>(shares_.size());
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < shares; ++i) {
      Share& share = shares_[static_cast<std::size_t>(i)];
      share.next.store(first, std::memory_order_relaxed);
      share.end = first = (count * (i + 1) + shares - 1) / shares;  // who calls has one first
    }
    running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  start_.notify_all();
  take_indices(0);
  const auto all_done = [this] { return running_.load(std::memory_order_acquire) == 0; };
  if (looks_first_ && look_for(all_done)) return;
  std::unique_lock lock(mutex_);
  done_.wait(lock, all_done);
}

void ThreadPool::work(int worker) {
  std::uint64_t seen = 0;
  const auto has_begun = [&] { return generation_.load(std::memory_order_acquire) != seen; };
  while (true) {
    if (!looks_first_ || !look_for(has_begun)) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || has_begun(); });
      if (stopping_) return;
    }
    ++seen;
    take_indices(worker);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      const std::lock_guard lock(mutex_);
      done_.notify_one();
    }
  }
}

void ThreadPool::take_indices(int worker) {
  const auto first = static_cast<std::size_t>(worker);
  for (std::size_t i = 0; i < shares_.size(); ++i) take_share((first + i) % shares_.size(), worker);
}

void ThreadPool::take_share(std::size_t share, int worker) {
  Share& from = shares_[share];
  while (from.next.load(std::memory_order_relaxed) < from.end) {
    const std::int64_t index = from.next.fetch_add(1, std::memory_order_relaxed);
    if (index >= from.end) return;
    call_(context_, index, worker);
  }
}

}  // namespace pact
