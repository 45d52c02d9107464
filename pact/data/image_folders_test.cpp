// SPDX-License-Identifier: Apache-2.0
#include "pact/data/image_folders.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "pact/data/batch_loader.h"
#include "pact/data/jpeg_writer_test.h"
#include "pact/data/pixels.h"

namespace pact::data {
namespace {

constexpr DatasetFile kFolderFiles[] = {{"set/train", "", 0, Split::Train},
                                        {"set/val", "", 0, Split::Test}};
constexpr float kMeans[] = {0, 0, 0};
constexpr float kDeviations[] = {1, 1, 1};
constexpr DatasetInfo kFolders = {.name = "folders",
                                  .title = "",
                                  .source = "https://example.org/folders",
                                  .system_folder = "",
                                  .format = DatasetFormat::ImageFolders,
                                  .channels = 3,
                                  .height = 14,
                                  .width = 14,
                                  .classes = {},
                                  .files = kFolderFiles,
                                  .mean = kMeans,
                                  .std = kDeviations,
                                  .class_folders = 3,
                                  .shorter_side = 16};

// A picture that tells where a crop was taken: red grows to the right, green downwards; blue is the
// label's.
void write_picture(const std::filesystem::path& path, int height, int width, int blue,
                   int channels = 3) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      pixels.push_back(std::uint8_t(x * 255 / width));
      if (channels == 1) continue;
      pixels.push_back(std::uint8_t(y * 255 / height));
      pixels.push_back(std::uint8_t(blue));
      if (channels == 4) pixels.push_back(0);
    }
  }
  const J_COLOR_SPACE colours =
      channels == 1 ? JCS_GRAYSCALE : (channels == 3 ? JCS_RGB : JCS_CMYK);
  const auto file = write_jpeg(
      {.channels = channels, .height = height, .width = width, .colours = colours}, pixels);
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), std::streamsize(file.size()));
}

class ImageFolders : public testing::Test {
 protected:
  ImageFolders() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::path(testing::TempDir()) /
            text("pact_folders_", ::getpid(), "_", test->name());
    for (const char* split : {"train", "val"}) {
      for (int label = 0; label < 3; ++label) {
        for (int i = 0; i < 4; ++i) {
          write_picture(root_ / "set" / split / text("n", label) / text("p", i, ".JPEG"), 20 + i,
                        40 - 7 * i, 100 * label);
        }
      }
    }
  }
  ~ImageFolders() override { std::filesystem::remove_all(root_); }

  std::string load_error(Split split) const {
    const auto dataset = load_dataset(kFolders, root_, split);
    return dataset ? "no error" : dataset.error().message;
  }

  LoaderOptions options(Augmentation::Crop crop, int threads) const {
    return {.batch_size = 5,
            .seed = 3,
            .augmentation = {.flip = Augmentation::Flip::Horizontal, .crop = crop},
            .normalization = {.mean = {0, 0, 0}, .std = {1, 1, 1}},
            .threads = threads};
  }

  std::vector<Batch> batches(const Dataset& dataset, LoaderOptions chosen) const {
    BatchLoader loader(dataset, std::move(chosen));
    loader.start(2);
    std::vector<Batch> result;
    for (std::size_t i = 0; i < loader.steps_per_epoch(); ++i) result.push_back(loader.next());
    return result;
  }

  std::filesystem::path root_;
};

TEST_F(ImageFolders, AreListedInOrderWithoutBeingRead) {
  std::ofstream(root_ / "set/train/n1/notes.txt") << "not a picture";
  const auto train = load_dataset(kFolders, root_, Split::Train);
  ASSERT_TRUE(train) << train.error().message;
  EXPECT_EQ(train->classes, (std::vector<std::string>{"n0", "n1", "n2"}));
  EXPECT_EQ(train->size(), 12U);
  EXPECT_TRUE(train->is_in_files());
  EXPECT_TRUE(train->pixels.empty());
  EXPECT_EQ(train->files[4], "n1/p0.JPEG");
  EXPECT_EQ(train->path(11), root_ / "set/train/n2/p3.JPEG");
  EXPECT_EQ(train->labels[11], 2);
  EXPECT_EQ(*class_names(kFolders, root_), train->classes);
  for (const FileStatus& status : check_files(kFolders, root_)) {
    EXPECT_EQ(status.state, FileState::Good) << status.path;
  }
}

TEST_F(ImageFolders, GiveTheSameBatchesForAnyNumberOfThreads) {
  const Dataset train = value_or_throw(load_dataset(kFolders, root_, Split::Train));
  for (const auto crop : {Augmentation::Crop::Random, Augmentation::Crop::RandomResized}) {
    const auto one = batches(train, options(crop, 1));
    ASSERT_EQ(one.size(), 3U);
    for (const Batch& batch : one) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const float blue = batch.images[i * 14 * 14 * 3 + 2] * 255;
        EXPECT_NEAR(blue, 100.0 * double(batch.labels[i]), 12);
      }
    }
    for (const int threads : {2, 5}) {
      const auto several = batches(train, options(crop, threads));
      for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_EQ(several[i].images, one[i].images) << threads << " threads";
        EXPECT_EQ(several[i].labels, one[i].labels);
      }
    }
  }
}

