// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

// Runs check(kernel) for every kernel that a level of this machine has, and asserts that it did.
template <typename Check>
void for_every_winograd_kernel(const Check& check) {
  std::set<std::string> tested;
  std::size_t kernels = 0;
  for (const Isa isa : available_isas()) {
    const WinogradKernel& kernel = select_winograd(isa);
    ASSERT_TRUE(kernel.isa == isa || kernel.isa == select_winograd(slower(isa)).isa);
    ASSERT_EQ(kernel.isa == Isa::Scalar, isa == Isa::Scalar);
    kernels += kernel.isa == isa ? 1 : 0;
    ASSERT_EQ(std::string(kernel.name), text("winograd_2x2_3x3_", name(kernel.isa)));
    if (!tested.insert(kernel.name).second) continue;
    SCOPED_TRACE(kernel.name);
    check(kernel);
  }
  ASSERT_EQ(tested.size(), kernels);
}

// One tile of `channels` channels and `columns` filters: pixels [4][4][channels], filters
// [columns][9][channels].
struct Tile {
  std::int64_t channels;
  std::int64_t columns;
  int largest_code;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int16_t> filters;
};

Tile random_tile(std::int64_t channels, std::int64_t columns, int largest_code, int largest_weight,
                 std::mt19937& random) {
  Tile tile{channels, columns, largest_code, {}, {}};
  std::uniform_int_distribution<int> code(0, largest_code);
  std::uniform_int_distribution<int> weight(-largest_weight, largest_weight);
  for (std::int64_t i = 0; i < 16 * channels; ++i) {
    tile.pixels.push_back(static_cast<std::uint8_t>(i % 3 == 0 ? largest_code : code(random)));
  }
  for (std::int64_t i = 0; i < columns * 9 * channels; ++i) {
    tile.filters.push_back(static_cast<std::int16_t>(weight(random)));
  }
  return tile;
}

std::vector<std::int32_t> convolved(const Tile& tile) {
  std::vector<std::int32_t> sums;
  for (std::int64_t output = 0; output < kWinogradOutputs; ++output) {
    for (std::int64_t column = 0; column < tile.columns; ++column) {
      std::int32_t sum = 0;
      for (std::int64_t i = 0; i < 9 * tile.channels; ++i) {
        const std::int64_t k = i / tile.channels;
        const std::int64_t pixel = (output / 2 + k / 3) * 4 + output % 2 + k % 3;
        sum += tile.pixels[static_cast<std::size_t>(pixel * tile.channels + i % tile.channels)] *
               tile.filters[static_cast<std::size_t>(column * 9 * tile.channels + i)];
      }
      sums.push_back(sum);
    }
  }
  return sums;
}

// The products that a dot kernel would compute, [16][columns], and their corrections.
struct Products {
  std::vector<std::int32_t> values;
  std::vector<std::int32_t> corrections;
};

Products multiplied(const Tile& tile, const std::vector<std::uint8_t>& components,
                    std::uint8_t zero) {
  Products products;
  products.values.resize(static_cast<std::size_t>(kWinogradComponents * tile.columns));
  products.corrections.resize(static_cast<std::size_t>(kWinogradOutputs * tile.columns));
  for (std::int64_t column = 0; column < tile.columns; ++column) {
    std::int64_t added[kWinogradComponents] = {};
    std::vector<std::int16_t> transformed(
        static_cast<std::size_t>(kWinogradComponents * tile.channels));
    transform_winograd_filters(tile.filters.data() + column * 9 * tile.channels, tile.channels,
                               transformed.data());
    for (std::int64_t i = 0; i < kWinogradComponents; ++i) {
      for (std::int64_t c = 0; c < tile.channels; ++c) {
        const auto at = static_cast<std::size_t>(i * tile.channels + c);
        products.values[static_cast<std::size_t>(i * tile.columns + column)] +=
            transformed[at] * components[at];
        added[i] += (i == kWinogradSums ? zero % 4 : zero) * std::int64_t{transformed[at]};
      }
    }
    std::int64_t corrections[kWinogradOutputs];
    transform_winograd_products(added, corrections);
    for (std::int64_t i = 0; i < kWinogradOutputs; ++i) {
      products.corrections[static_cast<std::size_t>(i * tile.columns + column)] =
          static_cast<std::int32_t>(corrections[i]);
    }
  }
  return products;
}

void expect_convolution(const WinogradKernel& kernel, const Tile& tile) {
  const auto zero = static_cast<std::uint8_t>(2 * tile.largest_code);
  std::vector<std::uint8_t> components(
      static_cast<std::size_t>(kWinogradComponents * tile.channels + 1), std::uint8_t{77});
  kernel.transform_input({.pixels = tile.pixels.data(),
                          .row_stride = 4 * tile.channels,
                          .pixel_stride = tile.channels,
                          .channels = tile.channels,
                          .zero = zero,
                          .sums_zero = static_cast<std::uint8_t>(zero % 4),
                          .components = components.data(),
                          .component_stride = tile.channels});
  EXPECT_EQ(components.back(), 77) << "beyond the last component";
  const Products products = multiplied(tile, components, zero);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(kWinogradOutputs * tile.columns));
  kernel.transform_output({.components = products.values.data(),
                           .component_stride = tile.columns,
                           .corrections = products.corrections.data(),
                           .correction_stride = tile.columns,
                           .columns = tile.columns,
                           .sums = sums.data(),
                           .row_stride = 2 * tile.columns});
  EXPECT_EQ(sums, convolved(tile)) << tile.channels << " channels, codes to " << tile.largest_code;
}

TEST(Winograd, EqualsTheConvolutionForEveryNumberOfChannels) {
  for_every_winograd_kernel([](const WinogradKernel& kernel) {
    std::mt19937 random(1);
    for (std::int64_t channels = 1; channels <= 140; ++channels) {
      expect_convolution(kernel, random_tile(channels, 16, 15, 15, random));
    }
  });
}

TEST(Winograd, EqualsTheConvolutionForEveryNumberOfColumns) {
  for_every_winograd_kernel([](const WinogradKernel& kernel) {
    std::mt19937 random(3);
    for (std::int64_t columns = 1; columns <= 40; ++columns) {
      expect_convolution(kernel, random_tile(5, columns, 15, 15, random));
    }
  });
}

TEST(Winograd, IsExactForTheWidestCodes) {
  for_every_winograd_kernel([](const WinogradKernel& kernel) {
    std::mt19937 random(2);
    for (const int largest_code : {1, 2, 3, 7, 31, 63}) {
      expect_convolution(kernel, random_tile(64, 32, largest_code, 14, random));
    }
  });
}

}  // namespace
}  // namespace pact::kernels
