// SPDX-License-Identifier: Apache-2.0
// The cropped digits of SVHN: MATLAB files (version 5) of pixels X, 32x32x3xN bytes, and labels y,
// N numbers from 1 to 10, where 10 is the digit 0. A build without matio refuses them all.
#pragma once

#include <filesystem>

#include "pact/base/result.h"
#include "pact/data/dataset.h"

namespace pact::data {

/// Appends the digits in the file at `path` to `dataset`, resized to its images. On error `dataset`
/// is unspecified.
Status append_svhn(const std::filesystem::path& path, Dataset& dataset);

}  // namespace pact::data