TEST_F(ImageFolders, CropsDifferBetweenEpochsAndResumeAtAnyStep) {
  const Dataset train = value_or_throw(load_dataset(kFolders, root_, Split::Train));
  BatchLoader loader(train, options(Augmentation::Crop::Random, 3));
  const auto epoch = batches(train, options(Augmentation::Crop::Random, 3));
  loader.start(2, 1);
  EXPECT_EQ(loader.next().images, epoch[1].images);
  loader.start(3, 1);
  EXPECT_NE(loader.next().images, epoch[1].images);
}

TEST_F(ImageFolders, AreEvaluatedOnTheMiddleOfThePicture) {
  const Dataset test = value_or_throw(load_dataset(kFolders, root_, Split::Test));
  PixelReader reader(test, 3);
  const auto pixels = reader.read(3, 6);
  ASSERT_TRUE(pixels) << pixels.error().message;
  ASSERT_EQ(pixels->size(), 6 * test.image_bytes());
  // Image 4 is the first of class 1, 20 x 40: red of its middle is half, blue 100.
  const auto image = pixels->subspan(test.image_bytes(), test.image_bytes());
  const auto mean = [&](std::size_t channel) {
    double sum = 0;
    for (std::size_t i = 0; i < 196; ++i) sum += image[channel * 196 + i];
    return sum / 196;
  };
  EXPECT_NEAR(mean(0), 127, 6);
  EXPECT_NEAR(mean(1), 121, 6);
  EXPECT_NEAR(mean(2), 100, 6);
  // Training without augmentation sees the same.
  LoaderOptions plain = options(Augmentation::Crop::Centre, 2);
  plain.augmentation = {};
  plain.order = LoaderOptions::Order::Sequential;
  const auto sequential = batches(test, plain);
  EXPECT_EQ(sequential[0].images[4 * 588], float(image[0]) / 255.0F);
}

TEST_F(ImageFolders, GreyAndCmykPicturesAreConverted) {
  write_picture(root_ / "set/train/n0/p0.JPEG", 20, 20, 0, 1);
  write_picture(root_ / "set/train/n0/p1.JPEG", 20, 20, 0, 4);
  const Dataset train = value_or_throw(load_dataset(kFolders, root_, Split::Train));
  const auto grey = read_centre(train, 0);
  ASSERT_TRUE(grey) << grey.error().message;
  EXPECT_EQ((*grey)[7], (*grey)[196 + 7]);
  const auto inks = read_centre(train, 1);
  ASSERT_TRUE(inks) << inks.error().message;
  EXPECT_GT((*inks)[0], (*inks)[13]);  // cyan grows to the right
  EXPECT_GT((*inks)[2 * 196], 240);    // no yellow
}

TEST_F(ImageFolders, ADamagedPictureIsAnErrorThatNamesIt) {
  const auto path = root_ / "set/train/n1/p2.JPEG";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const Dataset train = value_or_throw(load_dataset(kFolders, root_, Split::Train));
  try {
    batches(train, options(Augmentation::Crop::Random, 2));
    FAIL() << "was read";
  } catch (const Exception& error) {
    EXPECT_NE(std::string(error.what()).find(path.string() + ": expected a whole JPEG"),
              std::string::npos)
        << error.what();
  }
  PixelReader reader(train, 2);
  const auto pixels = reader.read(0, 12);
  ASSERT_FALSE(pixels);
  EXPECT_EQ(pixels.error().code, ErrorCode::Corrupt);
}

TEST_F(ImageFolders, OtherFoldersThanExpectedAreErrors) {
  std::filesystem::rename(root_ / "set/val/n2", root_ / "set/val/n3");
  EXPECT_EQ(
      load_error(Split::Test),
      (root_ / "set/val").string() + ": expected folders of the same names as in the other split");
  std::filesystem::create_directories(root_ / "set/val/n4");
  EXPECT_EQ(load_error(Split::Test),
            (root_ / "set/val").string() + ": expected 3 folders, one for each class, found 4");
  EXPECT_EQ(check_files(kFolders, root_)[1].state, FileState::WrongSize);
  std::filesystem::remove_all(root_ / "set/val");
  EXPECT_EQ(load_error(Split::Test).find("folders: missing " + (root_ / "set/val").string()), 0U);
  EXPECT_EQ(load_error(Split::Train), "no error");
  std::filesystem::remove_all(root_ / "set/train/n0");
  std::filesystem::create_directories(root_ / "set/train/n0");
  EXPECT_EQ(load_error(Split::Train), (root_ / "set/train/n0").string() +
                                          ": expected pictures (.jpeg, .jpg, .png), found none");
}

TEST_F(ImageFolders, AugmentationForAnotherKindOfDataIsAnError) {
  const Dataset train = value_or_throw(load_dataset(kFolders, root_, Split::Train));
  LoaderOptions padded = options(Augmentation::Crop::Centre, 1);
  padded.augmentation.pad_crop = 2;
  EXPECT_THROW(BatchLoader(train, padded), Exception);
  const Dataset memory{
      .name = "m", .channels = 3, .height = 1, .width = 1, .pixels = {1, 2, 3}, .labels = {0}};
  EXPECT_THROW(BatchLoader(memory, options(Augmentation::Crop::Random, 1)), Exception);
}

}  // namespace
}  // namespace pact::data
