// SPDX-License-Identifier: Apache-2.0
#include "pact/data/batch_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace pact::data {
namespace {

using Flip = Augmentation::Flip;
using Order = LoaderOptions::Order;

// Normalised as byte / 255, so that a test can tell which byte a float came from.
Normalization plain(int channels) {
  const auto size = static_cast<std::size_t>(channels);
  return {.mean = std::vector<float>(size, 0.0f), .std = std::vector<float>(size, 1.0f)};
}

int to_byte(float value) { return int(value * 255.0f + 0.5f); }

// Images of 2 x 3 pixels and 2 channels, all bytes nonzero; the first byte and the label identify
// the image.
Dataset numbered_images(int count) {
  Dataset dataset{.name = "numbered",
                  .channels = 2,
                  .height = 2,
                  .width = 3,
                  .classes = {},
                  .pixels = {},
                  .labels = {}};
  for (int i = 0; i < count; ++i) {
    dataset.labels.push_back(static_cast<std::uint8_t>(i));
    dataset.pixels.push_back(static_cast<std::uint8_t>(i + 1));
    for (int j = 1; j < 12; ++j) dataset.pixels.push_back(static_cast<std::uint8_t>(100 + j));
  }
  return dataset;
}

// One grey image that holds 1, 2, 3, ...
Dataset single_image(int height, int width) {
  Dataset dataset{.name = "single",
                  .channels = 1,
                  .height = height,
                  .width = width,
                  .classes = {},
                  .pixels = {},
                  .labels = {0}};
  for (int i = 0; i < height * width; ++i) {
    dataset.pixels.push_back(static_cast<std::uint8_t>(i + 1));
  }
  return dataset;
}

std::vector<Batch> epoch_of(BatchLoader& loader, std::size_t epoch, std::size_t first_step = 0) {
  std::vector<Batch> batches;
  loader.start(epoch, first_step);
  for (std::size_t i = first_step; i < loader.steps_per_epoch(); ++i) {
    batches.push_back(loader.next());
  }
  return batches;
}

std::vector<std::int64_t> labels_of(const std::vector<Batch>& batches) {
  std::vector<std::int64_t> labels;
  for (const Batch& batch : batches) {
    labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  }
  return labels;
}

void expect_same(const std::vector<Batch>& found, const std::vector<Batch>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].labels, expected[i].labels) << "batch " << i;
    EXPECT_EQ(found[i].images, expected[i].images) << "batch " << i;
  }
}

LoaderOptions augmented_options() {
  return {.batch_size = 7,
          .seed = 11,
          .augmentation = {.pad_crop = 1, .flip = Flip::Horizontal},
          .normalization = plain(2)};
}

TEST(BatchLoader, GivesImagesInOrderWithChannelsLastWhenSequential) {
  const Dataset dataset = numbered_images(5);
  BatchLoader loader(dataset, {.batch_size = 2,
                               .order = Order::Sequential,
                               .normalization = {.mean = {0.5f, 0.25f}, .std = {0.5f, 2.0f}}});
  const std::vector<Batch> batches = epoch_of(loader, 0);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(labels_of(batches), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(batches[2].size(), 1u);
  std::vector<float> expected;
  for (int pixel = 0; pixel < 6; ++pixel) {
    const float first = float(dataset.image(1)[std::size_t(pixel)]);
    const float second = float(dataset.image(1)[std::size_t(pixel) + 6]);
    expected.push_back((first / 255.0f - 0.5f) / 0.5f);
    expected.push_back((second / 255.0f - 0.25f) / 2.0f);
  }
  EXPECT_EQ(std::vector<float>(batches[0].images.begin() + 12, batches[0].images.end()), expected);
}

TEST(BatchLoader, DropsOrKeepsAPartialLastBatch) {
  const Dataset dataset = numbered_images(10);
  LoaderOptions options{.batch_size = 4, .normalization = plain(2)};
  EXPECT_EQ(BatchLoader(dataset, options).steps_per_epoch(), 3u);
  options.least_batch = 2;
  EXPECT_EQ(BatchLoader(dataset, options).steps_per_epoch(), 3u);
  options.least_batch = 3;
  BatchLoader dropping(dataset, options);
  EXPECT_EQ(dropping.steps_per_epoch(), 2u);
  for (const Batch& batch : epoch_of(dropping, 0)) EXPECT_EQ(batch.size(), 4u);
  options.batch_size = 5;
  EXPECT_EQ(BatchLoader(dataset, options).steps_per_epoch(), 2u);
}

TEST(BatchLoader, HasNoStepsWithoutImages) {
  const Dataset dataset = numbered_images(0);
  BatchLoader loader(dataset, {.normalization = plain(2)});
  EXPECT_EQ(loader.steps_per_epoch(), 0u);
  loader.start(0);
}

TEST(BatchLoader, ShowsEachImageOnceAnEpochWithItsOwnLabel) {
  const Dataset dataset = numbered_images(90);
  BatchLoader loader(dataset, {.batch_size = 8, .normalization = plain(2)});
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    std::multiset<std::int64_t> seen;
    for (const Batch& batch : epoch_of(loader, epoch)) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        seen.insert(batch.labels[i]);
        EXPECT_EQ(to_byte(batch.images[i * 12]), batch.labels[i] + 1);
      }
    }
    ASSERT_EQ(seen.size(), 90u);
    for (std::int64_t i = 0; i < 90; ++i) EXPECT_EQ(seen.count(i), 1u) << "image " << i;
  }
}

