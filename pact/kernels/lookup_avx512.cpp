// SPDX-License-Identifier: Apache-2.0
// A table is 128 pairs of bytes in four registers: a permutation of words finds the pair, the
// lowest bit of the value which of the two.
#include <immintrin.h>

#include "pact/kernels/lookup.h"

namespace pact::kernels {
namespace {

constexpr std::int64_t kBytes = 64;

struct Table {
  __m512i pairs[4];
};

Table load_table(const std::uint8_t* bytes) {
  Table table;
  for (int i = 0; i < 4; ++i) table.pairs[i] = _mm512_loadu_si512(bytes + i * kBytes);
  return table;
}

// The low bytes of words below 256 looked up; the high bytes are of no use.
inline __m512i look_up_words(const Table& table, __m512i words) {
  const __m512i pair = _mm512_srli_epi16(words, 1);
  const __m512i low = _mm512_permutex2var_epi16(table.pairs[0], pair, table.pairs[1]);
  const __m512i high = _mm512_permutex2var_epi16(table.pairs[2], pair, table.pairs[3]);
  const __mmask32 is_high = _mm512_test_epi16_mask(words, _mm512_set1_epi16(0x80));
  const __m512i second = _mm512_slli_epi16(_mm512_and_si512(words, _mm512_set1_epi16(1)), 3);
  return _mm512_srlv_epi16(_mm512_mask_blend_epi16(is_high, low, high), second);
}

inline __m512i look_up(const Table& table, __m512i bytes) {
  const __m512i low_bytes = _mm512_set1_epi16(0xFF);
  const __m512i even = look_up_words(table, _mm512_and_si512(bytes, low_bytes));
  const __m512i odd = look_up_words(table, _mm512_srli_epi16(bytes, 8));
  return _mm512_or_si512(_mm512_and_si512(even, low_bytes), _mm512_slli_epi16(odd, 8));
}

// The first `count` of 64 bytes.
inline __mmask64 first_bytes(std::int64_t count) {
  if (count <= 0) return 0;
  return count >= kBytes ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

void look_up_plane(const LookupOperands& o) {
  const Table table = load_table(o.tables);
  for (std::int64_t p = 0; p < o.count; p += kBytes) {
    const __mmask64 rest = first_bytes(o.count - p);
    const __m512i found = look_up(table, _mm512_maskz_loadu_epi8(rest, o.values + p));
    _mm512_mask_storeu_epi8(o.target + p, rest, found);
  }
}

// How the bytes of 64 pixels of three channels, in three vectors, become a vector a channel, and
// back: lane by lane, so that a channel's bytes are not in their order in between.
struct Order {
  alignas(kBytes) std::uint8_t from[kBytes];
};
struct Orders {
  Order gather[3][3];   // [channel][part]
  Order scatter[3][3];  // [part][channel]
};
constexpr Orders make_orders() {
  constexpr int kLane = 16;
  constexpr std::uint8_t kZero = 0x80;
  Orders orders{};
  for (int lane = 0; lane < kBytes; lane += kLane) {
    int found[3] = {};
    for (int part = 0; part < 3; ++part) {
      for (int i = 0; i < kLane; ++i) {
        for (int c = 0; c < 3; ++c) {
          orders.gather[c][part].from[lane + i] = kZero;
          orders.scatter[part][c].from[lane + i] = kZero;
        }
      }
      for (int i = 0; i < kLane; ++i) {
        const int c = (part * kBytes + lane + i) % 3;
        orders.gather[c][part].from[lane + found[c]] = static_cast<std::uint8_t>(i);
        orders.scatter[part][c].from[lane + i] = static_cast<std::uint8_t>(found[c]++);
      }
    }
  }
  return orders;
}
constexpr Orders kOrders = make_orders();

inline __m512i ordered(const __m512i (&vectors)[3], const Order (&orders)[3]) {
  __m512i result = _mm512_setzero_si512();
  for (int i = 0; i < 3; ++i) {
    const __m512i from = _mm512_load_si512(orders[i].from);
    result = _mm512_or_si512(result, _mm512_shuffle_epi8(vectors[i], from));
  }
  return result;
}

void look_up_three_channels(const LookupOperands& o) {
  const Table tables[] = {load_table(o.tables), load_table(o.tables + 256),
                          load_table(o.tables + 512)};
  for (std::int64_t at = 0; at < 3 * o.count; at += 3 * kBytes) {
    __m512i parts[3];
    __m512i channels[3];
    __mmask64 rest[3];
    for (int part = 0; part < 3; ++part) {
      rest[part] = first_bytes(3 * o.count - at - part * kBytes);
      parts[part] = _mm512_maskz_loadu_epi8(rest[part], o.values + at + part * kBytes);
    }
    for (int c = 0; c < 3; ++c) channels[c] = look_up(tables[c], ordered(parts, kOrders.gather[c]));
    for (int part = 0; part < 3; ++part) {
      _mm512_mask_storeu_epi8(o.target + at + part * kBytes, rest[part],
                              ordered(channels, kOrders.scatter[part]));
    }
  }
}

void run(const LookupOperands& operands) {
  const std::int64_t channels = operands.channels;
  const bool dense = operands.pixel_stride == channels;
  if (dense && channels == 1) return look_up_plane(operands);
  if (dense && channels == 3 && operands.channel_stride == 1) {
    return look_up_three_channels(operands);
  }
  lookup_scalar.run(operands);
}

}  // namespace

const LookupKernel lookup_avx512{.name = "lookup_u8_avx512", .isa = Isa::Avx512, .run = &run};

}  // namespace pact::kernels
