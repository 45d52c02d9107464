// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pact::numeric {
namespace {

constexpr std::size_t kLongestTail = 40;

std::vector<std::uint8_t> random_codes(std::size_t count, int bits, std::mt19937& random) {
  std::vector<std::uint8_t> codes(count);
  for (auto& code : codes) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
  return codes;
}

bool bit_of(const std::vector<std::byte>& bytes, std::size_t bit) {
  return ((static_cast<unsigned>(bytes[bit / 8]) >> (bit % 8)) & 1U) != 0;
}

TEST(Pack, RoundTripsEveryWidthAndTailLength) {
  constexpr unsigned kSeed = 1;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  int checked = 0;
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t count = 0; count <= kLongestTail; ++count) {
      const auto codes = random_codes(count, bits, random);
      const auto bytes = pack(codes, bits);
      ASSERT_EQ(bytes.size(), packed_bytes(count, bits));
      std::vector<std::uint8_t> unpacked(count, 0xAA);
      unpack(bytes, bits, unpacked);
      ASSERT_EQ(unpacked, codes) << bits << " bits, " << count << " codes";
      ++checked;
    }
  }
  EXPECT_EQ(checked, 8 * 41);
}

TEST(Pack, UnpacksFromAnyCodeOn) {
  std::mt19937 random(3);
  for (int bits = 1; bits <= 8; ++bits) {
    const auto codes = random_codes(kLongestTail, bits, random);
    const auto bytes = pack(codes, bits);
    for (std::size_t first = 0; first <= codes.size(); ++first) {
      for (std::size_t count = 0; first + count <= codes.size(); ++count) {
        std::vector<std::uint8_t> unpacked(count, 0xAA);
        unpack(bytes, bits, first, unpacked);
        ASSERT_TRUE(std::equal(unpacked.begin(), unpacked.end(),
                               codes.begin() + static_cast<std::ptrdiff_t>(first)))
            << bits << " bits, " << count << " codes from " << first;
      }
    }
  }
}

TEST(Pack, BitOfACodeLiesWhereTheFormatSays) {
  constexpr unsigned kSeed = 2;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (int bits = 1; bits <= 8; ++bits) {
    const auto width = static_cast<std::size_t>(bits);
    const auto codes = random_codes(kLongestTail, bits, random);
    const auto bytes = pack(codes, bits);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        ASSERT_EQ(bit_of(bytes, i * width + j), ((codes[i] >> j) & 1) != 0)
            << bits << " bits, code " << i << ", bit " << j;
      }
    }
  }
}

TEST(Pack, UnusedBitsOfTheLastByteAreZero) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t count = 0; count <= kLongestTail; ++count) {
      const auto ones = static_cast<std::uint8_t>((1U << bits) - 1);
      const auto bytes = pack(std::vector<std::uint8_t>(count, ones), bits);
      const std::size_t used = count * static_cast<std::size_t>(bits);
      for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        ASSERT_EQ(bit_of(bytes, bit), bit < used) << bits << " bits, " << count << " codes";
      }
    }
  }
}

TEST(Pack, ThreeBitCodesHaveTheDocumentedBytes) {
  const std::uint8_t codes[] = {0b001, 0b010,
                                0b111};  // a b c: byte 0 = ccbbbaaa, byte 1 = 0000000c
  const auto bytes = pack(codes, 3);
  ASSERT_EQ(bytes.size(), 2U);
  EXPECT_EQ(bytes[0], std::byte{0b11010001});
  EXPECT_EQ(bytes[1], std::byte{0b00000001});
}

TEST(Pack, FourBitCodesPutTheFirstInTheLowNibble) {
  const std::uint8_t codes[] = {0x1, 0x2, 0xF};
  const auto bytes = pack(codes, 4);
  ASSERT_EQ(bytes.size(), 2U);
  EXPECT_EQ(bytes[0], std::byte{0x21});
  EXPECT_EQ(bytes[1], std::byte{0x0F});
}

TEST(Pack, EightBitCodesAreBytes) {
  const std::uint8_t codes[] = {0, 255, 17};
  const auto bytes = pack(codes, 8);
  ASSERT_EQ(bytes.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(bytes[i], static_cast<std::byte>(codes[i]));
}

TEST(Pack, SizesRoundUpToWholeBytes) {
  EXPECT_EQ(packed_bytes(0, 5), 0U);
  EXPECT_EQ(packed_bytes(1, 1), 1U);
  EXPECT_EQ(packed_bytes(8, 1), 1U);
  EXPECT_EQ(packed_bytes(9, 1), 2U);
  EXPECT_EQ(packed_bytes(3, 3), 2U);
  EXPECT_EQ(packed_bytes(8, 7), 7U);
}

TEST(Pack, UnpackIgnoresBytesAfterTheCodes) {
  const std::vector<std::byte> bytes{std::byte{0xC1}, std::byte{0xFF}, std::byte{0xFF}};
  std::vector<std::uint8_t> codes(2);
  unpack(bytes, 3, codes);
  EXPECT_EQ(codes, (std::vector<std::uint8_t>{1, 0}));
}

TEST(PackDeathTest, RefusesACodeThatDoesNotFitAndAShortInput) {
  const std::vector<std::uint8_t> codes{8};
  EXPECT_DEATH(pack(codes, 3), "check failed");
  EXPECT_DEATH(pack(codes, 0), "check failed");
  std::vector<std::uint8_t> out(3);
  EXPECT_DEATH(unpack(std::vector<std::byte>(1), 3, out), "check failed");
}

}  // namespace
}  // namespace pact::numeric
