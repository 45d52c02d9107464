// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/pack.h"

#include "pact/base/result.h"

namespace pact::numeric {

std::vector<std::byte> pack(std::span<const std::uint8_t> codes, int bits) {
  PACT_CHECK(bits >= 1 && bits <= 8);
  std::vector<std::byte> bytes(packed_bytes(codes.size(), bits));
  std::size_t bit = 0;
  for (const std::uint8_t code : codes) {
    PACT_CHECK(code >> bits == 0);
    const unsigned shifted = static_cast<unsigned>(code) << (bit % 8);
    bytes[bit / 8] |= static_cast<std::byte>(shifted);
    if (shifted > 0xFF) bytes[bit / 8 + 1] |= static_cast<std::byte>(shifted >> 8);
    bit += static_cast<std::size_t>(bits);
  }
  return bytes;
}

namespace {

// The codes that share a byte, for widths that divide it: loops that compilers turn into vectors.
template <int kBits>
void unpack_bytes(const std::byte* bytes, std::size_t count, std::uint8_t* codes) {
  constexpr std::size_t kCodes = 8 / kBits;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < kCodes; ++j) {
      codes[i * kCodes + j] = static_cast<std::uint8_t>(
          static_cast<unsigned>(bytes[i]) >> (j * kBits) & ((1U << kBits) - 1));
    }
  }
}

// Unpacks whole bytes of widths that divide a byte; returns how many codes that were.
std::size_t unpack_whole_bytes(std::span<const std::byte> bytes, int bits,
                               std::span<std::uint8_t> codes) {
  if (8 % bits != 0) return 0;
  const std::size_t count = codes.size() / (8 / static_cast<std::size_t>(bits));
  if (bits == 1) unpack_bytes<1>(bytes.data(), count, codes.data());
  if (bits == 2) unpack_bytes<2>(bytes.data(), count, codes.data());
  if (bits == 4) unpack_bytes<4>(bytes.data(), count, codes.data());
  if (bits == 8) unpack_bytes<8>(bytes.data(), count, codes.data());
  return count * (8 / static_cast<std::size_t>(bits));
}

std::uint8_t code_at(std::span<const std::byte> bytes, std::size_t bit, int bits) {
  unsigned window = static_cast<unsigned>(bytes[bit / 8]);
  if (bit / 8 + 1 < bytes.size()) window |= static_cast<unsigned>(bytes[bit / 8 + 1]) << 8;
  return static_cast<std::uint8_t>(window >> (bit % 8) & ((1U << bits) - 1));
}

}  // namespace

void unpack(std::span<const std::byte> bytes, int bits, std::size_t first,
            std::span<std::uint8_t> codes) {
  PACT_CHECK(bits >= 1 && bits <= 8 && bytes.size() >= packed_bytes(first + codes.size(), bits));
  const auto width = static_cast<std::size_t>(bits);
  std::size_t i = 0;
  const auto one = [&] { codes[i] = code_at(bytes, (first + i) * width, bits), ++i; };
  while (i < codes.size() && (first + i) * width % 8 != 0) one();
  i += unpack_whole_bytes(bytes.subspan((first + i) * width / 8), bits, codes.subspan(i));
  while (i < codes.size()) one();
}

}  // namespace pact::numeric
