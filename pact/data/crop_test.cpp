// SPDX-License-Identifier: Apache-2.0
#include "pact/data/crop.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pact::data {
namespace {

constexpr CropRule kImageNetRule{256, {224, 224}};
constexpr Extent kExtents[] = {{375, 500}, {500, 375}, {256, 256}, {40, 4000}, {3, 2}, {1, 1}};

bool lies_within(const Region& region, Extent picture) {
  constexpr double kSlack = 1e-9;
  return region.top >= -kSlack && region.left >= -kSlack &&
         region.top + region.height <= picture.height + kSlack &&
         region.left + region.width <= picture.width + kSlack && region.height > 0 &&
         region.width > 0;
}

TEST(Crop, CentreIsTheMiddleOfThePictureScaledToItsShorterSide) {
  // 512 x 768: twice the size, so 224 are 448 pixels.
  const Region region = centre_crop({512, 768}, kImageNetRule);
  EXPECT_EQ(region.height, 448);
  EXPECT_EQ(region.width, 448);
  EXPECT_EQ(region.top, 32);
  EXPECT_EQ(region.left, 160);
}

TEST(Crop, EveryRegionLiesWithinThePicture) {
  Random random(1, 2, 3);
  for (const Extent picture : kExtents) {
    EXPECT_TRUE(lies_within(centre_crop(picture, kImageNetRule), picture));
    for (int i = 0; i < 500; ++i) {
      EXPECT_TRUE(lies_within(random_crop(picture, kImageNetRule, random), picture));
      EXPECT_TRUE(lies_within(random_resized_crop(picture, random), picture));
    }
  }
}

TEST(Crop, RandomReachesEveryPlaceOfTheScaledPicture) {
  Random random(4, 5, 6);
  double lowest = 1e9;
  double highest = -1;
  for (int i = 0; i < 2000; ++i) {
    const Region region = random_crop({256, 512}, kImageNetRule, random);
    EXPECT_EQ(region.height, 224);
    EXPECT_EQ(region.left, double(int(region.left)));
    lowest = std::min(lowest, region.left);
    highest = std::max(highest, region.left);
  }
  EXPECT_LE(lowest, 5);
  EXPECT_GE(highest, 283);  // of 288
}

TEST(Crop, RandomResizedKeepsAreaAndRatioInTheirBounds) {
  Random random(7, 8, 9);
  double smallest = 1;
  double largest = 0;
  for (int i = 0; i < 2000; ++i) {
    const Region region = random_resized_crop({400, 500}, random);
    const double area = region.height * region.width / (400.0 * 500.0);
    EXPECT_GE(region.width / region.height, 0.75 * 0.98);
    EXPECT_LE(region.width / region.height, 4.0 / 3 * 1.02);
    smallest = std::min(smallest, area);
    largest = std::max(largest, area);
  }
  EXPECT_NEAR(smallest, 0.08, 0.01);
  EXPECT_GT(largest, 0.9);
}

TEST(Crop, RandomResizedFallsBackToTheMiddleOfLongThinPictures) {
  Random random(1, 1, 1);
  const Region region = random_resized_crop({10, 100000}, random);
  EXPECT_EQ(region.height, 10);
  EXPECT_NEAR(region.width, 40.0 / 3, 1e-9);
  EXPECT_NEAR(region.left + region.width / 2, 50000, 1e-9);
}

}  // namespace
}  // namespace pact::data
