// SPDX-License-Identifier: Apache-2.0
// tdpbusd: 16 rows of 16 quads of codes times 16 quads of 16 columns of weights, added to 16 x 16
// sums. Tiles 0 to 3 are sums, 4 and 5 codes of a tile of rows each, 6 and 7 weights of a tile of
// columns each. What a segment has beyond whole tiles of quads is multiplied after all of these, in
// tiles that are narrower.
#include <immintrin.h>

#include <utility>

#include "pact/kernels/dot.h"

namespace pact::kernels {
namespace {

constexpr int kTile = 16;  // rows, quads, columns
constexpr int kTileBytes = 4 * kTile;
constexpr int kMaxRows = 2 * kTile;

// As ldtilecfg reads it.
struct TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  constexpr void set(int tile, int tile_rows, int bytes) {
    rows[tile] = static_cast<std::uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<std::uint16_t>(bytes);
  }
};
static_assert(sizeof(TileConfiguration) == 64);

// Makes all sums zero.
template <int kRows>
void configure(int quads) {
  constexpr int kFirst = kRows < kTile ? kRows : kTile;
  constexpr int kSecond = kRows - kFirst;
  TileConfiguration tiles;
  tiles.set(0, kFirst, kTileBytes);
  tiles.set(1, kFirst, kTileBytes);
  tiles.set(4, kFirst, 4 * quads);
  if (kSecond > 0) {
    tiles.set(2, kSecond, kTileBytes);
    tiles.set(3, kSecond, kTileBytes);
    tiles.set(5, kSecond, 4 * quads);
  }
  tiles.set(6, quads, kTileBytes);
  tiles.set(7, quads, kTileBytes);
  // The intrinsic says that it reads eight bytes only.
  asm volatile("" : : "r"(&tiles) : "memory");
  _tile_loadconfig(&tiles);
}

template <int kRows, int kVectors>
struct Block {
  static constexpr bool kTwoOfRows = kRows > kTile;
  static constexpr bool kTwoOfColumns = kVectors > 1;
  static constexpr std::ptrdiff_t kQuadBytes = kVectors * kTileBytes;  // of all columns

  // Products of as many quads as the tiles are configured for.
  static void add(const char* a, std::ptrdiff_t row_stride, const char* b) {
    _tile_loadd(4, a, row_stride);
    _tile_loadd(6, b, kQuadBytes);
    _tile_dpbusd(0, 4, 6);
    if constexpr (kTwoOfRows) {
      _tile_loadd(5, a + kTile * row_stride, row_stride);
      _tile_dpbusd(2, 5, 6);
    }
    if constexpr (kTwoOfColumns) {
      _tile_loadd(7, b + kTileBytes, kQuadBytes);
      _tile_dpbusd(1, 4, 7);
      if constexpr (kTwoOfRows) _tile_dpbusd(3, 5, 7);
    }
  }

  static void load(const std::int32_t* c) {
    constexpr std::ptrdiff_t kBelow = std::ptrdiff_t{kTile} * kVectors * kTile;
    _tile_loadd(0, c, kQuadBytes);
    if constexpr (kTwoOfColumns) _tile_loadd(1, c + kTile, kQuadBytes);
    if constexpr (kTwoOfRows) _tile_loadd(2, c + kBelow, kQuadBytes);
    if constexpr (kTwoOfRows && kTwoOfColumns) _tile_loadd(3, c + kBelow + kTile, kQuadBytes);
  }

  static void store(std::int32_t* c) {
    constexpr std::ptrdiff_t kBelow = std::ptrdiff_t{kTile} * kVectors * kTile;
    _tile_stored(0, c, kQuadBytes);
    if constexpr (kTwoOfColumns) _tile_stored(1, c + kTile, kQuadBytes);
    if constexpr (kTwoOfRows) _tile_stored(2, c + kBelow, kQuadBytes);
    if constexpr (kTwoOfRows && kTwoOfColumns) _tile_stored(3, c + kBelow + kTile, kQuadBytes);
  }
};

template <int kRows, int kVectors>
void dot_amx(const DotOperands& o) {
  using Sums = Block<kRows, kVectors>;
  const std::int64_t whole = o.quads / kTile * kTile;
  const auto rest = static_cast<int>(o.quads % kTile);
  const std::ptrdiff_t segment_bytes = o.quads * Sums::kQuadBytes;
  const char* a = static_cast<const char*>(o.a);
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    if (whole > 0 || rest == 0) {
      configure<kRows>(kTile);
      for (std::int64_t segment = 0; segment < o.segments && whole > 0; ++segment) {
        for (std::int64_t quad = 0; quad < whole; quad += kTile) {
          Sums::add(a + segment * o.segment_stride + 4 * quad, o.row_stride,
                    b + segment * segment_bytes + quad * Sums::kQuadBytes);
        }
      }
      Sums::store(c);
    }
    if (rest > 0) {
      configure<kRows>(rest);
      if (whole > 0) Sums::load(c);
      for (std::int64_t segment = 0; segment < o.segments; ++segment) {
        Sums::add(a + segment * o.segment_stride + 4 * whole, o.row_stride,
                  b + segment * segment_bytes + whole * Sums::kQuadBytes);
      }
      Sums::store(c);
    }
    b += o.segments * segment_bytes;
  }
  _tile_release();
}

struct RowTable {
  DotFunction run[kMaxRows];
};
template <int kVectors, int... kRow>
constexpr RowTable rows_of(std::integer_sequence<int, kRow...>) {
  return {{&dot_amx<kRow + 1, kVectors>...}};
}
template <int kVectors>
constexpr RowTable kAmxRows = rows_of<kVectors>(std::make_integer_sequence<int, kMaxRows>());

template <int kVectors>
constexpr DotKernel amx_kernel(const char* name) {
  return {.name = name,
          .isa = Isa::Amx,
          .operand = DotOperand::Bytes,
          .columns = kVectors * kTile,
          .max_rows = kMaxRows,
          .products_in_16_bits = 0,
          .run = kAmxRows<kVectors>.run};
}

constexpr DotKernel kAmxDots[] = {amx_kernel<1>("dot_u8_s8_i32_32x16x4_amx"),
                                  amx_kernel<2>("dot_u8_s8_i32_32x32x4_amx")};

}  // namespace

const DotKernelTable dot_kernels_amx{kAmxDots, sizeof kAmxDots / sizeof kAmxDots[0]};

}  // namespace pact::kernels
