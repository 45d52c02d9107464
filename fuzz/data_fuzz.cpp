// SPDX-License-Identifier: Apache-2.0
// Any bytes are a file of a data set or a picture that is read or refused. The first byte says
// which. SVHN's files are not among them: their sums are checked before they are read.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

#include "pact/data/cifar.h"
#include "pact/data/idx.h"
#include "pact/data/image.h"

namespace {

constexpr const char* kPath = "input";

// Bytes as a file in memory, for readers that open a path.
class File {
 public:
  explicit File(std::span<const std::byte> bytes) : descriptor_(::memfd_create(kPath, 0)) {
    const auto size = static_cast<ssize_t>(bytes.size());
    if (::write(descriptor_, bytes.data(), bytes.size()) != size) std::abort();
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void read(int kind, std::span<const std::byte> bytes) {
  pact::data::Dataset grey{.name = "grey", .channels = 1, .height = 2, .width = 3};
  grey.classes.assign(3, "class");
  pact::data::Dataset colour{.name = "colour", .channels = 3, .height = 4, .width = 4};
  colour.classes.assign(10, "class");
  switch (kind) {
    case 0:
      (void)pact::data::read_idx_images(kPath, bytes, grey);
      return;
    case 1:
      (void)pact::data::read_idx_labels(kPath, bytes, grey);
      return;
    case 2:
      (void)pact::data::append_cifar_records(kPath, bytes, colour);
      return;
    default:
      if (const auto image = pact::data::read_image(File(bytes).path())) {
        (void)pact::data::fit(*image, 3, 8, 8);
      }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) read(data[0] % 4, std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
