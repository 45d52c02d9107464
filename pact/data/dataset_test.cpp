// SPDX-License-Identifier: Apache-2.0
#include "pact/data/dataset.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <optional>

#include "pact/data/md5.h"

namespace pact::data {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

std::string sum(const std::string& bytes) {
  return md5(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

// A data root of its own for each test, gone afterwards.
class DatasetTest : public testing::Test {
 protected:
  DatasetTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / text("pact_dataset_", ::getpid(), "_", test->name());
    fs::create_directories(root_);
  }
  ~DatasetTest() override { fs::remove_all(root_); }

  std::string load_error(const DatasetInfo& info, Split split = Split::Test) const {
    const Result<Dataset> dataset = load_dataset(info, root_, split);
    return dataset ? "no error" : dataset.error().message;
  }

  std::string at(const char* name) const { return (root_ / name).string(); }

  fs::path root_;
};

constexpr std::string_view kClasses[] = {"first", "second", "third"};

// CIFAR in small: 2 records of a label and 2 channels of 1 x 2.
constexpr DatasetFile kTinyCifarFiles[] = {{"c/a.bin", "", 10, Split::Train},
                                           {"c/b.bin", "", 10, Split::Train},
                                           {"c/t.bin", "", 10, Split::Test}};
constexpr DatasetInfo kTinyCifar = {.name = "tiny-cifar",
                                    .title = "",
                                    .source = "https://example.org/tiny",
                                    .system_folder = "",
                                    .format = DatasetFormat::CifarBinary,
                                    .channels = 2,
                                    .height = 1,
                                    .width = 2,
                                    .classes = kClasses,
                                    .files = kTinyCifarFiles,
                                    .mean = {},
                                    .std = {}};

// MNIST in small: 3 images of 2 x 2.
constexpr DatasetFile kTinyIdxFiles[] = {{"i/images", "", 28, Split::Test},
                                         {"i/labels", "", 11, Split::Test}};
constexpr DatasetInfo kTinyIdx = {.name = "tiny-idx",
                                  .title = "",
                                  .source = "https://example.org/idx",
                                  .system_folder = "",
                                  .format = DatasetFormat::Idx,
                                  .channels = 1,
                                  .height = 2,
                                  .width = 2,
                                  .classes = kClasses,
                                  .files = kTinyIdxFiles,
                                  .mean = {},
                                  .std = {}};

const std::string kTinyImages =
    big_endian(0x803) + big_endian(3) + big_endian(2) + big_endian(2) + "abcdefghijkl";
const std::string kTinyLabels = big_endian(0x801) + big_endian(3) + std::string("\2\0\1", 3);

TEST(Md5, AgreesWithRfc1321) {
  EXPECT_EQ(sum(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(sum("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(sum("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(sum("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(sum("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Md5, AgreesWithMd5sumAroundTheBlockSize) {
  const std::pair<std::size_t, const char*> expected[] = {
      {55, "ef1772b6dff9a122358552954ad0df65"},  {56, "3b0c8ac703f828b04c6c197006d17218"},
      {57, "652b906d60af96844ebd21b674f35e93"},  {63, "b06521f39153d618550606be297466d5"},
      {64, "014842d480b571495a4a0363793f7367"},  {65, "c743a45e0d2e6a95cb859adae0248435"},
      {119, "8a7bd0732ed6a28ce75f6dabc90e1613"}, {120, "5f61c0ccad4cac44c75ff505e1f1e537"},
      {128, "e510683b3f5ffe4093d021808bc6ff70"}};
  for (const auto& [length, digits] : expected) {
    EXPECT_EQ(sum(std::string(length, 'a')), digits) << length;
  }
}

TEST(Registry, IsConsistent) {
  std::vector<std::string_view> names;
  for (const DatasetInfo& info : datasets()) {
    SCOPED_TRACE(info.name);
    names.push_back(info.name);
    EXPECT_EQ(info.mean.size(), std::size_t(info.channels));
    EXPECT_EQ(info.std.size(), std::size_t(info.channels));
    if (info.format == DatasetFormat::ImageFolders) continue;
    EXPECT_EQ(info.classes.size(), 10u);
    for (const DatasetFile& file : info.files) EXPECT_EQ(file.md5.size(), 32u) << file.path;
  }
  EXPECT_EQ(names, (std::vector<std::string_view>{"cifar10", "fashion-mnist", "imagenet", "mnist",
                                                  "svhn", "svhn-extra"}));
}

TEST(Registry, FindsByNameAndListsTheKnownOtherwise) {
  for (const DatasetInfo& info : datasets()) {
    const auto found = find_dataset(info.name);
    ASSERT_TRUE(found) << info.name;
    EXPECT_EQ(*found, &info);
  }
  const auto unknown = find_dataset("cifar");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(unknown.error().message,
            "expected a data set (cifar10, fashion-mnist, imagenet, mnist, svhn, svhn-extra), "
            "found 'cifar'");
}

TEST(DataRoot, IsTheFlagThenTheVariableThenAFolderHere) {
  const char* old_value = std::getenv("PACT_DATA");
  const std::optional<std::string> before =
      old_value == nullptr ? std::nullopt : std::optional<std::string>(old_value);
  ::setenv("PACT_DATA", "from/variable", 1);
  EXPECT_EQ(data_root("from/flag"), "from/flag");
  EXPECT_EQ(data_root(), "from/variable");
  ::setenv("PACT_DATA", "", 1);
  EXPECT_EQ(data_root(), "data");
  ::unsetenv("PACT_DATA");
  EXPECT_EQ(data_root(), "data");
  if (before) ::setenv("PACT_DATA", before->c_str(), 1);
}

TEST_F(DatasetTest, MissingFilesAreNamedWithTheirSourceAndSums) {
  const DatasetInfo& cifar10 = **find_dataset("cifar10");
  write_file(root_ / "cifar-10-batches-bin/data_batch_2.bin", "");
  const Result<Dataset> dataset = load_dataset(cifar10, root_, Split::Train);
  ASSERT_FALSE(dataset);
  EXPECT_EQ(dataset.error().code, ErrorCode::NotFound);
  const std::string& message = dataset.error().message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  const std::string first = at("cifar-10-batches-bin/data_batch_1.bin");
  EXPECT_EQ(message.find("cifar10: missing " + first + " (md5 5dd7e06a14cb22eb9f671a540d1b7c25), "),
            0u)
      << message;
  for (const char* part : {"data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "PACT_DATA",
                           "https://www.cs.toronto.edu/~kriz/cifar.html"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  }
  for (const char* part : {"data_batch_2.bin", "test_batch.bin"}) {
    EXPECT_EQ(message.find(part), std::string::npos) << part << " in " << message;
  }
}

TEST_F(DatasetTest, ReadsCifarRecordsFileAfterFile) {
  write_file(root_ / "c/a.bin", std::string("\0abcd\2efgh", 10));
  write_file(root_ / "c/b.bin.gz", gzip("\1ijkl\1mnop"));
  const Result<Dataset> dataset = load_dataset(kTinyCifar, root_, Split::Train);
  ASSERT_TRUE(dataset) << dataset.error().message;
  EXPECT_EQ(dataset->name, "tiny-cifar");
  EXPECT_EQ(dataset->channels, 2);
  EXPECT_EQ(dataset->height, 1);
  EXPECT_EQ(dataset->width, 2);
  EXPECT_EQ(dataset->classes, (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(dataset->labels, (std::vector<std::uint16_t>{0, 2, 1, 1}));
  EXPECT_EQ(std::string(dataset->pixels.begin(), dataset->pixels.end()), "abcdefghijklmnop");
  EXPECT_EQ(dataset->image(2)[0], 'i');
}

TEST_F(DatasetTest, CifarOfTheWrongSizeIsRefused) {
  const DatasetInfo& cifar10 = **find_dataset("cifar10");
  const char* name = "cifar-10-batches-bin/test_batch.bin";
  for (const std::size_t size : {std::size_t(0), std::size_t(3073), std::size_t(30730001)}) {
    write_file(root_ / name, "");
    fs::resize_file(root_ / name, size);
    EXPECT_EQ(load_error(cifar10),
              text(at(name), ": expected 30730000 bytes, found ", size, " bytes"));
  }
}

TEST_F(DatasetTest, CifarOfPartialRecordsIsRefused) {
  DatasetFile file = kTinyCifarFiles[2];
  file.bytes = 9;
  DatasetInfo info = kTinyCifar;
  info.files = std::span(&file, 1);
  write_file(root_ / "c/t.bin", std::string("\0abcd\0efg", 9));
  EXPECT_EQ(load_error(info), at("c/t.bin") + ": expected whole records of 5 bytes, found 9 bytes");
}

TEST_F(DatasetTest, CifarLabelsOutsideTheClassesAreRefused) {
  write_file(root_ / "c/t.bin", std::string("\0abcd\3efgh", 10));
  EXPECT_EQ(load_error(kTinyCifar),
            at("c/t.bin") + ": record 1: expected a label of 0 to 2, found 3");
}

class IdxTest : public DatasetTest {
 protected:
  // The message for these files, or "no error".
  std::string load_error_of(const std::string& images, const std::string& labels) const {
    write_file(root_ / "i/images", images);
    write_file(root_ / "i/labels", labels);
    return load_error(kTinyIdx);
  }
};

TEST_F(IdxTest, ReadsRawAndGzippedFiles) {
  for (const bool gzipped : {false, true}) {
    SCOPED_TRACE(gzipped ? "gzipped" : "raw");
    fs::remove_all(root_ / "i");
    const char* extension = gzipped ? ".gz" : "";
    write_file(root_ / text("i/images", extension), gzipped ? gzip(kTinyImages) : kTinyImages);
    write_file(root_ / text("i/labels", extension), gzipped ? gzip(kTinyLabels) : kTinyLabels);
    const Result<Dataset> dataset = load_dataset(kTinyIdx, root_, Split::Test);
    ASSERT_TRUE(dataset) << dataset.error().message;
    EXPECT_EQ(dataset->size(), 3u);
    EXPECT_EQ(dataset->labels, (std::vector<std::uint16_t>{2, 0, 1}));
    EXPECT_EQ(std::string(dataset->pixels.begin(), dataset->pixels.end()), "abcdefghijkl");
  }
}

TEST_F(IdxTest, FindsFilesInTheSystemFolderToo) {
  const std::string folder = at("system");
  DatasetInfo info = kTinyIdx;
  info.system_folder = folder;
  write_file(root_ / "system/images.gz", gzip(kTinyImages));
  write_file(root_ / "system/labels", kTinyLabels);
  const Result<Dataset> dataset = load_dataset(info, root_, Split::Test);
  ASSERT_TRUE(dataset) << dataset.error().message;
  EXPECT_EQ(dataset->size(), 3u);
  // The root's own files come first.
  write_file(root_ / "i/images", "");
  EXPECT_EQ(load_error(info), at("i/images") + ": expected 28 bytes, found 0 bytes");
}

TEST_F(IdxTest, WrongMagicIsRefused) {
  std::string images = kTinyImages;
  images[2] = 0x0d;
  EXPECT_EQ(load_error_of(images, kTinyLabels),
            at("i/images") + ": expected the IDX magic 0x00000803, found 0x00000d03");
  std::string labels = kTinyLabels;
  labels[3] = 3;
  EXPECT_EQ(load_error_of(kTinyImages, labels),
            at("i/labels") + ": expected the IDX magic 0x00000801, found 0x00000803");
}

TEST_F(IdxTest, WrongDimensionsAreRefused) {
  std::string images = kTinyImages;
  images[11] = 3;
  EXPECT_EQ(load_error_of(images, kTinyLabels),
            at("i/images") + ": expected images of 2x2, found 3x2");
  images = kTinyImages;
  images[4] = '\xff';
  EXPECT_EQ(load_error_of(images, kTinyLabels),
            at("i/images") +
                ": expected 4278190083 images of 4 bytes as the header says, found 12 bytes");
  std::string labels = kTinyLabels;
  labels[7] = 2;
  EXPECT_EQ(load_error_of(kTinyImages, labels),
            at("i/labels") + ": expected 2 labels as the header says, found 3");
}

TEST_F(IdxTest, WrongLabelsAreRefused) {
  std::string labels = kTinyLabels;
  labels[9] = 3;
  EXPECT_EQ(load_error_of(kTinyImages, labels),
            at("i/labels") + ": image 1: expected a label of 0 to 2, found 3");
}

TEST_F(IdxTest, WrongSizesAreRefused) {
  EXPECT_EQ(load_error_of(kTinyImages + "!", kTinyLabels),
            at("i/images") + ": expected 28 bytes, found 29 bytes");
  EXPECT_EQ(load_error_of(kTinyImages, kTinyLabels.substr(0, 3)),
            at("i/labels") + ": expected 11 bytes, found 3 bytes");
}

// A registry entry that does not fit its files must not make the parser read past their end.
TEST_F(IdxTest, FilesShorterThanTheirHeaderAreRefused) {
  DatasetFile files[] = {kTinyIdxFiles[0], kTinyIdxFiles[1]};
  files[0].bytes = 15;
  DatasetInfo info = kTinyIdx;
  info.files = files;
  write_file(root_ / "i/images", kTinyImages.substr(0, 15));
  write_file(root_ / "i/labels", kTinyLabels);
  EXPECT_EQ(load_error(info),
            at("i/images") + ": expected an IDX header of 16 bytes, found 15 bytes");
}

TEST_F(IdxTest, FewerLabelsThanImagesAreRefused) {
  DatasetFile files[] = {kTinyIdxFiles[0], kTinyIdxFiles[1]};
  files[1].bytes = 10;
  DatasetInfo info = kTinyIdx;
  info.files = files;
  write_file(root_ / "i/images", kTinyImages);
  write_file(root_ / "i/labels", big_endian(0x801) + big_endian(2) + std::string("\2\0", 2));
  EXPECT_EQ(load_error(info),
            at("i/labels") + ": expected a label for each of 3 images, found 2 labels");
}

TEST_F(IdxTest, GzipTruncatedAnywhereIsRefused) {
  const std::string whole = gzip(kTinyImages);
  write_file(root_ / "i/labels", kTinyLabels);
  ASSERT_GT(whole.size(), 20u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(root_ / "i/images.gz", whole.substr(0, size));
    EXPECT_EQ(load_error(kTinyIdx).find(at("i/images.gz") +
                                        ": expected a whole gzip stream of 28 bytes inflated, "
                                        "found its end missing after "),
              0u)
        << size << ": " << load_error(kTinyIdx);
  }
}

TEST_F(IdxTest, DamagedGzipIsRefused) {
  const std::string whole = gzip(kTinyImages);
  write_file(root_ / "i/labels", kTinyLabels);
  const std::string prefix = at("i/images.gz") + ": expected ";
  std::string bad_sum = whole;
  bad_sum[whole.size() - 8] ^= 1;
  write_file(root_ / "i/images.gz", bad_sum);
  EXPECT_EQ(load_error(kTinyIdx),
            prefix + "a gzip stream of 28 bytes inflated, found damage (incorrect data check)");
  write_file(root_ / "i/images.gz", kTinyImages);
  EXPECT_EQ(load_error(kTinyIdx),
            prefix + "a gzip stream of 28 bytes inflated, found damage (incorrect header check)");
  write_file(root_ / "i/images.gz", whole + "more");
  EXPECT_EQ(load_error(kTinyIdx), prefix + "one gzip stream, found 4 more bytes after it");
}

TEST_F(IdxTest, GzipWithTooMuchInsideIsNotInflatedFurther) {
  write_file(root_ / "i/images.gz", gzip(kTinyImages + std::string(64 << 20, '\0')));
  write_file(root_ / "i/labels", kTinyLabels);
  EXPECT_EQ(load_error(kTinyIdx),
            at("i/images.gz") + ": expected 28 bytes, found more than 28 bytes");
  write_file(root_ / "i/images.gz", gzip(kTinyImages + "!"));
  EXPECT_EQ(load_error(kTinyIdx),
            at("i/images.gz") + ": expected 28 bytes, found more than 28 bytes");
  write_file(root_ / "i/images.gz", gzip(kTinyImages.substr(1)));
  EXPECT_EQ(load_error(kTinyIdx), at("i/images.gz") + ": expected 28 bytes, found 27 bytes");
}

TEST_F(DatasetTest, CheckFilesTellsTheStateOfEach) {
  const std::string good = "good bytes";
  const std::string good_sum = sum(good);
  const DatasetFile files[] = {
      {"raw", good_sum, 10, Split::Train},     {"packed", good_sum, 10, Split::Train},
      {"missing", good_sum, 10, Split::Train}, {"short", good_sum, 10, Split::Train},
      {"changed", good_sum, 10, Split::Test},  {"too_much", good_sum, 10, Split::Test},
      {"damaged", good_sum, 10, Split::Test}};
  DatasetInfo info = kTinyIdx;
  info.files = files;
  write_file(root_ / "raw", good);
  write_file(root_ / "packed.gz", gzip(good));
  write_file(root_ / "short", "good");
  write_file(root_ / "changed", "Good bytes");
  write_file(root_ / "too_much.gz", gzip(good + good));
  write_file(root_ / "damaged.gz", gzip(good).substr(0, 20));
  const std::vector<FileStatus> statuses = check_files(info, root_);
  ASSERT_EQ(statuses.size(), 7u);
  const auto expect = [&](std::size_t index, const char* name, FileState state,
                          const std::string& found) {
    EXPECT_EQ(statuses[index].path, root_ / name);
    EXPECT_EQ(statuses[index].state, state) << name;
    EXPECT_EQ(statuses[index].found, found) << name;
  };
  expect(0, "raw", FileState::Good, "");
  expect(1, "packed.gz", FileState::Good, "");
  expect(2, "missing", FileState::Missing, "");
  expect(3, "short", FileState::WrongSize, "4 bytes");
  expect(4, "changed", FileState::WrongSum, sum("Good bytes"));
  expect(5, "too_much.gz", FileState::WrongSize, "more than 10 bytes");
  EXPECT_EQ(statuses[6].state, FileState::WrongSum);
  EXPECT_NE(statuses[6].found.find("found its end missing"), std::string::npos)
      << statuses[6].found;
}

// Known facts about a published data set.
struct Published {
  const char* name;
  std::size_t image_bytes;
  std::array<std::uint8_t, 5> first_train_labels;
  std::array<std::uint8_t, 5> first_test_labels;
  const char* first_class;
  const char* last_class;
};

std::ostream& operator<<(std::ostream& out, const Published& published) {
  return out << published.name;
}

class PublishedTest : public testing::TestWithParam<Published> {};

TEST_P(PublishedTest, FilesHaveTheirSumsAndLoad) {
  const Published& published = GetParam();
  const DatasetInfo& info = **find_dataset(published.name);
  const fs::path root = data_root();
  const std::vector<FileStatus> statuses = check_files(info, root);
  ASSERT_EQ(statuses.size(), info.files.size());
  for (const FileStatus& status : statuses) {
    if (status.state == FileState::Missing) {
      GTEST_SKIP() << status.path << " is missing; PACT_DATA names the data root";
    }
    EXPECT_EQ(status.state, FileState::Good) << status.path << ": " << status.found;
  }
  for (const Split split : {Split::Train, Split::Test}) {
    const Result<Dataset> dataset = load_dataset(info, root, split);
    ASSERT_TRUE(dataset) << dataset.error().message;
    const std::size_t size = split == Split::Test ? 10000 : info.channels == 3 ? 50000 : 60000;
    ASSERT_EQ(dataset->size(), size);
    EXPECT_EQ(dataset->image_bytes(), published.image_bytes);
    EXPECT_EQ(dataset->pixels.size(), size * published.image_bytes);
    EXPECT_EQ(dataset->classes.front(), published.first_class);
    EXPECT_EQ(dataset->classes.back(), published.last_class);
    const auto& labels =
        split == Split::Test ? published.first_test_labels : published.first_train_labels;
    EXPECT_TRUE(std::equal(labels.begin(), labels.end(), dataset->labels.begin()));
    std::array<int, 10> counts{};
    for (const std::uint8_t label : dataset->labels) ++counts[label];
    for (const int count : counts) EXPECT_NEAR(count, double(size) / 10, double(size) / 50);
  }
}

TEST_P(PublishedTest, UsualNormalisationIsNearTheMeasuredOne) {
  const DatasetInfo& info = **find_dataset(GetParam().name);
  const Result<Dataset> dataset = load_dataset(info, data_root(), Split::Train);
  if (!dataset && dataset.error().code == ErrorCode::NotFound) {
    GTEST_SKIP() << dataset.error().message;
  }
  ASSERT_TRUE(dataset) << dataset.error().message;
  const std::size_t plane = std::size_t(info.height) * std::size_t(info.width);
  for (std::size_t c = 0; c < info.mean.size(); ++c) {
    double total = 0;
    for (std::size_t i = 0; i < dataset->size(); ++i) {
      const auto pixels = dataset->image(i).subspan(c * plane, plane);
      total += std::accumulate(pixels.begin(), pixels.end(), 0);
    }
    const double mean = total / 255 / double(plane * dataset->size());
    // The usual figures for CIFAR-10 are those of ImageNet.
    EXPECT_NEAR(mean, info.mean[c], info.channels == 3 ? 0.05 : 0.0001) << "channel " << c;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PublishedTest,
    testing::Values(
        Published{"cifar10", 3072, {6, 9, 9, 4, 1}, {3, 8, 8, 0, 6}, "airplane", "truck"},
        Published{
            "fashion-mnist", 784, {9, 0, 0, 3, 0}, {9, 2, 1, 1, 6}, "T-shirt/top", "Ankle boot"},
        Published{"mnist", 784, {5, 0, 4, 1, 9}, {7, 2, 1, 0, 4}, "0", "9"}),
    [](const auto& instance) {
      std::string name = instance.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace pact::data