TEST(BatchLoader, OrderDependsOnEpochAndSeedAlone) {
  const Dataset dataset = numbered_images(90);
  LoaderOptions options{.batch_size = 8, .seed = 1, .normalization = plain(2)};
  BatchLoader loader(dataset, options);
  const auto zero = labels_of(epoch_of(loader, 0));
  const auto one = labels_of(epoch_of(loader, 1));
  EXPECT_NE(zero, one);
  EXPECT_FALSE(std::is_sorted(zero.begin(), zero.end()));
  EXPECT_EQ(labels_of(epoch_of(loader, 0)), zero);
  options.seed = 2;
  BatchLoader other(dataset, options);
  EXPECT_NE(labels_of(epoch_of(other, 0)), zero);
}

// Training logs are compared between machines, so the order is part of the behaviour.
TEST(BatchLoader, OrderIsTheSameOnEveryMachine) {
  const Dataset dataset = numbered_images(8);
  BatchLoader loader(dataset, {.batch_size = 8, .seed = 42, .normalization = plain(2)});
  EXPECT_EQ(labels_of(epoch_of(loader, 3)), (std::vector<std::int64_t>{6, 1, 0, 7, 4, 2, 3, 5}));
}

TEST(BatchLoader, ShuffleReachesEveryPlaceEvenly) {
  const Dataset dataset = numbered_images(4);
  BatchLoader loader(dataset, {.batch_size = 4, .normalization = plain(2)});
  constexpr int kEpochs = 4000;
  int counts[4][4] = {};
  for (std::size_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto labels = labels_of(epoch_of(loader, epoch));
    ASSERT_EQ(labels.size(), 4u);
    for (std::size_t place = 0; place < 4; ++place) ++counts[place][labels[place]];
  }
  // Each count is binomial with mean 1000 and deviation 27; five deviations.
  for (const auto& row : counts) {
    for (const int count : row) EXPECT_NEAR(count, kEpochs / 4, 137);
  }
}

TEST(BatchLoader, GivesTheSameBatchesForAnyThreadsAndAhead) {
  const Dataset dataset = numbered_images(90);
  LoaderOptions options = augmented_options();
  options.ahead = 1;
  BatchLoader one(dataset, options);
  const std::vector<Batch> expected = epoch_of(one, 5);
  ASSERT_EQ(expected.size(), 13u);
  for (const int threads : {1, 3}) {
    for (const std::size_t ahead : {std::size_t(1), std::size_t(2), std::size_t(40)}) {
      SCOPED_TRACE(testing::Message() << threads << " threads, " << ahead << " ahead");
      options.threads = threads;
      options.ahead = ahead;
      BatchLoader loader(dataset, options);
      expect_same(epoch_of(loader, 5), expected);
    }
  }
}

TEST(BatchLoader, ResumesAtAnyStepAsIfNeverInterrupted) {
  const Dataset dataset = numbered_images(90);
  BatchLoader whole(dataset, augmented_options());
  const std::vector<Batch> expected = epoch_of(whole, 2);
  for (std::size_t step = 0; step <= expected.size(); ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    BatchLoader resumed(dataset, augmented_options());
    const auto first = expected.begin() + static_cast<std::ptrdiff_t>(step);
    expect_same(epoch_of(resumed, 2, step), std::vector<Batch>(first, expected.end()));
  }
}

// Batches large enough that threads are amid some when the epoch is changed under them.
TEST(BatchLoader, StartDropsWhatWasUnderWay) {
  Dataset dataset{.name = "large",
                  .channels = 1,
                  .height = 100,
                  .width = 100,
                  .classes = {},
                  .pixels = {},
                  .labels = {}};
  for (std::uint8_t i = 0; i < 100; ++i) {
    dataset.labels.push_back(i);
    dataset.pixels.insert(dataset.pixels.end(), dataset.image_bytes(), i);
  }
  LoaderOptions options{.batch_size = 20, .normalization = plain(1)};
  BatchLoader reference(dataset, options);
  const std::vector<Batch> expected = epoch_of(reference, 1);
  options.threads = 3;
  BatchLoader loader(dataset, options);
  for (std::size_t i = 0; i < 100; ++i) {
    loader.start(100 + i);
    for (std::size_t step = 0; step < i % 4; ++step) (void)loader.next();
    loader.start(1);
    for (const Batch& batch : expected) ASSERT_EQ(loader.next().labels, batch.labels) << i;
  }
  expect_same(epoch_of(loader, 1), expected);
}

TEST(BatchLoader, CanBeDestroyedAtAnyTime) {
  const Dataset dataset = numbered_images(90);
  LoaderOptions options = augmented_options();
  options.threads = 3;
  for (std::size_t i = 0; i < 50; ++i) {
    BatchLoader loader(dataset, options);
    if (i % 5 == 0) continue;
    loader.start(i);
    for (std::size_t step = 0; step < i % 5; ++step) EXPECT_GT(loader.next().size(), 0u);
  }
}

