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

void unpack(std::span<const std::byte> bytes, int bits, std::span<std::uint8_t> codes) {
  PACT_CHECK(bits >= 1 && bits <= 8 && bytes.size() >= packed_bytes(codes.size(), bits));
  const unsigned mask = (1U << bits) - 1;
  std::size_t bit = 0;
  for (std::uint8_t& code : codes) {
    const std::size_t first = bit / 8;
    unsigned window = static_cast<unsigned>(bytes[first]);
    if (first + 1 < bytes.size()) window |= static_cast<unsigned>(bytes[first + 1]) << 8;
    code = static_cast<std::uint8_t>((window >> (bit % 8)) & mask);
    bit += static_cast<std::size_t>(bits);
  }
}

}  // namespace pact::numeric
