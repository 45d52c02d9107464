// SPDX-License-Identifier: Apache-2.0
// Operations of the evaluator that make rows and columns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pact/graph/evaluator.h"

namespace pact::graph {
namespace {

using numeric::Coordinates;
using numeric::Interpolation;
using numeric::NearestRounding;
using testing::ElementsAre;
using testing::ElementsAreArray;
using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;

Floats run(const Input& input, const Operation& op, const Floats& image) {
  Network network;
  value_or_throw(network.add("in", input, {}));
  value_or_throw(network.add("op", op, {0}));
  return std::get<Floats>(value_or_throw(evaluate(network, image)));
}

// The same on levels: pixels through a table that makes level -7 + pixel of each.
Ints run_levels(const Input& input, const Operation& op, const Ints& pixels) {
  Network network;
  Input image = input;
  image.element = ImageElement::Pixels;
  value_or_throw(network.add("in", image, {}));
  value_or_throw(network.add("levels", Lookup{.grid = numeric::affine_grid(4, 7)}, {0}));
  Ints table;
  for (std::int64_t i = 0; i < 256 * input.channels; ++i) {
    table.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(i % 256, 15)) - 7);
  }
  network.set_parameter(1, "table", Tensor::i32({input.channels, 256}, table));
  const NodeId id = value_or_throw(network.add("op", op, {1}));
  EXPECT_EQ(network.node(id).type.grid, numeric::affine_grid(4, 7));
  return std::get<Ints>(value_or_throw(evaluate(network, pixels)));
}

TEST(EvaluatorMoves, PaddingPutsZerosAroundTheImage) {
  EXPECT_THAT(run({1, 2, 2}, Pad{{1, 0, 0, 2}, {}}, {1, 2, 3, 4}), ElementsAreArray({0, 0, 0, 0,  //
                                                                                     1, 2, 0, 0,  //
                                                                                     3, 4, 0, 0}));
  EXPECT_THAT(run_levels({2, 1, 1}, Pad{{0, 1, 0, 0}, {}}, {9, 0}), ElementsAre(0, 2, 0, -7));
}

TEST(EvaluatorMoves, SpreadingPutsZerosBetweenPixels) {
  EXPECT_THAT(run({1, 2, 2}, Pad{{0, 1, 1, 0}, {2, 3}}, {1, 2, 3, 4}),
              ElementsAreArray({0, 1, 0, 0, 2,  //
                                0, 0, 0, 0, 0,  //
                                0, 3, 0, 0, 4,  //
                                0, 0, 0, 0, 0}));
  EXPECT_THAT(run({1, 1, 1}, Pad{{}, {5, 5}}, {1}), ElementsAre(1));
}

TEST(EvaluatorMoves, NearestPixelsAreTakenAsTheyAre) {
  const Resize twice{
      {2, 4}, {2, 2}, {Interpolation::Nearest, Coordinates::Asymmetric, NearestRounding::Floor}};
  EXPECT_THAT(run({2, 1, 2}, twice, {1, 2, 3, 4}),
              ElementsAre(1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4));
  EXPECT_THAT(run_levels({1, 1, 2}, twice, {9, 0}), ElementsAre(2, 2, -7, -7, 2, 2, -7, -7));
  // Rows at 0.5 and 2.5 of four, columns at -0.05, 0.86 and 1.77 of two.
  const Resize mixed{{2, 3},
                     {0.5F, 1.1F},
                     {Interpolation::Nearest, Coordinates::HalfPixel, NearestRounding::PreferCeil}};
  EXPECT_THAT(run({1, 4, 2}, mixed, {0, 1, 2, 3, 4, 5, 6, 7}), ElementsAre(2, 3, 3, 6, 7, 7));
}

TEST(EvaluatorMoves, LinearPixelsLieBetweenFour) {
  const Resize corners{
      {3, 3}, {1.5F, 1.5F}, {Interpolation::Linear, Coordinates::AlignCorners, {}}};
  EXPECT_THAT(run({1, 2, 2}, corners, {0, 1, 2, 3}),
              ElementsAre(0, 0.5F, 1, 1, 1.5F, 2, 2, 2.5F, 3));
  const Resize half{{2, 4}, {1, 2}, {Interpolation::Linear, Coordinates::HalfPixel, {}}};
  EXPECT_THAT(run({1, 2, 2}, half, {0, 4, 8, -4}), ElementsAre(0, 1, 3, 4, 8, 5, -1, -4));
}

}  // namespace
}  // namespace pact::graph
