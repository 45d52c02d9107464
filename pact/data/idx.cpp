// SPDX-License-Identifier: Apache-2.0
#include "pact/data/idx.h"

#include <cstdint>
#include <iomanip>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace pact::data {
namespace {

constexpr std::uint32_t kUnsignedBytes = 0x0800;  // the magic is this plus the rank

struct IdxArray {
  std::vector<std::uint32_t> dimensions;
  std::span<const std::uint8_t> data;
};

std::string hex(std::uint32_t value) {
  return text("0x", std::hex, std::setw(8), std::setfill('0'), value);
}

std::uint32_t big_endian(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[offset + i]);
  }
  return value;
}

// Dimensions and data, not yet checked against each other: the caller knows what is allowed.
Result<IdxArray> parse(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       std::uint32_t rank) {
  const std::size_t header_bytes = 4 + 4 * std::size_t(rank);
  if (bytes.size() < header_bytes) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected an IDX header of ",
                      header_bytes, " bytes, found ", bytes.size(), " bytes");
  }
  const std::uint32_t magic = big_endian(bytes, 0);
  if (magic != kUnsignedBytes + rank) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected the IDX magic ",
                      hex(kUnsignedBytes + rank), ", found ", hex(magic));
  }
  IdxArray array;
  for (std::uint32_t i = 0; i < rank; ++i) {
    array.dimensions.push_back(big_endian(bytes, 4 + 4 * std::size_t(i)));
  }
  const auto data = bytes.subspan(header_bytes);
  array.data = {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()};
  return array;
}

}  // namespace

Status read_idx_images(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       Dataset& dataset) {
  PACT_TRY(const IdxArray array, parse(path, bytes, 3));
  const auto [count, height, width] =
      std::tuple(array.dimensions[0], array.dimensions[1], array.dimensions[2]);
  if (std::cmp_not_equal(height, dataset.height) || std::cmp_not_equal(width, dataset.width)) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected images of ", dataset.height,
                      "x", dataset.width, ", found ", height, "x", width);
  }
  if (array.data.size() != std::uint64_t(count) * dataset.image_bytes()) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected ", count, " images of ",
                      dataset.image_bytes(), " bytes as the header says, found ", array.data.size(),
                      " bytes");
  }
  dataset.pixels.assign(array.data.begin(), array.data.end());
  return {};
}

Status read_idx_labels(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       Dataset& dataset) {
  PACT_TRY(const IdxArray array, parse(path, bytes, 1));
  if (array.data.size() != array.dimensions[0]) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected ", array.dimensions[0],
                      " labels as the header says, found ", array.data.size());
  }
  const std::size_t images = dataset.pixels.size() / dataset.image_bytes();
  if (array.data.size() != images) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected a label for each of ", images,
                      " images, found ", array.data.size(), " labels");
  }
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    if (array.data[i] >= dataset.classes.size()) {
      return make_error(ErrorCode::Corrupt, path.string(), ": image ", i,
                        ": expected a label of 0 to ", dataset.classes.size() - 1, ", found ",
                        int(array.data[i]));
    }
  }
  dataset.labels.assign(array.data.begin(), array.data.end());
  return {};
}

}  // namespace pact::data
