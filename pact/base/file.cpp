// SPDX-License-Identifier: Apache-2.0
#include "pact/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>

namespace pact {
namespace {

Error io_error(const std::filesystem::path& path, std::string_view action) {
  const int number = errno;
  const ErrorCode code = number == ENOENT ? ErrorCode::NotFound : ErrorCode::Io;
  return make_error(code, path.string(), ": cannot ", action, ": ", std::strerror(number));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  int close() { return ::close(std::exchange(descriptor_, -1)); }

 private:
  int descriptor_;
};

// Errors name `path`, whose place `temporary` takes.
Status write_and_sync(const std::filesystem::path& temporary, const std::filesystem::path& path,
                      std::span<const std::byte> bytes) {
  FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return io_error(path, "create");
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return io_error(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return io_error(path, "flush");
  if (file.close() != 0) return io_error(path, "close");
  return {};
}

Status create_folders(const std::filesystem::path& path) {
  if (path.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return make_error(ErrorCode::Io, path.string(), ": cannot create: ", error.message());
}

Error no_file(const std::filesystem::path& path, bool is_folder) {
  return make_error(ErrorCode::Io, path.string(), ": expected a file, found ",
                    is_folder ? "a folder" : "something else");
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // A pipe without a writer would be waited for.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return io_error(path, "open");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return io_error(path, "inspect");
  if (!S_ISREG(info.st_mode)) return no_file(path, S_ISDIR(info.st_mode));
  MappedFile mapped;
  mapped.size_ = static_cast<std::size_t>(info.st_size);
  if (mapped.size_ == 0) return mapped;
  void* memory = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) {
    mapped.size_ = 0;
    return io_error(path, "map");
  }
  mapped.data_ = static_cast<const std::byte*>(memory);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  const std::less_equal<> in_order;
  if (part.empty() || !in_order(data_, part.data()) ||
      !in_order(part.data() + part.size(), data_ + size_)) {
    return;
  }
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - data_);
  const std::size_t first = (offset + page - 1) / page * page;
  const std::size_t last = (offset + part.size()) / page * page;
  if (first >= last) return;
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

Result<std::string> read_text(const std::filesystem::path& path) {
  PACT_TRY(const MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status write_atomically(const std::filesystem::path& given, std::span<const std::byte> bytes) {
  if (!given.has_filename()) return no_file(given, true);
  std::error_code none;
  const std::filesystem::path target = std::filesystem::canonical(given, none);
  const std::filesystem::path& path = none ? given : target;  // what links lead to, if it is there
  const auto kind = std::filesystem::status(path, none).type();
  if (kind != std::filesystem::file_type::regular &&
      kind != std::filesystem::file_type::not_found && kind != std::filesystem::file_type::none) {
    return no_file(given, kind == std::filesystem::file_type::directory);
  }
  PACT_CHECK_OK(create_folders(path.parent_path()));
  const std::filesystem::path temporary = text(path.string(), ".partial-", ::getpid());
  Status status = write_and_sync(temporary, given, bytes);
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0) status = io_error(given, "replace");
  if (!status) ::unlink(temporary.c_str());
  return status;
}

Status write_atomically(const std::filesystem::path& path, std::string_view text) {
  return write_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace pact
