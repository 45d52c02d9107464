// SPDX-License-Identifier: Apache-2.0
// Data sets as a folder of pictures for each class, as ImageNet is unpacked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/data/dataset.h"

namespace pact::data {

/// The names of the folders in `folder`, sorted: the classes. Error: not `expected` of them.
Result<std::vector<std::string>> class_folders(const std::filesystem::path& folder, int expected);

/// Lists the pictures (.jpeg, .jpg, .png in any case) in the folders of `dataset.classes` under
/// `folder`, sorted, and reads none. Error: a class without pictures.
Status list_pictures(const std::filesystem::path& folder, Dataset& dataset);

}  // namespace pact::data
