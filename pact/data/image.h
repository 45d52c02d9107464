// SPDX-License-Identifier: Apache-2.0
// Pictures from files: PNG and JPEG, told apart by their first bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "pact/base/result.h"

namespace pact::data {

/// Bytes as planes [channel][row][column]; 1 (grey) or 3 (RGB) channels.
struct Image {
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;
};

/// Part of a picture, in its pixels; it lies within the picture.
struct Region {
  double top = 0;
  double left = 0;
  double height = 1;
  double width = 1;
};

/// Decodes a picture to 8-bit grey or RGB (palettes expanded, alpha blended onto white, 16 bits
/// reduced to 8, CMYK converted without a colour profile). At most 2^26 pixels, and 10^6 on a side;
/// a corrupt or foreign file is an error.
Result<Image> read_image(const std::filesystem::path& path);

/// The picture scaled so that it covers height x width, centre-cropped to it, and converted to
/// `channels` (grey: ITU-R BT.601 luma). Bilinear with area averaging when it shrinks.
Image fit(const Image& image, int channels, int height, int width);

/// A region of the picture scaled to height x width and converted as `fit` does. Pixels around the
/// region count as far as the filter reaches: as if the whole picture had been scaled, then
/// cropped.
Image sample(const Image& image, const Region& region, int channels, int height, int width);

}  // namespace pact::data
