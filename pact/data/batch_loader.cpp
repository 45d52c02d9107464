// SPDX-License-Identifier: Apache-2.0
#include "pact/data/batch_loader.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "pact/base/result.h"
#include "pact/data/crop.h"
#include "pact/data/image.h"
#include "pact/data/random.h"

namespace pact::data {
namespace {

constexpr int kMaxPadCrop = 64;

// A position that no image has: the random numbers of the epoch's order come from it.
constexpr std::uint64_t kOrderPosition = ~std::uint64_t(0);

std::vector<std::size_t> make_order(std::size_t size, const LoaderOptions& options,
                                    std::size_t epoch) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t(0));
  if (options.order == LoaderOptions::Order::Sequential) return order;
  Random random(options.seed, epoch, kOrderPosition);
  for (std::size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

// How one image is placed: pixel (y, x) of the result is (y + down, x + right) of the image, zero
// outside, then mirrored if flipped.
struct Placement {
  int down = 0;
  int right = 0;
  bool flipped = false;
};

Placement place(const Augmentation& augmentation, Random& random) {
  Placement placement;
  if (augmentation.pad_crop > 0) {
    const auto choices = 2 * std::uint64_t(augmentation.pad_crop) + 1;
    placement.down = int(random.below(choices)) - augmentation.pad_crop;
    placement.right = int(random.below(choices)) - augmentation.pad_crop;
  }
  if (augmentation.flip == Augmentation::Flip::Horizontal) placement.flipped = random.below(2) == 1;
  return placement;
}

// A byte's normalised value, for each channel.
using Table = std::vector<std::array<float, 256>>;

Table make_table(const Normalization& normalization) {
  Table table(normalization.mean.size());
  for (std::size_t c = 0; c < table.size(); ++c) {
    for (std::size_t i = 0; i < 256; ++i) {
      table[c][i] = (float(i) / 255.0f - normalization.mean[c]) / normalization.std[c];
    }
  }
  return table;
}

Region choose_region(const Image& picture, const Dataset& dataset, Augmentation::Crop crop,
                     Random& random) {
  const Extent extent{picture.height, picture.width};
  const CropRule rule{dataset.shorter_side, {dataset.height, dataset.width}};
  switch (crop) {
    case Augmentation::Crop::Centre:
      break;
    case Augmentation::Crop::Random:
      return random_crop(extent, rule, random);
    case Augmentation::Crop::RandomResized:
      return random_resized_crop(extent, random);
  }
  return centre_crop(extent, rule);
}

// Decodes an image of a data set in files.
Result<Image> read_cropped(const Dataset& dataset, std::size_t index, Augmentation::Crop crop,
                           Random& random) {
  PACT_TRY(const Image picture, read_image(dataset.path(index)));
  const Region region = choose_region(picture, dataset, crop, random);
  return sample(picture, region, dataset.channels, dataset.height, dataset.width);
}

// Writes one image, planes of bytes, into zeroed floats with the channels last.
void write_image(const Dataset& dataset, const std::uint8_t* planes, const Table& table,
                 const Placement& placement, float* target) {
  const std::ptrdiff_t height = dataset.height;
  const std::ptrdiff_t width = dataset.width;
  const std::ptrdiff_t channels = dataset.channels;
  const std::ptrdiff_t first_x = std::max(0, -placement.right);
  const std::ptrdiff_t count = width - std::abs(placement.right);
  if (count <= 0) return;
  const std::ptrdiff_t step = placement.flipped ? -channels : channels;
  const std::ptrdiff_t first_target = placement.flipped ? width - 1 - first_x : first_x;
  for (std::ptrdiff_t y = 0; y < height; ++y) {
    const std::ptrdiff_t source_y = y + placement.down;
    if (source_y < 0 || source_y >= height) continue;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
      const float* values = table[std::size_t(c)].data();
      const std::uint8_t* source =
          planes + (c * height + source_y) * width + first_x + placement.right;
      float* pixels = target + (y * width + first_target) * channels + c;
      for (std::ptrdiff_t x = 0; x < count; ++x) pixels[x * step] = values[source[x]];
    }
  }
}

void check_augmentation(const Dataset& dataset, const Augmentation& augmentation) {
  if (dataset.is_in_files() && augmentation.pad_crop > 0) {
    throw_error(ErrorCode::InvalidArgument, "data.pad_crop: '", dataset.name,
                "' holds pictures of any size; expected data.crop, found data.pad_crop");
  }
  if (!dataset.is_in_files() && augmentation.crop != Augmentation::Crop::Centre) {
    throw_error(ErrorCode::InvalidArgument, "data.crop: '", dataset.name,
                "' holds images of one size; expected data.pad_crop, found data.crop");
  }
}

}  // namespace

struct BatchLoader::State {
  // What the threads need to know of an epoch; shared, so that a thread which is late for a
  // cancelled one still reads its own.
  struct Epoch {
    std::size_t number;
    std::vector<std::size_t> order;
  };

