// SPDX-License-Identifier: Apache-2.0
// Image classification data sets that live in files under one root folder. The registry below is
// the only place that knows their names, files, check sums and where they are published.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pact/base/result.h"

namespace pact::data {

enum class Split { Train, Test };

/// How pixels become the network's input: (pixel / 255 - mean[c]) / std[c] for each channel.
struct Normalization {
  std::vector<float> mean;
  std::vector<float> std;
  bool operator==(const Normalization&) const = default;
};

/// A split. Its images are in memory (pixels as bytes, image after image, each as planes
/// [channel][row][column]), or pictures in files that are decoded when they are needed.
struct Dataset {
  std::string name;
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<std::string> classes;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint16_t> labels;
  std::filesystem::path folder;    // of the pictures
  std::vector<std::string> files;  // below it, one for each label
  int shorter_side = 0;            // of a picture, in pixels, before it is cropped to an image

  bool is_in_files() const { return !files.empty(); }
  std::filesystem::path path(std::size_t index) const { return folder / files[index]; }
  std::size_t size() const { return labels.size(); }
  std::size_t image_bytes() const { return std::size_t(channels) * height * width; }
  /// Of a data set in memory.
  std::span<const std::uint8_t> image(std::size_t index) const {
    return std::span(pixels).subspan(index * image_bytes(), image_bytes());
  }
};

/// How the files of a data set are laid out. CifarBinary: one label byte and the planes of one
/// image after another. Idx: for each split a file of images, then a file of labels. Svhn: MATLAB
/// files. ImageFolders: for each split a folder with a folder of pictures for each class.
enum class DatasetFormat { CifarBinary, Idx, Svhn, ImageFolders };

/// One file of a data set. `md5` is of the file as published (for IDX: uncompressed); a folder has
/// neither sum nor size.
struct DatasetFile {
  std::string_view path;  // relative to the root; in a system folder, its last part alone
  std::string_view md5;
  std::size_t bytes;
  Split split;
};

/// A registered data set.
struct DatasetInfo {
  std::string_view name;
  std::string_view title;
  std::string_view source;         // where to get it, in words and an address
  std::string_view system_folder;  // where a distribution's package puts it, or empty
  DatasetFormat format;
  int channels;
  int height;
  int width;
  std::span<const std::string_view> classes;  // none for ImageFolders: the folders name them
  std::span<const DatasetFile> files;
  std::span<const float> mean;  // usual normalisation of the training pixels, one per channel
  std::span<const float> std;
  int class_folders = 0;  // ImageFolders: how many there are
  int shorter_side = 0;   // ImageFolders: as in Dataset
};

/// All registered data sets: cifar10, fashion-mnist, imagenet, mnist, svhn, svhn-extra.
std::span<const DatasetInfo> datasets();

/// The data set called `name`; an unknown name is an error that lists the known ones.
Result<const DatasetInfo*> find_dataset(std::string_view name);

/// The data root: `flag` if not empty, else the environment variable PACT_DATA, else "data".
std::filesystem::path data_root(std::string_view flag = {});

/// What is on disk for one file of a data set.
enum class FileState { Good, Missing, WrongSize, WrongSum };
struct FileStatus {
  std::filesystem::path path;  // found at, or expected at
  FileState state;
  std::string found;  // md5 or size found when wrong
};

/// Looks for every file of `info` and checks its sum. A file may be stored gzipped (name + ".gz").
std::vector<FileStatus> check_files(const DatasetInfo& info, const std::filesystem::path& root);

/// The classes of a data set, in the order of their labels.
Result<std::vector<std::string>> class_names(const DatasetInfo& info,
                                             const std::filesystem::path& root);

/// Reads a split, or lists its pictures. Missing files: the error says which, where they are
/// published and their sums.
Result<Dataset> load_dataset(const DatasetInfo& info, const std::filesystem::path& root,
                             Split split);

}  // namespace pact::data
