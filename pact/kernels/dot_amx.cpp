// SPDX-License-Identifier: Apache-2.0
// tdpbusd: 16 rows of up to 16 quads of codes times as many quads of 16 columns of weights, added
// to 16 x 16 sums. Tiles 0 to 3 are sums, 4 and 5 codes of a tile of rows each, 6 and 7 weights of
// a tile of columns each: two tiles of rows by two of columns, or up to four by one. All tiles of
// rows are as short as they can be, and the last one may overlap the one before it. A segment is
// cut into equal tiles of quads. Runs of as many rows and quads follow each other best: to
// configure tiles anew takes as long as a hundred products of them.
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "pact/kernels/dot.h"
#include "pact/kernels/unpack_ymm.h"

namespace pact::kernels {
namespace {

constexpr int kTile = 16;  // rows, quads, columns
constexpr int kTileBytes = 4 * kTile;
constexpr int kTilesOfSums = 4;

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

// Returns the quads of a tile. Segments of different lengths may be cut into the same tiles.
int configure(int rows, std::int64_t segment) {
  if (configured.rows == rows && configured.segment == segment) return configured.quads;
  const int quads = quads_in_tile(segment);
  const bool is_loaded = configured.rows == rows && configured.quads == quads;
  configured = {rows, segment, quads};
  if (is_loaded) return quads;
  TileConfiguration tiles;
  for (int sums = 0; sums < kTilesOfSums; ++sums) tiles.set(sums, rows, kTileBytes);
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
  static constexpr int kTilesOfRows = (kRows + kTile - 1) / kTile;
  static constexpr int kTileRows = (kRows + kTilesOfRows - 1) / kTilesOfRows;
  static constexpr bool kTwoOfColumns = kVectors > 1;
  static_assert(kTilesOfRows * kVectors <= kTilesOfSums);
  static constexpr std::ptrdiff_t kQuadBytes = kVectors * kTileBytes;  // of all columns

  static constexpr std::ptrdiff_t first_row(int tile) {
    return std::min(tile * kTileRows, kRows - kTileRows);
  }

  static void clear() {
    _tile_zero(0);
    if constexpr (kTwoOfColumns || kTilesOfRows > 2) _tile_zero(1);
    if constexpr (kTilesOfRows > 1) _tile_zero(2);
    if constexpr (kTilesOfRows * kVectors > 3) _tile_zero(3);
  }

  // Products of as many quads as the tiles are configured for. `meanwhile` is called after each
  // product of tiles: what vectors do then costs least.
  template <typename Meanwhile>
  static void add(const char* a, std::ptrdiff_t row_stride, const char* b, Meanwhile&& meanwhile) {
    _tile_loadd(4, a, row_stride);
    _tile_loadd(6, b, kQuadBytes);
    _tile_dpbusd(0, 4, 6);
    meanwhile();
    if constexpr (kTilesOfRows > 1) {
      _tile_loadd(5, a + first_row(1) * row_stride, row_stride);
      _tile_dpbusd(2, 5, 6);
      meanwhile();
    }
    if constexpr (kTwoOfColumns) {
      _tile_loadd(7, b + kTileBytes, kQuadBytes);
      _tile_dpbusd(1, 4, 7);
      meanwhile();
    }
    if constexpr (kTwoOfColumns && kTilesOfRows > 1) {
      _tile_dpbusd(3, 5, 7);
      meanwhile();
    }
    if constexpr (kTilesOfRows > 2) {
      _tile_loadd(4, a + first_row(2) * row_stride, row_stride);
      _tile_dpbusd(1, 4, 6);
      meanwhile();
    }
    if constexpr (kTilesOfRows > 3) {
      _tile_loadd(5, a + first_row(3) * row_stride, row_stride);
      _tile_dpbusd(3, 5, 6);
      meanwhile();
    }
  }

  static void store(std::int32_t* c) {
    const auto at = [&](int tile, int column) {
      return c + first_row(tile) * kVectors * kTile + column;
    };
    _tile_stored(0, c, kQuadBytes);
    if constexpr (kTwoOfColumns) _tile_stored(1, at(0, kTile), kQuadBytes);
    if constexpr (kTilesOfRows > 1) _tile_stored(2, at(1, 0), kQuadBytes);
    if constexpr (kTilesOfRows > 1 && kTwoOfColumns) _tile_stored(3, at(1, kTile), kQuadBytes);
    if constexpr (kTilesOfRows > 2) _tile_stored(1, at(2, 0), kQuadBytes);
    if constexpr (kTilesOfRows > 3) _tile_stored(3, at(3, 0), kQuadBytes);
  }
};

template <int kRows, int kVectors, typename Meanwhile>
void multiply(const DotOperands& o, int quads, Meanwhile&& meanwhile) {
  using Sums = Block<kRows, kVectors>;
  const char* a = static_cast<const char*>(o.a);
  const char* b = static_cast<const char*>(o.b);
  std::int32_t* c = o.c;
  for (std::int64_t m = 0; m < o.count; ++m, a += o.a_next, c += o.c_next) {
    Sums::clear();
    for (std::int64_t segment = 0; segment < o.segments; ++segment) {
      for (std::int64_t quad = 0; quad < o.quads; quad += quads, b += quads * Sums::kQuadBytes) {
        Sums::add(a + segment * o.segment_stride + 4 * quad, o.row_stride, b, meanwhile);
      }
    }
    Sums::store(c);
  }
}

template <int kRows, int kVectors, int kBits>
void multiply_and_unpack(const DotOperands& o, int quads) {
  constexpr int kProducts = Block<kRows, kVectors>::kTilesOfRows * kVectors;
  constexpr int kPart = (kTile * kVectors + kProducts - 1) / kProducts;  // groups
  static_assert(kTileBytes == kUnpackedBytes, "a quad of a tile is a group");
  const UnpackOperands ahead = o.ahead->take(o.count * o.segments * o.quads * kVectors);
  YmmUnpacker<kBits> unpacker(ahead);
  unpacker.run(ahead.groups % kPart);
  std::int64_t parts = ahead.groups / kPart;
  multiply<kRows, kVectors>(o, quads, [&] {
    if (parts == 0) return;
    unpacker.template run<kPart>();
    --parts;
    // To load a tile is no read of memory for the compiler.
    asm volatile("" : : : "memory");
  });
}

template <int kRows, int kVectors>
void multiply_and_fetch(const DotOperands& o, int quads) {
  constexpr std::uintptr_t kBytesAhead = 4096;
  constexpr std::uintptr_t kLine = 64;
  constexpr int kProducts = Block<kRows, kVectors>::kTilesOfRows * kVectors;
  const int lines = (quads * kVectors + kProducts - 1) / kProducts;  // after each product
  auto next = reinterpret_cast<std::uintptr_t>(o.b) + kBytesAhead;   // perhaps beyond all weights
  multiply<kRows, kVectors>(o, quads, [&] {
    for (int i = 0; i < lines; ++i, next += kLine) {
      _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T0);
    }
  });
}

template <int kRows, int kVectors>
void dot_amx(const DotOperands& o) {
  const int quads = configure(Block<kRows, kVectors>::kTileRows, o.quads);
  const bool unpacks = o.ahead != nullptr && o.ahead->groups > 0;
  if (unpacks && o.ahead->bits == 4) return multiply_and_unpack<kRows, kVectors, 4>(o, quads);
  if (unpacks) return multiply_and_unpack<kRows, kVectors, 2>(o, quads);
  if (o.b_is_far) return multiply_and_fetch<kRows, kVectors>(o, quads);
  multiply<kRows, kVectors>(o, quads, [] {});
}

template <int kRows>
struct RowTable {
  DotFunction run[kRows];
};
template <int kVectors, int... kRow>
constexpr RowTable<sizeof...(kRow)> rows_of(std::integer_sequence<int, kRow...>) {
  return {{&dot_amx<kRow + 1, kVectors>...}};
}
template <int kVectors>
constexpr int kMostRows = kTile* kTilesOfSums / kVectors;
template <int kVectors>
constexpr auto kAmxRows = rows_of<kVectors>(std::make_integer_sequence<int, kMostRows<kVectors>>());

template <int kVectors>
constexpr DotKernel amx_kernel(const char* name) {
  return {.name = name,
          .isa = Isa::Amx,
          .operand = DotOperand::Bytes,
          .columns = kVectors * kTile,
          .max_rows = kMostRows<kVectors>,
          .products_in_16_bits = 0,
          .run = kAmxRows<kVectors>.run,
          .unpacks = true,
          .one_length = true,
          .release = &release};
}

constexpr DotKernel kAmxDots[] = {amx_kernel<1>("dot_u8_s8_i32_64x16x4_amx"),
                                  amx_kernel<2>("dot_u8_s8_i32_32x32x4_amx")};

}  // namespace

const DotKernelTable dot_kernels_amx{kAmxDots, sizeof kAmxDots / sizeof kAmxDots[0]};

}  // namespace pact::kernels
