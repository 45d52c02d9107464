// SPDX-License-Identifier: Apache-2.0
// A fixed set of threads that run the indices of a loop together with the caller. One loop at a
// time; that all indices are done is what its end waits for, not for threads that took none: where
// other programs keep a core busy, those that have one do all the work. Running a loop allocates
// nothing. Who waits for a loop or for its end looks for it for some microseconds before it sleeps:
// loops that follow each other closely cost no system calls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace pact {

class ThreadPool {
 public:
  /// `threads` counts the caller too, so 1 starts none. Range 1 to kMaxThreads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr int kMaxThreads = 256;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `body(index, worker)` once for each index in [0, count), `worker` in [0, size()), and
  /// returns when all are done. count < 2^32. `body` must not call the pool. What it throws is
  /// thrown here, of several throws one; other indices may then be left out. Not reentrant.
  template <typename Body>
  void parallel_for(std::int64_t count, const Body& body) {
    run(
        count,
        [](const void* context, std::int64_t index, int worker) {
          (*static_cast<const Body*>(context))(index, worker);
        },
        &body);
  }

 private:
  using Call = void (*)(const void* context, std::int64_t index, int worker);

  void run(std::int64_t count, Call call, const void* context);
  void work(int worker);
  void do_indices(std::uint32_t loop, int worker);
  std::int64_t do_share(std::size_t share, std::uint32_t loop, int worker);
  void do_index(std::int64_t index, int worker) noexcept;

  // Neighbouring indices, which one worker takes first: what it wrote for them in an earlier loop
  // is in its cache. Then it takes what others have left. The next index is tagged with its loop:
  // who comes late to one cannot take an index of another.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> next{0};  // loop << 32 | index
    std::atomic<std::uint32_t> end{0};
  };

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable end_;
  bool looks_first_;  // before it sleeps: only where every thread can have a core
  std::atomic<std::uint32_t> loop_{0};
  std::atomic<std::int64_t> done_indices_{0};
  bool stopping_ = false;
  std::vector<Share> shares_;  // of the workers
  std::int64_t count_ = 0;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  std::exception_ptr thrown_;  // by a body of this loop
};

}  // namespace pact
