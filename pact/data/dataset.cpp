// SPDX-License-Identifier: Apache-2.0
#include "pact/data/dataset.h"

#include <cstdlib>
#include <system_error>
#include <utility>

#include "pact/data/cifar.h"
#include "pact/data/idx.h"
#include "pact/data/image_folders.h"
#include "pact/data/md5.h"
#include "pact/data/stored_file.h"
#include "pact/data/svhn.h"

namespace pact::data {
namespace {

constexpr std::string_view kCifar10Classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                "dog",      "frog",       "horse", "ship", "truck"};
constexpr std::string_view kFashionClasses[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                                "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                                "Bag",         "Ankle boot"};
constexpr std::string_view kDigitClasses[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

constexpr std::size_t kCifarBytes = 10000 * (1 + 3 * 32 * 32);
constexpr std::size_t kTrainImageBytes = 16 + 60000 * 28 * 28;
constexpr std::size_t kTrainLabelBytes = 8 + 60000;
constexpr std::size_t kTestImageBytes = 16 + 10000 * 28 * 28;
constexpr std::size_t kTestLabelBytes = 8 + 10000;

constexpr DatasetFile kCifar10Files[] = {
    {"cifar-10-batches-bin/data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25", kCifarBytes,
     Split::Train},
    {"cifar-10-batches-bin/data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692", kCifarBytes,
     Split::Train},
    {"cifar-10-batches-bin/data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421", kCifarBytes,
     Split::Train},
    {"cifar-10-batches-bin/data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb", kCifarBytes,
     Split::Train},
    {"cifar-10-batches-bin/data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d", kCifarBytes,
     Split::Train},
    {"cifar-10-batches-bin/test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d", kCifarBytes,
     Split::Test}};
constexpr DatasetFile kFashionFiles[] = {
    {"fashion-mnist/train-images-idx3-ubyte", "f4a8712d7a061bf5bd6d2ca38dc4d50a", kTrainImageBytes,
     Split::Train},
    {"fashion-mnist/train-labels-idx1-ubyte", "9018921c3c673c538a1fc5bad174d6f9", kTrainLabelBytes,
     Split::Train},
    {"fashion-mnist/t10k-images-idx3-ubyte", "8181f5470baa50b63fa0f6fddb340f0a", kTestImageBytes,
     Split::Test},
    {"fashion-mnist/t10k-labels-idx1-ubyte", "15d484375f8d13e6eb1aabb0c3f46965", kTestLabelBytes,
     Split::Test}};
constexpr DatasetFile kMnistFiles[] = {
    {"mnist/train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb", kTrainImageBytes,
     Split::Train},
    {"mnist/train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624", kTrainLabelBytes,
     Split::Train},
    {"mnist/t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea", kTestImageBytes,
     Split::Test},
    {"mnist/t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637", kTestLabelBytes,
     Split::Test}};

// The second one of "svhn-extra" is what the plain set leaves out.
constexpr DatasetFile kSvhnFiles[] = {
    {"svhn/train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", 182040794, Split::Train},
    {"svhn/test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", 64275384, Split::Test},
    {"svhn/extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7", 1329278602, Split::Train}};
constexpr DatasetFile kImageNetFiles[] = {{"imagenet/train", "", 0, Split::Train},
                                          {"imagenet/val", "", 0, Split::Test}};

// ImageNet's numbers; the published CIFAR-10 networks that runs start from were trained with them.
constexpr float kPhotographMean[] = {0.485f, 0.456f, 0.406f};
constexpr float kPhotographStd[] = {0.229f, 0.224f, 0.225f};
constexpr float kFashionMean[] = {0.2860f};
constexpr float kFashionStd[] = {0.3530f};
constexpr float kMnistMean[] = {0.1307f};
constexpr float kMnistStd[] = {0.3081f};
constexpr float kSvhnMean[] = {0.4377f, 0.4438f, 0.4728f};
constexpr float kSvhnStd[] = {0.1980f, 0.2010f, 0.1970f};

constexpr DatasetInfo svhn(std::string_view name, std::string_view title,
                           std::span<const DatasetFile> files) {
  return {.name = name,
          .title = title,
          .source = "http://ufldl.stanford.edu/housenumbers/ (format 2, cropped digits)",
          .system_folder = "",
          .format = DatasetFormat::Svhn,
          .channels = 3,
          .height = 40,
          .width = 40,
          .classes = kDigitClasses,
          .files = files,
          .mean = kSvhnMean,
          .std = kSvhnStd};
}

constexpr DatasetInfo kDatasets[] = {
    {.name = "cifar10",
     .title = "CIFAR-10: 32x32 colour photographs of 10 kinds of things",
     .source = "https://www.cs.toronto.edu/~kriz/cifar.html (the binary version)",
     .system_folder = "",
     .format = DatasetFormat::CifarBinary,
     .channels = 3,
     .height = 32,
     .width = 32,
     .classes = kCifar10Classes,
     .files = kCifar10Files,
     .mean = kPhotographMean,
     .std = kPhotographStd},
    {.name = "fashion-mnist",
     .title = "Fashion-MNIST: 28x28 grey pictures of 10 kinds of clothes",
     .source = "https://github.com/zalandoresearch/fashion-mnist (or the Debian package "
               "dataset-fashion-mnist)",
     .system_folder = "/usr/share/datasets/fashion-mnist",
     .format = DatasetFormat::Idx,
     .channels = 1,
     .height = 28,
     .width = 28,
     .classes = kFashionClasses,
     .files = kFashionFiles,
     .mean = kFashionMean,
     .std = kFashionStd},
    {.name = "imagenet",
     .title = "ImageNet (ILSVRC 2012): photographs of 1000 kinds of things",
     .source = "https://www.image-net.org (ILSVRC 2012, unpacked to a folder for each class)",
     .system_folder = "",
     .format = DatasetFormat::ImageFolders,
     .channels = 3,
     .height = 224,
     .width = 224,
     .classes = {},
     .files = kImageNetFiles,
     .mean = kPhotographMean,
     .std = kPhotographStd,
     .class_folders = 1000,
     .shorter_side = 256},
    {.name = "mnist",
     .title = "MNIST: 28x28 grey pictures of handwritten digits",
     .source = "http://yann.lecun.com/exdb/mnist/ (mirror: "
               "https://ossci-datasets.s3.amazonaws.com/mnist/)",
     .system_folder = "",
     .format = DatasetFormat::Idx,
     .channels = 1,
     .height = 28,
     .width = 28,
     .classes = kDigitClasses,
     .files = kMnistFiles,
     .mean = kMnistMean,
     .std = kMnistStd},
    svhn("svhn", "SVHN: digits of house numbers, 32x32, resized to 40x40 as the paper does",
         std::span(kSvhnFiles).first(2)),
    svhn("svhn-extra", "SVHN with its 531131 easier digits for training", kSvhnFiles),
};

struct FoundFile {
  std::filesystem::path path;
  std::size_t bytes;
  std::string_view md5;
};

Error missing(const DatasetInfo& info, std::string_view what) {
  return make_error(ErrorCode::NotFound, info.name, ": missing ", what, "; get it from ",
                    info.source,
                    " and put it there, or set PACT_DATA to the data root that has it");
}

bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

FileStatus check_folder(const DatasetInfo& info, const std::filesystem::path& path) {
  if (!is_folder(path)) return {path, FileState::Missing, ""};
  const auto folders = class_folders(path, info.class_folders);
  if (!folders) return {path, FileState::WrongSize, folders.error().message};
  return {path, FileState::Good, ""};
}

// The pictures of a split. The other split, where it is there, must have the same classes.
Status list_split(const DatasetInfo& info, const std::filesystem::path& root, Split split,
                  Dataset& dataset) {
  dataset.shorter_side = info.shorter_side;
  for (const DatasetFile& file : info.files) {
    const std::filesystem::path folder = root / file.path;
    if (file.split == split && !is_folder(folder)) return missing(info, folder.string());
    if (!is_folder(folder)) continue;
    PACT_TRY(std::vector<std::string> classes, class_folders(folder, info.class_folders));
    if (!dataset.classes.empty() && classes != dataset.classes) {
      return make_error(ErrorCode::Corrupt, folder.string(),
                        ": expected folders of the same names as in the other split");
    }
    dataset.classes = std::move(classes);
    if (file.split == split) PACT_CHECK_OK(list_pictures(folder, dataset));
  }
  return {};
}

// The files of a split in the order of the registry, or one error that names all that are missing.
Result<std::vector<FoundFile>> find_split(const DatasetInfo& info,
                                          const std::filesystem::path& root, Split split) {
  std::vector<FoundFile> found;
  std::string absent;
  for (const DatasetFile& file : info.files) {
    if (file.split != split) continue;
    if (const auto path = StoredFile::find(info, file, root)) {
      found.push_back({*path, file.bytes, file.md5});
    } else {
      absent +=
          text(absent.empty() ? "" : ", ", (root / file.path).string(), " (md5 ", file.md5, ")");
    }
  }
  if (absent.empty()) return found;
  return missing(info, absent);
}

Result<StoredFile> open_checked(const FoundFile& file) {
  PACT_TRY(StoredFile stored, StoredFile::open(file.path, file.bytes));
  if (!stored.has_expected_size()) {
    return make_error(ErrorCode::Corrupt, file.path.string(), ": expected ", file.bytes,
                      " bytes, found ", stored.size_text());
  }
  return stored;
}

Status read_cifar(std::span<const FoundFile> files, Dataset& dataset) {
  std::size_t total = 0;
  for (const FoundFile& file : files) total += file.bytes;
  // Only the registry's own sizes; they exceed what is needed by the label bytes.
  dataset.pixels.reserve(total);
  for (const FoundFile& file : files) {
    PACT_TRY(const StoredFile stored, open_checked(file));
    PACT_CHECK_OK(append_cifar_records(file.path, stored.bytes(), dataset));
  }
  return {};
}

Status read_idx(std::span<const FoundFile> files, Dataset& dataset) {
  PACT_CHECK(files.size() == 2);
  PACT_TRY(const StoredFile images, open_checked(files[0]));
  PACT_CHECK_OK(read_idx_images(files[0].path, images.bytes(), dataset));
  PACT_TRY(const StoredFile labels, open_checked(files[1]));
  return read_idx_labels(files[1].path, labels.bytes(), dataset);
}

// The library that reads MATLAB files takes what they claim for true, so it is given no others than
// the published ones.
Status check_sum(const FoundFile& file, const StoredFile& stored) {
  const std::string sum = file.md5.empty() ? std::string() : md5(stored.bytes());
  if (sum == file.md5) return {};
  return make_error(ErrorCode::Corrupt, file.path.string(), ": expected the md5 sum ", file.md5,
                    ", found ", sum);
}

Status read_svhn(std::span<const FoundFile> files, Dataset& dataset) {
  for (const FoundFile& file : files) {
    PACT_TRY(const StoredFile stored, open_checked(file));
    PACT_CHECK_OK(check_sum(file, stored));
    PACT_CHECK_OK(append_svhn(file.path, dataset));
  }
  return {};
}

FileStatus check_file(const DatasetInfo& info, const DatasetFile& file,
                      const std::filesystem::path& root) {
  if (info.format == DatasetFormat::ImageFolders) return check_folder(info, root / file.path);
  const auto path = StoredFile::find(info, file, root);
  if (!path) return {root / file.path, FileState::Missing, ""};
  const Result<StoredFile> stored = StoredFile::open(*path, file.bytes);
  if (!stored) {
    const bool corrupt = stored.error().code == ErrorCode::Corrupt;
    return {*path, corrupt ? FileState::WrongSum : FileState::Missing, stored.error().message};
  }
  if (!stored->has_expected_size()) return {*path, FileState::WrongSize, stored->size_text()};
  const std::string sum = md5(stored->bytes());
  if (sum != file.md5) return {*path, FileState::WrongSum, sum};
  return {*path, FileState::Good, ""};
}

}  // namespace

std::span<const DatasetInfo> datasets() { return kDatasets; }

Result<const DatasetInfo*> find_dataset(std::string_view name) {
  std::string known;
  for (const DatasetInfo& info : kDatasets) {
    if (info.name == name) return &info;
    known += text(known.empty() ? "" : ", ", info.name);
  }
  return make_error(ErrorCode::InvalidArgument, "expected a data set (", known, "), found '", name,
                    "'");
}

std::filesystem::path data_root(std::string_view flag) {
  if (!flag.empty()) return flag;
  const char* variable = std::getenv("PACT_DATA");
  return variable != nullptr && *variable != '\0' ? variable : "data";
}

std::vector<FileStatus> check_files(const DatasetInfo& info, const std::filesystem::path& root) {
  std::vector<FileStatus> statuses;
  for (const DatasetFile& file : info.files) statuses.push_back(check_file(info, file, root));
  return statuses;
}

Result<std::vector<std::string>> class_names(const DatasetInfo& info,
                                             const std::filesystem::path& root) {
  if (info.format != DatasetFormat::ImageFolders) {
    return std::vector<std::string>(info.classes.begin(), info.classes.end());
  }
  for (const DatasetFile& file : info.files) {
    if (is_folder(root / file.path)) return class_folders(root / file.path, info.class_folders);
  }
  return missing(info, (root / info.files[0].path).string());
}

Result<Dataset> load_dataset(const DatasetInfo& info, const std::filesystem::path& root,
                             Split split) {
  Dataset dataset{.name = std::string(info.name),
                  .channels = info.channels,
                  .height = info.height,
                  .width = info.width,
                  .classes = {info.classes.begin(), info.classes.end()},
                  .pixels = {},
                  .labels = {}};
  if (info.format == DatasetFormat::ImageFolders) {
    PACT_CHECK_OK(list_split(info, root, split, dataset));
    return dataset;
  }
  PACT_TRY(const std::vector<FoundFile> files, find_split(info, root, split));
  switch (info.format) {
    case DatasetFormat::CifarBinary:
      PACT_CHECK_OK(read_cifar(files, dataset));
      break;
    case DatasetFormat::Idx:
      PACT_CHECK_OK(read_idx(files, dataset));
      break;
    case DatasetFormat::Svhn:
      PACT_CHECK_OK(read_svhn(files, dataset));
      break;
    case DatasetFormat::ImageFolders:
      break;
  }
  return dataset;
}

}  // namespace pact::data
