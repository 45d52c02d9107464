// SPDX-License-Identifier: Apache-2.0
// Damaged files: whatever happened to the bytes, `read` gives an error or a consistent model, and
// touches nothing outside them (this runs under sanitizers).
#include <flatbuffers/flatbuffers.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "pact/format/model.h"
#include "pact/format/sample_model_test.h"
#include "pact/format/schema_generated.h"

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

// A file of `names` class names and `relus` nodes that are one and the same string and table.
std::vector<std::byte> sharing_file(int names, int relus) {
  flatbuffers::FlatBufferBuilder b;
  const auto floats = [&](std::size_t n) { return b.CreateVector(std::vector<float>(n, 1)); };
  const auto value = [](schema::Element element) { return schema::Value(1, 1, 1, 1, {}, element); };
  const auto name = b.CreateString(std::string(1000, 'x'));
  const auto no_inputs = b.CreateVector(std::vector<std::uint16_t>{});
  const auto of_image = b.CreateVector(std::vector<std::uint16_t>{0});
  const auto of_floats = b.CreateVector(std::vector<std::uint16_t>{1});
  const auto pixel = value(schema::Element::Pixel);
  const auto f32 = value(schema::Element::F32);
  std::vector<flatbuffers::Offset<schema::Node>> nodes;
  nodes.push_back(schema::CreateNode(b, 0, schema::Operation::Input, schema::CreateInput(b).Union(),
                                     no_inputs, &pixel));
  nodes.push_back(schema::CreateNode(b, 0, schema::Operation::Lookup,
                                     schema::CreateLookup(b, 0, floats(256)).Union(), of_image,
                                     &f32));
  const auto relu = schema::CreateNode(b, 0, schema::Operation::Relu, schema::CreateRelu(b).Union(),
                                       of_floats, &f32);
  nodes.insert(nodes.end(), static_cast<std::size_t>(relus), relu);
  const std::vector<flatbuffers::Offset<flatbuffers::String>> classes(
      static_cast<std::size_t>(names), name);
  schema::FinishModelBuffer(
      b, schema::CreateModel(b, kVersion, 0, 0, 0, floats(1), floats(1), b.CreateVector(classes),
                             b.CreateVector(nodes), 2));
  const auto* data = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  return {data, data + b.GetSize()};
}

TEST(Damage, FilesThatUseTheirBytesAgainAndAgainAreRejected) {
  ASSERT_TRUE(read(sharing_file(1, 1)));
  for (const auto& [names, relus] : {std::pair{100, 1}, {1, 2000}}) {
    const auto model = read(sharing_file(names, relus));
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().message, testing::HasSubstr("parts of it overlap"));
  }
}

}  // namespace
}  // namespace pact::format
