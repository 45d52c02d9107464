// SPDX-License-Identifier: Apache-2.0
// Memory that is taken piece by piece and given back at once, on pages as large as the system has:
// what is read once in a while, as weights are, would else wait for translations of its addresses.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pact {

class LargePages {
 public:
  static constexpr std::size_t kAlignment = 64;

  LargePages() = default;
  LargePages(const LargePages&) = delete;
  LargePages& operator=(const LargePages&) = delete;
  ~LargePages();

  /// Memory that starts on a cache line, of any content. Throws std::bad_alloc, also where all that
  /// is taken would be more than the machine has.
  std::span<std::byte> take(std::size_t bytes);
  /// The same, of zeros.
  std::span<std::byte> take_zeros(std::size_t bytes);

  /// All that is taken from now on can be given back with `release`.
  struct Mark {
    std::size_t blocks;
    std::size_t used;
  };
  Mark mark() const;
  void release(const Mark& mark);

 private:
  struct Block {
    std::byte* data;
    std::size_t size;
    std::size_t used;
  };
  bool is_left(std::size_t bytes) const;

  std::vector<Block> blocks_;
};

}  // namespace pact
