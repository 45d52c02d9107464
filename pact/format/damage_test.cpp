// SPDX-License-Identifier: Apache-2.0
// Damaged files: whatever happened to the bytes, `read` gives an error or a consistent model, and
// touches nothing outside them (this runs under sanitizers).
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "pact/format/model.h"
#include "pact/format/sample_model.h"

namespace pact::format {

namespace {

struct Counts {
  std::size_t rejected = 0;
  std::size_t accepted = 0;
};

// Reads `bytes`; a model that comes back must verify, and all of its views must be readable.
void read_damaged(std::span<const std::byte> bytes, Counts& counts) {
  const Result<Model> model = read(bytes);
  if (!model) {
    EXPECT_FALSE(model.error().message.empty());
    ++counts.rejected;
    return;
  }
  ++counts.accepted;
  EXPECT_TRUE(verify(*model));
  const auto again = read(write(*model));
  EXPECT_TRUE(again) << again.error().message;
}

TEST(Damage, TruncatedFilesAreRejectedAtEveryLength) {
  const auto bytes = write(sample_model());
  Counts counts;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // A copy of exactly this size, so that a sanitizer sees a read past its end.
    const std::vector<std::byte> part(bytes.begin(),
                                      bytes.begin() + static_cast<std::ptrdiff_t>(length));
    read_damaged(part, counts);
  }
  EXPECT_EQ(counts.rejected + counts.accepted, bytes.size());
  // Only the padding after the last string may be missing unnoticed.
  EXPECT_LE(counts.accepted, 3U);
}

TEST(Damage, EveryFlippedBitIsAnErrorOrAConsistentModel) {
  auto bytes = write(sample_model());
  ASSERT_TRUE(read(bytes));
  Counts counts;
  for (std::byte& byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      byte ^= std::byte(1 << bit);
      read_damaged(bytes, counts);
      byte ^= std::byte(1 << bit);
    }
  }
  ASSERT_TRUE(read(bytes));
  EXPECT_EQ(counts.rejected + counts.accepted, bytes.size() * 8);
  EXPECT_GT(counts.rejected, bytes.size());  // offsets, sizes, grids
  EXPECT_GT(counts.accepted, bytes.size());  // names, mantissas
}

TEST(Damage, OverwrittenWordsAreErrorsOrConsistentModels) {
  const auto bytes = write(sample_model());
  Counts counts;
  for (const std::uint32_t word : {0U, 1U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU, 0x00FFFFFFU}) {
    for (std::size_t at = 0; at + sizeof word <= bytes.size(); at += 2) {
      auto damaged = bytes;
      std::memcpy(damaged.data() + at, &word, sizeof word);
      read_damaged(damaged, counts);
    }
  }
  EXPECT_GT(counts.rejected, bytes.size());
}

TEST(Damage, BytesMovedAboutAreErrorsOrConsistentModels) {
  const auto bytes = write(sample_model());
  std::mt19937 random(1);
  Counts counts;
  for (int i = 0; i < 2000; ++i) {
    auto damaged = bytes;
    const std::size_t size = 1 + random() % 64;
    const std::size_t from = random() % (bytes.size() - size);
    const std::size_t to = random() % (bytes.size() - size);
    std::memcpy(damaged.data() + to, bytes.data() + from, size);
    read_damaged(damaged, counts);
  }
  EXPECT_EQ(counts.rejected + counts.accepted, 2000U);
  EXPECT_GT(counts.rejected, 0U);
}

}  // namespace
}  // namespace pact::format
