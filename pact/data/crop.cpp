// SPDX-License-Identifier: Apache-2.0
#include "pact/data/crop.h"

#include <algorithm>
#include <cmath>

#include "pact/base/result.h"

namespace pact::data {
namespace {

constexpr double kNarrowest = 3.0 / 4;
constexpr double kWidest = 4.0 / 3;

double scale_of(Extent picture, const CropRule& rule) {
  PACT_CHECK(rule.result.height <= rule.shorter_side && rule.result.width <= rule.shorter_side);
  return double(rule.shorter_side) / std::min(picture.height, picture.width);
}

// The first pixel of the crop on a side of the picture: a random whole pixel of the scaled one.
double random_start(int side, int result, double scale, Random& random) {
  const auto scaled = std::max<std::int64_t>(result, std::llround(side * scale));
  const auto start = double(random.below(std::uint64_t(scaled - result) + 1));
  return std::clamp(start / scale, 0.0, side - result / scale);
}

}  // namespace

Region centre_crop(Extent picture, const CropRule& rule) {
  const double scale = scale_of(picture, rule);
  const double height = rule.result.height / scale;
  const double width = rule.result.width / scale;
  return {(picture.height - height) / 2, (picture.width - width) / 2, height, width};
}

Region random_crop(Extent picture, const CropRule& rule, Random& random) {
  const double scale = scale_of(picture, rule);
  const double top = random_start(picture.height, rule.result.height, scale, random);
  const double left = random_start(picture.width, rule.result.width, scale, random);
  return {top, left, rule.result.height / scale, rule.result.width / scale};
}

Region random_resized_crop(Extent picture, Random& random) {
  const double all = double(picture.height) * picture.width;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = all * random.between(0.08, 1);
    const double ratio = std::exp(random.between(std::log(kNarrowest), std::log(kWidest)));
    const auto width = std::llround(std::sqrt(area * ratio));
    const auto height = std::llround(std::sqrt(area / ratio));
    if (width < 1 || height < 1 || width > picture.width || height > picture.height) continue;
    const auto top = random.below(std::uint64_t(picture.height - height) + 1);
    const auto left = random.below(std::uint64_t(picture.width - width) + 1);
    return {double(top), double(left), double(height), double(width)};
  }
  const double width = std::min(double(picture.width), picture.height * kWidest);
  const double height = std::min(double(picture.height), picture.width / kNarrowest);
  return {(picture.height - height) / 2, (picture.width - width) / 2, height, width};
}

}  // namespace pact::data
