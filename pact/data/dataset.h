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

/// A split in memory: pixels as bytes, image after image, each as planes [channel][row][column].
struct Dataset {
  std::string name;
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<std::string> classes;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;

  std::size_t size() const { return labels.size(); }
  std::size_t image_bytes() const { return std::size_t(channels) * height * width; }
  std::span<const std::uint8_t> image(std::size_t index) const {
    return std::span(pixels).subspan(index * image_bytes(), image_bytes());
  }
};

/// How the files of a data set are laid out. CifarBinary: one label byte and the planes of one
/// image after another. Idx: for each split a file of images, then a file of labels.
enum class DatasetFormat { CifarBinary, Idx };

/// One file of a data set. `md5` is of the file as published (for IDX: uncompressed).
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
  std::span<const std::string_view> classes;
  std::span<const DatasetFile> files;
  std::span<const float> mean;  // usual normalisation of the training pixels, one per channel
  std::span<const float> std;
};

/// All registered data sets: cifar10, fashion-mnist, mnist.
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

/// Reads a split. Missing files: the error says which, where they are published and their sums.
Result<Dataset> load_dataset(const DatasetInfo& info, const std::filesystem::path& root,
                             Split split);

}  // namespace pact::data
