// SPDX-License-Identifier: Apache-2.0
// Finds a file of a data set on disk, raw or gzipped, and gives its bytes as published.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pact/base/file.h"
#include "pact/base/result.h"
#include "pact/data/dataset.h"

namespace pact::data {

/// The file as published: the mapped bytes of a raw one, or what a gzipped one inflates to.
class StoredFile {
 public:
  /// Where `file` is: under `root`, else in the system folder of `info`; raw is preferred to gzip.
  static std::optional<std::filesystem::path> find(const DatasetInfo& info, const DatasetFile& file,
                                                   const std::filesystem::path& root);

  /// Opens `path`, gzipped if its extension is .gz. Inflates no more than `expected_bytes` + 1.
  /// Does not check the size: see `has_expected_size`.
  static Result<StoredFile> open(const std::filesystem::path& path, std::size_t expected_bytes);

  std::span<const std::byte> bytes() const { return mapped_ ? mapped_->bytes() : inflated_; }
  bool has_expected_size() const { return bytes().size() == expected_bytes_; }

  /// The size in words. That of a gzipped file with too many bytes is known only as a bound.
  std::string size_text() const;

 private:
  StoredFile() = default;
  std::optional<MappedFile> mapped_;
  std::vector<std::byte> inflated_;
  std::size_t expected_bytes_ = 0;
};

}  // namespace pact::data