  State(const Dataset& images, LoaderOptions chosen)
      : dataset(images),
        options(std::move(chosen)),
        table(make_table(options.normalization)),
        slots(options.ahead) {}

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    work_ready.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  std::size_t steps() const {
    const std::size_t full = dataset.size() / options.batch_size;
    const std::size_t left = dataset.size() % options.batch_size;
    return full + (left >= options.least_batch ? 1 : 0);
  }

  Result<Batch> prepare(const Epoch& plan, std::size_t step) const {
    const std::size_t begin = step * options.batch_size;
    const std::size_t past = std::min(begin + options.batch_size, dataset.size());
    const std::size_t image_size = dataset.image_bytes();
    Batch batch;
    batch.images.resize((past - begin) * image_size);
    batch.labels.resize(past - begin);
    for (std::size_t position = begin; position < past; ++position) {
      const std::size_t index = plan.order[position];
      batch.labels[position - begin] = dataset.labels[index];
      float* target = batch.images.data() + (position - begin) * image_size;
      Random random(options.seed, plan.number, position);
      if (dataset.is_in_files()) {
        PACT_TRY(const Image image,
                 read_cropped(dataset, index, options.augmentation.crop, random));
        write_image(dataset, image.pixels.data(), table, place(options.augmentation, random),
                    target);
      } else {
        write_image(dataset, dataset.image(index).data(), table,
                    place(options.augmentation, random), target);
      }
    }
    return batch;
  }

  Result<Batch> prepare_if_it_fits(const Epoch& plan, std::size_t step) const {
    try {
      return prepare(plan, step);
    } catch (const std::bad_alloc&) {
      return make_error(ErrorCode::Unsupported, "data: a batch of ", options.batch_size,
                        " images does not fit into memory");
    }
  }

  bool can_claim() const { return next_claimed < end && next_claimed < next_taken + slots.size(); }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      work_ready.wait(lock, [&] { return stopping || can_claim(); });
      if (stopping) return;
      const std::size_t step = next_claimed++;
      const std::shared_ptr<const Epoch> current = epoch;
      lock.unlock();
      Result<Batch> batch = prepare_if_it_fits(*current, step);
      lock.lock();
      if (current != epoch) continue;
      slots[step % slots.size()] = std::move(batch);
      batch_ready.notify_one();
    }
  }

  const Dataset& dataset;
  const LoaderOptions options;
  const Table table;

  std::mutex mutex;
  std::condition_variable work_ready;
  std::condition_variable batch_ready;
  // Guarded by the mutex. Steps in [next_taken, next_claimed) are prepared or under way, each in
  // the slot of its step; there are never more of them than slots.
  bool stopping = false;
  std::shared_ptr<const Epoch> epoch;
  std::size_t next_taken = 0;
  std::size_t next_claimed = 0;
  std::size_t end = 0;
  std::vector<std::optional<Result<Batch>>> slots;

  std::vector<std::thread> workers;
};

BatchLoader::BatchLoader(const Dataset& dataset, LoaderOptions options) {
  PACT_CHECK(options.batch_size > 0 && options.threads > 0 && options.ahead > 0);
  PACT_CHECK(options.least_batch > 0);
  PACT_CHECK(options.augmentation.pad_crop >= 0 && options.augmentation.pad_crop <= kMaxPadCrop);
  PACT_CHECK(std::cmp_equal(options.normalization.mean.size(), dataset.channels));
  PACT_CHECK(std::cmp_equal(options.normalization.std.size(), dataset.channels));
  check_augmentation(dataset, options.augmentation);
  state_ = std::make_unique<State>(dataset, std::move(options));
  for (int i = 0; i < state_->options.threads; ++i) {
    state_->workers.emplace_back(&State::work, state_.get());
  }
}

BatchLoader::~BatchLoader() = default;

std::size_t BatchLoader::steps_per_epoch() const { return state_->steps(); }

void BatchLoader::start(std::size_t epoch, std::size_t first_step) {
  const std::size_t steps = state_->steps();
  PACT_CHECK(first_step <= steps);
  auto next = std::make_shared<const State::Epoch>(
      State::Epoch{epoch, make_order(state_->dataset.size(), state_->options, epoch)});
  {
    const std::lock_guard lock(state_->mutex);
    state_->epoch = std::move(next);
    state_->next_taken = state_->next_claimed = first_step;
    state_->end = steps;
    for (auto& slot : state_->slots) slot.reset();
  }
  state_->work_ready.notify_all();
}

Batch BatchLoader::next() {
  std::unique_lock lock(state_->mutex);
  PACT_CHECK(state_->next_taken < state_->end);
  std::optional<Result<Batch>>& slot = state_->slots[state_->next_taken % state_->slots.size()];
  state_->batch_ready.wait(lock, [&] { return slot.has_value(); });
  Result<Batch> batch = std::move(*slot);
  slot.reset();
  ++state_->next_taken;
  lock.unlock();
  state_->work_ready.notify_one();
  return value_or_throw(std::move(batch));
}

}  // namespace pact::data
