// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/grid.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace pact::numeric {
namespace {

bool bits_in_range(int bits) {
  return (bits >= kMinBits && bits <= kMaxCodeBits) || bits == kStreamBits;
}

bool take_int(std::string_view& text, std::int32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::int32_t Grid::magnitude() const { return std::max(std::abs(lowest), std::abs(highest())); }

Grid unsigned_grid(int bits) { return affine_grid(bits, 0); }

Grid symmetric_grid(int bits) {
  const std::int32_t top = (1 << (bits - 1)) - 1;
  return {.bits = bits, .step = 1, .lowest = -top, .codes = 2 * top + 1};
}

Grid odd_grid(int bits) {
  return {.bits = bits, .step = 2, .lowest = -((1 << bits) - 1), .codes = 1 << bits};
}

Grid affine_grid(int bits, std::int32_t zero_point) {
  return {.bits = bits, .step = 1, .lowest = -zero_point, .codes = 1 << bits};
}

Status check(const Grid& grid) {
  if (bits_in_range(grid.bits)) {
    const std::int64_t zero_point = -static_cast<std::int64_t>(grid.lowest);
    if (grid.bits >= 2 && grid == symmetric_grid(grid.bits)) return {};
    if (grid == odd_grid(grid.bits)) return {};
    if (zero_point >= 0 && zero_point < (1 << grid.bits) &&
        grid == affine_grid(grid.bits, static_cast<std::int32_t>(zero_point))) {
      return {};
    }
  }
  return make_error(ErrorCode::Corrupt, "grid: expected an unsigned, symmetric, odd or affine one ",
                    "of 1 to 8 or 16 bits, found ", grid.bits, " bits, ", grid.codes,
                    " codes from ", grid.lowest, " in steps of ", grid.step);
}

std::string name(const Grid& grid) {
  if (grid.step == 2) return text("odd", grid.bits);
  if (grid.lowest == 0) return text("u", grid.bits);
  if (grid.bits >= 2 && grid == symmetric_grid(grid.bits)) return text("s", grid.bits);
  return text("a", grid.bits, "-", -grid.lowest);
}

Result<Grid> parse_grid(const std::string& text) {
  std::string_view rest = text;
  std::int32_t bits = 0;
  std::int32_t zero_point = 0;
  Grid grid{.bits = 0};
  if (take(rest, "odd")) {
    if (take_int(rest, bits) && bits_in_range(bits)) grid = odd_grid(bits);
  } else if (take(rest, "u")) {
    if (take_int(rest, bits) && bits_in_range(bits)) grid = unsigned_grid(bits);
  } else if (take(rest, "s")) {
    if (take_int(rest, bits) && bits_in_range(bits) && bits > 1) grid = symmetric_grid(bits);
  } else if (take(rest, "a")) {
    if (take_int(rest, bits) && bits_in_range(bits) && take(rest, "-") &&
        take_int(rest, zero_point) && zero_point < (1 << bits)) {
      grid = affine_grid(bits, zero_point);
    }
  }
  if (grid.bits == 0 || !rest.empty()) {
    return make_error(ErrorCode::InvalidArgument,
                      "grid: expected u<bits>, s<bits>, odd<bits> or a<bits>-<zero point>, found '",
                      text, "'");
  }
  return grid;
}

}  // namespace pact::numeric
