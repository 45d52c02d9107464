// SPDX-License-Identifier: Apache-2.0
// Codes of k bits <-> bytes. Code i occupies bits [i*k, (i+1)*k) of the byte string, where bit b is
// bit b % 8 (from the least significant) of byte b / 8; unused bits of the last byte are zero.
// For k = 3, codes a b c: byte 0 = ccbbbaaa, byte 1 = 0000000c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pact::numeric {

/// Bytes that `count` codes of `bits` bits occupy. bits 1 to 8.
constexpr std::size_t packed_bytes(std::size_t count, int bits) {
  return (count * static_cast<std::size_t>(bits) + 7) / 8;
}

/// Packs `codes`, each below 2^bits.
std::vector<std::byte> pack(std::span<const std::uint8_t> codes, int bits);

/// Unpacks codes.size() codes, from code `first` on; `bytes` holds at least
/// packed_bytes(first + codes.size(), bits).
void unpack(std::span<const std::byte> bytes, int bits, std::size_t first,
            std::span<std::uint8_t> codes);
inline void unpack(std::span<const std::byte> bytes, int bits, std::span<std::uint8_t> codes) {
  unpack(bytes, bits, 0, codes);
}

}  // namespace pact::numeric
