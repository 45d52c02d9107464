// SPDX-License-Identifier: Apache-2.0
// The IDX format of MNIST: a magic number that states type and rank, big-endian dimensions, data.
// Only unsigned bytes, which is what the image sets use.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "pact/base/result.h"
#include "pact/data/dataset.h"

namespace pact::data {

/// Reads the images of a rank 3 IDX file, which must have the height and width of `dataset`, into
/// its pixels. `path` is for messages.
Status read_idx_images(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       Dataset& dataset);

/// Reads the labels of a rank 1 IDX file into `dataset`: one for each of its images, each a class.
Status read_idx_labels(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       Dataset& dataset);

}  // namespace pact::data
