// SPDX-License-Identifier: Apache-2.0
#include "pact/data/image_folders.h"

#include <algorithm>
#include <array>
#include <system_error>

namespace pact::data {
namespace {

namespace fs = std::filesystem;

enum class Kind { Folder, Picture };

bool is_picture(const fs::path& path) {
  constexpr std::array<std::string_view, 3> kExtensions = {".jpeg", ".jpg", ".png"};
  std::string extension = path.extension().string();
  for (char& letter : extension) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

// Names in byte order; the system's own order differs between machines.
Result<std::vector<std::string>> sorted_names(const fs::path& folder, Kind kind) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const bool wanted =
        kind == Kind::Folder ? entries->is_directory(error) : is_picture(entries->path());
    if (wanted) names.push_back(entries->path().filename().string());
  }
  if (error) return make_error(ErrorCode::Io, folder.string(), ": ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::vector<std::string>> class_folders(const fs::path& folder, int expected) {
  PACT_TRY(std::vector<std::string> names, sorted_names(folder, Kind::Folder));
  if (!std::cmp_equal(names.size(), expected)) {
    return make_error(ErrorCode::Corrupt, folder.string(), ": expected ", expected,
                      " folders, one for each class, found ", names.size());
  }
  return names;
}

Status list_pictures(const fs::path& folder, Dataset& dataset) {
  for (std::size_t label = 0; label < dataset.classes.size(); ++label) {
    const std::string& name = dataset.classes[label];
    PACT_TRY(const std::vector<std::string> pictures, sorted_names(folder / name, Kind::Picture));
    if (pictures.empty()) {
      return make_error(ErrorCode::Corrupt, (folder / name).string(),
                        ": expected pictures (.jpeg, .jpg, .png), found none");
    }
    for (const std::string& picture : pictures) {
      dataset.files.push_back(name + "/" + picture);
      dataset.labels.push_back(static_cast<std::uint16_t>(label));
    }
  }
  dataset.folder = folder;
  return {};
}

}  // namespace pact::data
