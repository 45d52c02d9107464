// SPDX-License-Identifier: Apache-2.0
// Batches of normalised, augmented images, prepared ahead of use on other threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pact/data/dataset.h"

namespace pact::data {

/// Random changes to training images. All off by default.
struct Augmentation {
  int pad_crop = 0;  // pixels of zero padding on each side before a random crop; 0 to 64
  enum class Flip { Off, Horizontal } flip = Flip::Off;
  // Of a data set in files: which part of a picture (data/crop.h).
  enum class Crop { Centre, Random, RandomResized } crop = Crop::Centre;
  bool operator==(const Augmentation&) const = default;
};

/// A batch: `images` as floats [image][row][column][channel] (channels last), and labels.
/// Padding is 0 in the normalised image: the mean colour, not black.
struct Batch {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
  std::size_t size() const { return labels.size(); }
};

struct LoaderOptions {
  std::size_t batch_size = 128;
  std::uint64_t seed = 0;
  enum class Order { Sequential, Shuffled } order = Order::Shuffled;
  std::size_t least_batch = 1;  // images; a last batch of fewer is left out
  Augmentation augmentation{};
  Normalization normalization{};
  int threads = 1;        // that prepare batches; at least 1
  std::size_t ahead = 4;  // batches prepared ahead of use
};

/// Iterates over epochs of a data set, which must outlive it. Each batch depends only on the data,
/// the options without `threads` and `ahead`, the epoch and the step; so training can be resumed at
/// any step, and any number of threads gives the same batches.
class BatchLoader {
 public:
  /// Throws Exception if the augmentation is not for such a data set.
  BatchLoader(const Dataset& dataset, LoaderOptions options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  std::size_t steps_per_epoch() const;

  /// Starts preparing the batches of `epoch` from `first_step` on, dropping what was under way.
  void start(std::size_t epoch, std::size_t first_step = 0);

  /// The next batch of the epoch started, waiting for it if need be. Caller bug past the last.
  /// Throws Exception, which names the file, if one of its pictures cannot be read.
  Batch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pact::data
