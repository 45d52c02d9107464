// SPDX-License-Identifier: Apache-2.0
// Reading files whole or mapped, and writing them so that a reader sees the old file or the new
// one, never a part.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "pact/base/result.h"

namespace pact {

/// A file mapped read-only into memory. Moves, does not copy. A file that another process shortens
/// while it is mapped is outside what can be guarded; writers here replace files, never edit them.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Gives back the memory of the pages that lie in `part`, if that is a part of bytes(). They can
  /// still be read: the system fetches them again.
  void release(std::span<const std::byte> part) const;

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The whole file as text.
Result<std::string> read_text(const std::filesystem::path& path);

/// Writes `bytes` to a temporary file beside `path`, flushes it to the disk and renames it; makes
/// the folders above it first. On failure (a full disk, say) `path` is as it was and the temporary
/// file is gone.
Status write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
Status write_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace pact
