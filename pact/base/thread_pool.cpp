// SPDX-License-Identifier: Apache-2.0
#include "pact/base/thread_pool.h"

#include <chrono>
#include <exception>
#include <limits>
#include <utility>

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

constexpr std::uint64_t tagged(std::uint32_t loop, std::int64_t index) {
  return std::uint64_t{loop} << 32 | static_cast<std::uint64_t>(index);
}
constexpr std::uint32_t loop_of(std::uint64_t next) {
  return static_cast<std::uint32_t>(next >> 32);
}
constexpr std::uint32_t index_of(std::uint64_t next) { return static_cast<std::uint32_t>(next); }

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
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int worker = 1; worker < threads; ++worker) {
    try {
      workers_.emplace_back([this, worker] { work(worker); });
    } catch (const std::exception&) {
      return;  // No memory or no more threads to be had; those that run do all the work.
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
  PACT_CHECK(count <= std::numeric_limits<std::uint32_t>::max());
  std::uint32_t loop = 0;
  {
    const std::lock_guard lock(mutex_);
    call_ = call;
    context_ = context;
    count_ = count;
    loop = loop_.load(std::memory_order_relaxed) + 1;
    const auto shares = static_cast<std::int64_t>(shares_.size());
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < shares; ++i) {
      Share& share = shares_[static_cast<std::size_t>(i)];
      share.next.store(tagged(loop, first), std::memory_order_relaxed);
      first = (count * (i + 1) + shares - 1) / shares;  // who calls has one first
      share.end.store(static_cast<std::uint32_t>(first), std::memory_order_release);
    }
    done_indices_.store(0, std::memory_order_relaxed);
    loop_.store(loop, std::memory_order_release);
  }
  start_.notify_all();
  do_indices(loop, 0);
  const auto all_done = [&] { return done_indices_.load(std::memory_order_acquire) == count; };
  if (!(looks_first_ ? look_for(all_done) : all_done())) {
    std::unique_lock lock(mutex_);
    end_.wait(lock, all_done);
  }
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void ThreadPool::work(int worker) {
  std::uint32_t seen = 0;
  const auto has_begun = [&] { return loop_.load(std::memory_order_acquire) != seen; };
  while (true) {
    if (!looks_first_ || !look_for(has_begun)) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || has_begun(); });
      if (stopping_) return;
    }
    seen = loop_.load(std::memory_order_acquire);
    do_indices(seen, worker);
  }
}

void ThreadPool::do_indices(std::uint32_t loop, int worker) {
  const auto own = static_cast<std::size_t>(worker);
  std::int64_t done = 0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    done += do_share((own + i) % shares_.size(), loop, worker);
  }
  if (done == 0) return;  // and the loop may be over
  const std::int64_t count = count_;
  if (done_indices_.fetch_add(done, std::memory_order_acq_rel) + done < count) return;
  if (worker == 0) return;
  const std::lock_guard lock(mutex_);
  end_.notify_one();
}

// How many of its indices this worker did.
std::int64_t ThreadPool::do_share(std::size_t share, std::uint32_t loop, int worker) {
  Share& from = shares_[share];
  std::int64_t done = 0;
  std::uint64_t next = from.next.load(std::memory_order_relaxed);
  while (loop_of(next) == loop && index_of(next) < from.end.load(std::memory_order_acquire)) {
    // The loop of an index that is taken goes on until it is done, and so do call_ and context_.
    // Whoever saw the end of the next loop, which is stored after its `next`, takes nothing here.
    if (!from.next.compare_exchange_weak(next, next + 1, std::memory_order_relaxed)) continue;
    do_index(index_of(next), worker);
    ++done;
    next = from.next.load(std::memory_order_relaxed);
  }
  return done;
}

void ThreadPool::do_index(std::int64_t index, int worker) noexcept {
  try {
    call_(context_, index, worker);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    thrown_ = std::current_exception();
  }
}

}  // namespace pact
