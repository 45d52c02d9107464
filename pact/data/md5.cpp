// SPDX-License-Identifier: Apache-2.0
#include "pact/data/md5.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace pact::data {
namespace {

constexpr std::size_t kBlock = 64;

using Digest = std::array<std::uint32_t, 4>;

// RFC 1321, 3.4: floor(2^32 |sin(i + 1)|).
constexpr std::uint32_t kSines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

std::uint32_t little_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

// One of the four rounds: 16 steps that differ from the other rounds' in the function and in the
// order of the words.
template <typename Function>
void round_of_16(Digest& d, const std::uint32_t* words, int round, int first, int stride,
                 const Function& function) {
  for (int i = 0; i < 16; ++i) {
    const std::uint32_t sum = d[0] + function(d[1], d[2], d[3]) + kSines[16 * round + i] +
                              words[(first + stride * i) % 16];
    d = {d[3], d[1] + std::rotl(sum, kShifts[round][i % 4]), d[1], d[2]};
  }
}

void add_block(Digest& digest, const std::byte* block) {
  std::uint32_t words[16];
  for (int i = 0; i < 16; ++i) words[i] = little_endian(block + 4 * i);
  Digest d = digest;
  using Word = std::uint32_t;
  round_of_16(d, words, 0, 0, 1, [](Word x, Word y, Word z) { return (x & y) | (~x & z); });
  round_of_16(d, words, 1, 1, 5, [](Word x, Word y, Word z) { return (x & z) | (y & ~z); });
  round_of_16(d, words, 2, 5, 3, [](Word x, Word y, Word z) { return x ^ y ^ z; });
  round_of_16(d, words, 3, 0, 7, [](Word x, Word y, Word z) { return y ^ (x | ~z); });
  for (int i = 0; i < 4; ++i) digest[i] += d[i];
}

}  // namespace

std::string md5(std::span<const std::byte> bytes) {
  Digest digest = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const std::uint64_t bits = std::uint64_t(bytes.size()) * 8;
  for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) add_block(digest, bytes.data());

  std::byte tail[2 * kBlock] = {};
  if (!bytes.empty()) std::memcpy(tail, bytes.data(), bytes.size());
  tail[bytes.size()] = std::byte{0x80};
  const std::size_t length = bytes.size() + 9 <= kBlock ? kBlock : 2 * kBlock;
  for (int i = 0; i < 8; ++i) tail[length - 8 + i] = std::byte(bits >> (8 * i) & 0xff);
  for (std::size_t i = 0; i < length; i += kBlock) add_block(digest, tail + i);

  std::string hex;
  for (const std::uint32_t word : digest) {
    for (int shift : {4, 0, 12, 8, 20, 16, 28, 24}) hex += "0123456789abcdef"[word >> shift & 15];
  }
  return hex;
}

}  // namespace pact::data
