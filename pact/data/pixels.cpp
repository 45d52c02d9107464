// SPDX-License-Identifier: Apache-2.0
#include "pact/data/pixels.h"

#include <algorithm>
#include <utility>

#include "pact/data/crop.h"
#include "pact/data/image.h"

namespace pact::data {

Result<std::vector<std::uint8_t>> read_centre(const Dataset& dataset, std::size_t index) {
  PACT_TRY(const Image picture, read_image(dataset.path(index)));
  const CropRule rule{dataset.shorter_side, {dataset.height, dataset.width}};
  const Region region = centre_crop({picture.height, picture.width}, rule);
  Image image = sample(picture, region, dataset.channels, dataset.height, dataset.width);
  return std::move(image.pixels);
}

Result<std::span<const std::uint8_t>> PixelReader::read(std::size_t first, std::size_t count) {
  const std::size_t size = dataset_.image_bytes();
  PACT_CHECK(first + count <= dataset_.size());
  if (!dataset_.is_in_files()) {
    return std::span<const std::uint8_t>(dataset_.pixels).subspan(first * size, count * size);
  }
  decoded_.resize(count * size);
  std::vector<Status> statuses(count);
  pool_.parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    const auto image = read_centre(dataset_, first + at);
    if (image) {
      std::copy(image->begin(), image->end(),
                decoded_.begin() + static_cast<std::ptrdiff_t>(at * size));
    } else {
      statuses[at] = image.error();
    }
  });
  for (const Status& status : statuses) PACT_CHECK_OK(status);
  return std::span<const std::uint8_t>(decoded_);
}

}  // namespace pact::data