std::vector<int> bytes_of(const Batch& batch) {
  std::vector<int> bytes;
  for (const float value : batch.images) bytes.push_back(to_byte(value));
  return bytes;
}

// The bytes in which single_image(2, 3) is seen over many epochs.
std::multiset<std::vector<int>> views_of(const Augmentation& augmentation, std::size_t epochs) {
  const Dataset dataset = single_image(2, 3);
  BatchLoader loader(dataset, {.augmentation = augmentation, .normalization = plain(1)});
  std::multiset<std::vector<int>> views;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    views.insert(bytes_of(epoch_of(loader, epoch).at(0)));
  }
  return views;
}

TEST(Augmentation, IsOffByDefault) {
  const auto views = views_of({}, 20);
  EXPECT_EQ(views.count({1, 2, 3, 4, 5, 6}), 20u);
}

TEST(Augmentation, FlipMirrorsHalfOfTheImages) {
  const auto views = views_of({.flip = Flip::Horizontal}, 1000);
  const std::size_t mirrored = views.count({3, 2, 1, 6, 5, 4});
  EXPECT_EQ(views.count({1, 2, 3, 4, 5, 6}) + mirrored, 1000u);
  EXPECT_NEAR(double(mirrored), 500.0, 80.0);
}

// All windows of 2 x 3 in the image with a border of `pad` zeros, flipped too if `flip` says so.
std::set<std::vector<int>> windows(int pad, Flip flip) {
  std::set<std::vector<int>> all;
  for (int down = -pad; down <= pad; ++down) {
    for (int right = -pad; right <= pad; ++right) {
      std::vector<int> window;
      for (int y = down; y < down + 2; ++y) {
        for (int x = right; x < right + 3; ++x) {
          window.push_back(y < 0 || y >= 2 || x < 0 || x >= 3 ? 0 : y * 3 + x + 1);
        }
      }
      all.insert(window);
      if (flip == Flip::Off) continue;
      std::reverse(window.begin(), window.begin() + 3);
      std::reverse(window.begin() + 3, window.end());
      all.insert(window);
    }
  }
  return all;
}

class Crop : public testing::TestWithParam<int> {};

TEST_P(Crop, SeesExactlyTheWindowsOfThePaddedImage) {
  const int pad = GetParam();
  for (const Flip flip : {Flip::Off, Flip::Horizontal}) {
    const auto views = views_of({.pad_crop = pad, .flip = flip}, 1500);
    EXPECT_EQ(std::set(views.begin(), views.end()), windows(pad, flip));
  }
}

// 4 is more than the image's size, so that some windows are all padding.
INSTANTIATE_TEST_SUITE_P(Pads, Crop, testing::Values(0, 1, 2, 4));

TEST(Augmentation, PaddingIsZeroAfterNormalisation) {
  const Dataset dataset = single_image(2, 3);
  BatchLoader loader(dataset, {.augmentation = {.pad_crop = 64},
                               .normalization = {.mean = {0.5f}, .std = {0.25f}}});
  const float darkest = (1 / 255.0f - 0.5f) / 0.25f;
  std::size_t empty = 0;
  for (std::size_t epoch = 0; epoch < 100; ++epoch) {
    const Batch batch = epoch_of(loader, epoch).at(0);
    bool all_padding = true;
    for (const float value : batch.images) {
      EXPECT_TRUE(value == 0.0f || (value >= darkest && value < -1.8f)) << value;
      all_padding = all_padding && value == 0.0f;
    }
    empty += all_padding ? 1 : 0;
  }
  EXPECT_GT(empty, 80u);
}

TEST(Augmentation, DiffersBetweenTheImagesOfABatch) {
  const Dataset dataset = numbered_images(90);
  BatchLoader loader(dataset, {.batch_size = 90,
                               .order = Order::Sequential,
                               .augmentation = {.flip = Flip::Horizontal},
                               .normalization = plain(2)});
  const Batch batch = epoch_of(loader, 0).at(0);
  std::vector<bool> mirrored;
  for (std::size_t i = 0; i < 90; ++i) mirrored.push_back(to_byte(batch.images[i * 12]) > 100);
  EXPECT_NEAR(double(std::count(mirrored.begin(), mirrored.end(), true)), 45.0, 24.0);
  const Batch next = epoch_of(loader, 1).at(0);
  EXPECT_NE(next.images, batch.images);
}

TEST(BatchLoaderDeathTest, CatchesCallerBugs) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const Dataset dataset = numbered_images(3);
  EXPECT_DEATH(BatchLoader(dataset, {.normalization = plain(1)}), "check failed");
  EXPECT_DEATH(BatchLoader(dataset, {.augmentation = {.pad_crop = 65}, .normalization = plain(2)}),
               "check failed");
  EXPECT_DEATH(
      {
        BatchLoader loader(dataset, {.normalization = plain(2)});
        loader.start(0, 1);
        (void)loader.next();
      },
      "check failed");
}

}  // namespace
}  // namespace pact::data
