// SPDX-License-Identifier: Apache-2.0
// Fields of the ports of a Verilated module: field i of `bits` bits lies at [i * bits +: bits].
#pragma once

#include <verilated.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace pact::rtl {

inline constexpr std::uint64_t mask(int bits) {
  return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

struct Field {
  std::size_t index;
  int bits;  // 1 to 64
};

/// Calls part(word, bit of the word, bit of the field, count) for each word that the field touches.
template <typename Part>
void for_each_word(Field field, Part part) {
  const auto bits = static_cast<std::size_t>(field.bits);
  for (std::size_t done = 0; done < bits;) {
    const std::size_t at = field.index * bits + done;
    const std::size_t count = std::min(bits - done, 32 - at % 32);
    part(at / 32, static_cast<int>(at % 32), static_cast<int>(done), static_cast<int>(count));
    done += count;
  }
}

/// Sets a field of a port; of `value` the lowest bits count.
template <std::size_t kWords>
void set_field(VlWide<kWords>& port, Field field, std::uint64_t value) {
  for_each_word(field, [&](std::size_t word, int bit, int from, int count) {
    const auto part = static_cast<std::uint32_t>((value >> from & mask(count)) << bit);
    port.m_storage[word] =
        (port.m_storage[word] & ~static_cast<std::uint32_t>(mask(count) << bit)) | part;
  });
}
template <std::unsigned_integral Port>
void set_field(Port& port, Field field, std::uint64_t value) {
  const int bit = static_cast<int>(field.index) * field.bits;
  const std::uint64_t rest = port & ~(mask(field.bits) << bit);
  port = static_cast<Port>(rest | (value & mask(field.bits)) << bit);
}

template <std::size_t kWords>
std::uint64_t field_of(const VlWide<kWords>& port, Field field) {
  std::uint64_t value = 0;
  for_each_word(field, [&](std::size_t word, int bit, int from, int count) {
    value |= (port.m_storage[word] >> bit & mask(count)) << from;
  });
  return value;
}
template <std::unsigned_integral Port>
std::uint64_t field_of(const Port& port, Field field) {
  return port >> (static_cast<int>(field.index) * field.bits) & mask(field.bits);
}

/// One cycle of the clock: the registers take what stands at their inputs.
template <typename Module>
void tick(Module& module) {
  module.clock = 0;
  module.eval();
  module.clock = 1;
  module.eval();
}

}  // namespace pact::rtl
