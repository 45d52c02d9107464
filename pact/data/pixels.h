// SPDX-License-Identifier: Apache-2.0
// The images of a data set as bytes, for evaluation: no augmentation, wherever they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pact/base/result.h"
#include "pact/base/thread_pool.h"
#include "pact/data/dataset.h"

namespace pact::data {

/// Image `index` of a data set in files: decoded, scaled, its middle. Error: names the file.
Result<std::vector<std::uint8_t>> read_centre(const Dataset& dataset, std::size_t index);

/// Reads runs of images of a data set, which must outlive it; those in files on `threads` threads.
class PixelReader {
 public:
  PixelReader(const Dataset& dataset, int threads)
      : dataset_(dataset), pool_(dataset.is_in_files() ? threads : 1) {}

  /// Images [first, first + count), one after the other as planes; valid until the next call.
  Result<std::span<const std::uint8_t>> read(std::size_t first, std::size_t count);

 private:
  const Dataset& dataset_;
  ThreadPool pool_;
  std::vector<std::uint8_t> decoded_;
};

}  // namespace pact::data
