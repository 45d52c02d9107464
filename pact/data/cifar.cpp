// SPDX-License-Identifier: Apache-2.0
#include "pact/data/cifar.h"

namespace pact::data {

Status append_cifar_records(const std::filesystem::path& path, std::span<const std::byte> bytes,
                            Dataset& dataset) {
  const std::size_t record_bytes = 1 + dataset.image_bytes();
  if (bytes.size() % record_bytes != 0) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected whole records of ",
                      record_bytes, " bytes, found ", bytes.size(), " bytes");
  }
  const std::size_t records = bytes.size() / record_bytes;
  for (std::size_t i = 0; i < records; ++i) {
    const auto* record = reinterpret_cast<const std::uint8_t*>(bytes.data()) + i * record_bytes;
    if (record[0] >= dataset.classes.size()) {
      return make_error(ErrorCode::Corrupt, path.string(), ": record ", i,
                        ": expected a label of 0 to ", dataset.classes.size() - 1, ", found ",
                        int(record[0]));
    }
    dataset.labels.push_back(record[0]);
    dataset.pixels.insert(dataset.pixels.end(), record + 1, record + record_bytes);
  }
  return {};
}

}  // namespace pact::data
