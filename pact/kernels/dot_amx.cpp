// SPDX-License-Identifier: Apache-2.0
// tdpbusd: 16 rows of up to 16 quads of codes times as many quads of 16 columns of weights, added
// to 16 x 16 sums. Tiles 0 to 3 are sums, 4 and 5 codes of a tile of rows each, 6 and 7 weights of
// a tile of columns each. 17 to 31 rows are two tiles that overlap, and a segment is cut into equal
// tiles of quads: what tiles are configured for, which takes as long as a hundred products of them,
// seldom changes.
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

// What the tiles of this thread are configured for.
struct Shape {
  int rows = 0;              // 0: not configured
  std::int64_t segment = 0;  // quads
  int quads = 0;             // of a tile, into which they are cut
};
thread_local Shape configured;

// Returns the quads of a tile.
int configure(int rows, std::int64_t segment) {
  if (configured.rows == rows && configured.segment == segment) return configured.quads;
  const int quads = quads_in_tile(segment);
  configured = {rows, segment, quads};
  TileConfiguration tiles;
  for (int sums = 0; sums < 4; ++sums) tiles.set(sums, rows, kTileBytes);
  for (int codes = 4; codes < 6; ++codes) tiles.set(codes, rows, 4 * quads);
  for (int weights = 6; weights < 8; ++weights) tiles.set(weights, quads, kTileBytes);
  // The intrinsic says that it reads eight bytes only.
  asm volatile("" : : "r"(&tiles) : "memory");
  _tile_loadconfig(&tiles);
  return quads;
}

void release() {
  configured = {};
  _tile_release();
}

template <int kRows, int kVectors>
struct Block {
  static constexpr bool kTwoOfRows = kRows > kTile;
  static constexpr bool kTwoOfColumns = kVectors > 1;
  static constexpr std::ptrdiff_t kQuadBytes = kVectors * kTileBytes;  // of all columns
  static constexpr std::ptrdiff_t kSecondRow = kTwoOfRows ? kRows - kTile : 0;

  static void clear() {
    _tile_zero(0);
    if constexpr (kTwoOfColumns) _tile_zero(1);
    if constexpr (kTwoOfRows) _tile_zero(2);
    if constexpr (kTwoOfRows && kTwoOfColumns) _tile_zero(3);
  }

  // Products of as many quads as the tiles are configured for.
  static void add(const char* a, std::ptrdiff_t row_stride, const char* b) {
    _tile_loadd(4, a, row_stride);
    _tile_loadd(6, b, kQuadBytes);
    _tile_dpbusd(0, 4, 6);
    if constexpr (kTwoOfRows) {
      _tile_loadd(5, a + kSecondRow * row_stride, row_stride);
      _tile_dpbusd(2, 5, 6);
    }
    if constexpr (kTwoOfColumns) {
      _tile_loadd(7, b + kTileBytes, kQuadBytes);
      _tile_dpbusd(1, 4, 7);
      if constexpr (kTwoOfRows) _tile_dpbusd(3, 5, 7);
    }
  }

  static void store(std::int32_t* c) {
    constexpr std::ptrdiff_t kSecond = kSecondRow * kVectors * kTile;
    _tile_stored(0, c, kQuadBytes);
    if constexpr (kTwoOfColumns) _tile_stored(1, c + kTile, kQuadBytes);
    if constexpr (kTwoOfRows) _tile_stored(2, c + kSecond, kQuadBytes);
    if constexpr (kTwoOfRows && kTwoOfColumns) _tile_stored(3, c + kSecond + kTile, kQuadBytes);
  }
};

template <int kRows, int kVectors>
void dot_amx(const DotOperands& o) {
  using Sums = Block<kRows, kVectors>;
  const int quads = configure(kRows < kTile ? kRows : kTile, o.quads);
  const char* a = static_cast<const char*>(o.a);
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    Sums::clear();
    for (std::int64_t segment = 0; segment < o.segments; ++segment) {
      for (std::int64_t quad = 0; quad < o.quads; quad += quads, b += quads * Sums::kQuadBytes) {
        Sums::add(a + segment * o.segment_stride + 4 * quad, o.row_stride, b);
      }
    }
    Sums::store(c);
  }
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
          .run = kAmxRows<kVectors>.run,
          .release = &release};
}

constexpr DotKernel kAmxDots[] = {amx_kernel<1>("dot_u8_s8_i32_32x16x4_amx"),
                                  amx_kernel<2>("dot_u8_s8_i32_32x32x4_amx")};

}  // namespace

const DotKernelTable dot_kernels_amx{kAmxDots, sizeof kAmxDots / sizeof kAmxDots[0]};

}  // namespace pact::kernels
