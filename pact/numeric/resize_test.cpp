// SPDX-License-Identifier: Apache-2.0
#include "pact/numeric/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pact::numeric {

// For messages of tests.
void PrintTo(const Tap& tap, std::ostream* out) {
  *out << tap.first << " " << tap.second << " " << tap.weight;
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::int64_t> nearest(const ResizeAxis& axis, Coordinates coordinates,
                                  NearestRounding rounding) {
  std::vector<std::int64_t> result;
  for (const Tap& tap : resize_taps(axis, {Interpolation::Nearest, coordinates, rounding})) {
    EXPECT_EQ(tap.second, tap.first);
    EXPECT_EQ(tap.weight, 0);
    result.push_back(tap.first);
  }
  return result;
}

std::vector<Tap> linear(const ResizeAxis& axis, Coordinates coordinates) {
  return resize_taps(axis, {Interpolation::Linear, coordinates, NearestRounding::PreferFloor});
}

TEST(ResizeTaps, NearestRoundsAsAsked) {
  // Coordinates -0.3, 0.1, 0.5, 0.9, 1.3.
  const ResizeAxis axis{2, 5, 2.5F};
  const auto rounded = [&](NearestRounding rounding) {
    return nearest(axis, Coordinates::HalfPixel, rounding);
  };
  EXPECT_THAT(rounded(NearestRounding::PreferFloor), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(rounded(NearestRounding::PreferCeil), ElementsAre(0, 0, 1, 1, 1));
  EXPECT_THAT(rounded(NearestRounding::Floor), ElementsAre(0, 0, 0, 0, 1));
  EXPECT_THAT(rounded(NearestRounding::Ceil), ElementsAre(0, 1, 1, 1, 1));
}

TEST(ResizeTaps, LinearWeighsTheTwoNeighbours) {
  EXPECT_THAT(linear({2, 4, 2}, Coordinates::HalfPixel),
              ElementsAre(Tap{0, 1, 0}, Tap{0, 1, 0.25}, Tap{0, 1, 0.75}, Tap{1, 1, 0}));
  EXPECT_THAT(linear({2, 4, 2}, Coordinates::Asymmetric),
              ElementsAre(Tap{0, 1, 0}, Tap{0, 1, 0.5}, Tap{1, 1, 0}, Tap{1, 1, 0}));
  EXPECT_THAT(
      linear({3, 5, 5.0F / 3}, Coordinates::AlignCorners),
      ElementsAre(Tap{0, 1, 0}, Tap{0, 1, 0.5}, Tap{1, 2, 0}, Tap{1, 2, 0.5}, Tap{2, 2, 0}));
  EXPECT_THAT(linear({4, 2, 0.5F}, Coordinates::HalfPixel),
              ElementsAre(Tap{0, 1, 0.5}, Tap{2, 3, 0.5}));
}

TEST(ResizeTaps, OnePixelIsTheMiddleOrTheFirst) {
  EXPECT_THAT(linear({5, 1, 0.2F}, Coordinates::HalfPixel), ElementsAre(Tap{2, 3, 0}));
  EXPECT_THAT(linear({5, 1, 0.2F}, Coordinates::PytorchHalfPixel), ElementsAre(Tap{0, 1, 0}));
  EXPECT_THAT(linear({5, 1, 0.2F}, Coordinates::AlignCorners), ElementsAre(Tap{0, 1, 0}));
  EXPECT_EQ(linear({5, 2, 0.4F}, Coordinates::PytorchHalfPixel),
            linear({5, 2, 0.4F}, Coordinates::HalfPixel));
  EXPECT_THAT(linear({1, 3, 3}, Coordinates::HalfPixel),
              ElementsAre(Tap{0, 0, 0}, Tap{0, 0, 0}, Tap{0, 0, 0}));
}

TEST(ResizeTaps, WholeFactorsRepeatOrSkipPixels) {
  int checked = 0;
  for (std::int64_t in = 1; in <= 300; ++in) {
    for (const std::int64_t factor : {2, 3, 4, 5, 7}) {
      const auto up = nearest({in, in * factor, static_cast<float>(factor)},
                              Coordinates::Asymmetric, NearestRounding::Floor);
      for (std::size_t i = 0; i < up.size(); ++i) {
        ASSERT_EQ(up[i], static_cast<std::int64_t>(i) / factor) << in << " times " << factor;
      }
      // The float of 1/5 or 1/7 is no exact factor; those of the others are, or round to it.
      if (factor > 4) continue;
      const auto down = nearest({in * factor, in, scale_between(in * factor, in)},
                                Coordinates::Asymmetric, NearestRounding::Floor);
      for (std::size_t i = 0; i < down.size(); ++i) {
        ASSERT_EQ(down[i], static_cast<std::int64_t>(i) * factor) << in << " by " << factor;
      }
      ++checked;
    }
  }
  EXPECT_EQ(checked, 300 * 3);
}

// 5 / float(10 / 14) is 6.9999998 in double precision.
TEST(ResizeTaps, CoordinatesAreRoundedToFloat) {
  EXPECT_THAT(
      nearest({14, 10, scale_between(14, 10)}, Coordinates::Asymmetric, NearestRounding::Floor),
      ElementsAre(0, 1, 2, 4, 5, 7, 8, 9, 11, 12));
}

// 1 / float(2 / 7) is 3.4999998: the middle between two pixels.
TEST(ResizeTaps, AMiddleThatFloatsMissIsOne) {
  const ResizeAxis axis{7, 2, scale_between(7, 2)};
  EXPECT_THAT(nearest(axis, Coordinates::Asymmetric, NearestRounding::PreferCeil),
              ElementsAre(0, 4));
  EXPECT_THAT(nearest(axis, Coordinates::Asymmetric, NearestRounding::PreferFloor),
              ElementsAre(0, 3));
}

TEST(ResizeTaps, StayInsideTheImageForAnyScale) {
  for (const float scale : {std::numeric_limits<float>::denorm_min(),
                            std::numeric_limits<float>::max(), 1e-20F, 0.3F}) {
    for (const CoordinatesName& c : kCoordinatesNames) {
      for (const NearestRoundingName& r : kNearestRoundingNames) {
        for (const InterpolationName& i : kInterpolationNames) {
          for (const Tap& tap :
               resize_taps({7, 65535, scale}, {i.interpolation, c.coordinates, r.rounding})) {
            ASSERT_TRUE(tap.first >= 0 && tap.first <= tap.second && tap.second < 7);
            ASSERT_TRUE(tap.weight >= 0 && tap.weight < 1);
          }
        }
      }
    }
  }
}

TEST(Resize, ExtentsAndScalesGoTogether) {
  EXPECT_EQ(scaled_extent(5, 2.5F), 12);
  EXPECT_EQ(scaled_extent(3, scale_between(3, 7)), 7);
  EXPECT_EQ(scaled_extent(5, 0.1F), 0);
  EXPECT_EQ(scaled_extent(1 << 20, std::numeric_limits<float>::max()), 1 << 30);
  EXPECT_EQ(scale_between(8, 2), 0.25F);
}

TEST(Resize, ColumnsGoFirst) {
  const Tap row{0, 1, 0.25};
  const Tap column{0, 1, 0.5};
  EXPECT_EQ(interpolate({1, 3}, {5, 9}, row, column), 0.75F * 2 + 0.25F * 7);
  EXPECT_EQ(interpolate({1, 3}, {5, 9}, {0, 1, 0}, {0, 1, 0}), 1);
}

TEST(Resize, RefusesRulesAndScalesThatAreNone) {
  const auto error = [](const ResizeRule& rule, std::array<float, 2> scales) {
    const Status status = check(rule, scales);
    return status ? "no error" : status.error().message;
  };
  EXPECT_EQ(error({}, {0.5F, 2}), "no error");
  EXPECT_THAT(error({.interpolation = static_cast<Interpolation>(2)}, {1, 1}),
              HasSubstr("a known rule"));
  EXPECT_THAT(error({.coordinates = static_cast<Coordinates>(4)}, {1, 1}),
              HasSubstr("a known rule"));
  EXPECT_THAT(error({.rounding = static_cast<NearestRounding>(-1)}, {1, 1}),
              HasSubstr("a known rule"));
  for (const float scale : {0.0F, -1.0F, NAN, INFINITY}) {
    EXPECT_THAT(error({}, {scale, 1}), HasSubstr("positive and finite")) << scale;
    EXPECT_THAT(error({}, {1, scale}), HasSubstr("positive and finite")) << scale;
  }
}

}  // namespace
}  // namespace pact::numeric
