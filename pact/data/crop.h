// SPDX-License-Identifier: Apache-2.0
// Which part of a picture a network sees, for pictures of any size.
#pragma once

#include "pact/data/image.h"
#include "pact/data/random.h"

namespace pact::data {

/// Height and width in pixels, both positive.
struct Extent {
  int height = 0;
  int width = 0;
};

/// How a picture becomes an image of one size: scaled so that its shorter side is `shorter_side`,
/// then cropped to `result`, which must not be larger.
struct CropRule {
  int shorter_side = 256;
  Extent result;
};

/// The middle of the picture.
Region centre_crop(Extent picture, const CropRule& rule);

/// Any place on the scaled picture, by whole pixels of it.
Region random_crop(Extent picture, const CropRule& rule, Random& random);

/// 8 to 100 % of the picture's area at a ratio of sides from 3/4 to 4/3 (Szegedy et al. 2015), to
/// be scaled to the result. Where ten attempts do not fit, the largest such part in the middle.
Region random_resized_crop(Extent picture, Random& random);

}  // namespace pact::data
