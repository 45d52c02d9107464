// SPDX-License-Identifier: Apache-2.0
#include "pact/base/large_pages.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace pact {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kBoundsChecked = true;
#elif defined(__has_feature)
constexpr bool kBoundsChecked = __has_feature(address_sanitizer);
#else
constexpr bool kBoundsChecked = false;
#endif

// Where bounds are checked, every piece ends where its block does.
constexpr std::size_t kPage = kBoundsChecked ? LargePages::kAlignment : std::size_t{2} << 20;
constexpr std::size_t kBlock = kBoundsChecked ? 1 : 8 * kPage;  // untouched, it takes no memory
constexpr std::align_val_t kPageAligned{kPage};

std::byte* allocate(std::size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, kPageAligned));
}
void deallocate(std::byte* data) { ::operator delete(data, kPageAligned); }

#if defined(MADV_HUGEPAGE)
// From the system, because what an allocator has given out before keeps the pages that it had.
std::byte* new_block(std::size_t bytes) {
  if (kBoundsChecked) return allocate(bytes);
  const std::size_t mapped = bytes + kPage;
  void* const data =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  void* block = data;
  std::size_t left = mapped;
  std::align(kPage, bytes, block, left);
  if (left < mapped) munmap(data, mapped - left);
  if (left > bytes) munmap(static_cast<std::byte*>(block) + bytes, left - bytes);
  madvise(block, bytes, MADV_HUGEPAGE);  // without them it is slower, no more
  return static_cast<std::byte*>(block);
}
void delete_block(std::byte* data, std::size_t bytes) {
  if (kBoundsChecked) return deallocate(data);
  munmap(data, bytes);
}
#else
std::byte* new_block(std::size_t bytes) { return allocate(bytes); }
void delete_block(std::byte* data, std::size_t) { deallocate(data); }
#endif

// Systems promise more than they have, and end who writes to it.
std::size_t memory_of_machine() {
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
  const auto pages = sysconf(_SC_PHYS_PAGES);
  const auto page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0) {
    return static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes);
  }
#endif
  return std::numeric_limits<std::size_t>::max();
}

constexpr std::size_t rounded(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

LargePages::~LargePages() {
  for (const Block& block : blocks_) delete_block(block.data, block.size);
}

bool LargePages::is_left(std::size_t bytes) const {
  std::size_t left = memory_of_machine();
  for (const Block& block : blocks_) left -= std::min(left, block.size);
  return left > kBlock && bytes < left - kBlock;
}

std::span<std::byte> LargePages::take(std::size_t bytes) {
  if (bytes == 0) return {};
  if (blocks_.empty() || blocks_.back().size - blocks_.back().used < bytes) {
    if (!is_left(bytes)) throw std::bad_alloc();
    blocks_.reserve(blocks_.size() + 1);
    const std::size_t size = rounded(bytes, kBlock);
    blocks_.push_back({new_block(size), size, 0});
  }
  Block& block = blocks_.back();
  const std::span<std::byte> piece(block.data + block.used, bytes);
  block.used = std::min(block.size, block.used + rounded(bytes, kAlignment));
  return piece;
}

std::span<std::byte> LargePages::take_zeros(std::size_t bytes) {
  const std::span<std::byte> piece = take(bytes);
  if (bytes > 0) std::memset(piece.data(), 0, bytes);
  return piece;
}

LargePages::Mark LargePages::mark() const {
  return {blocks_.size(), blocks_.empty() ? 0 : blocks_.back().used};
}

void LargePages::release(const Mark& mark) {
  for (; blocks_.size() > mark.blocks; blocks_.pop_back())
    delete_block(blocks_.back().data, blocks_.back().size);
  if (!blocks_.empty()) blocks_.back().used = mark.used;
}

}  // namespace pact
