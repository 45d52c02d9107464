// SPDX-License-Identifier: Apache-2.0
// The binary version of CIFAR: records of a label byte and the image's planes, nothing else.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "pact/base/result.h"
#include "pact/data/dataset.h"

namespace pact::data {

/// Appends the records in `bytes` to `dataset`, whose image size and classes say what a record may
/// hold. `path` is for messages. On error `dataset` is unspecified.
Status append_cifar_records(const std::filesystem::path& path, std::span<const std::byte> bytes,
                            Dataset& dataset);

}  // namespace pact::data
