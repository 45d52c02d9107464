// SPDX-License-Identifier: Apache-2.0
#include "pact/data/stored_file.h"

#include <zlib.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace pact::data {
namespace {

// zlib counts in `unsigned`; larger buffers are handed over in pieces of this size.
constexpr std::size_t kPiece = std::size_t(1) << 30;
constexpr int kGzipOnly = 16 + MAX_WBITS;

class Inflater {
 public:
  Inflater() : ready_(inflateInit2(&stream_, kGzipOnly) == Z_OK) {}
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  const char* message() const { return stream_.msg != nullptr ? stream_.msg : "no details"; }

  // Moves bytes from the front of `source` to the front of `target`; returns zlib's status.
  int step(std::span<const std::byte>& source, std::span<std::byte>& target) {
    // zlib never writes through next_in; its type predates the const of z_const builds.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(source.data()));
    stream_.avail_in = static_cast<uInt>(std::min(source.size(), kPiece));
    stream_.next_out = reinterpret_cast<Bytef*>(target.data());
    stream_.avail_out = static_cast<uInt>(std::min(target.size(), kPiece));
    const uInt in = stream_.avail_in;
    const uInt out = stream_.avail_out;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    source = source.subspan(in - stream_.avail_in);
    target = target.subspan(out - stream_.avail_out);
    return status;
  }

 private:
  z_stream stream_{};
  bool ready_;
};

// One byte more than expected is enough to know that there are too many.
Result<std::vector<std::byte>> inflate_bounded(const std::filesystem::path& path,
                                               std::span<const std::byte> source,
                                               std::size_t expected_bytes) {
  Inflater inflater;
  if (!inflater.ready()) return make_error(ErrorCode::Io, path.string(), ": cannot start zlib");
  std::vector<std::byte> inflated(expected_bytes + 1);
  std::span<std::byte> target = inflated;
  int status = Z_OK;
  while (status == Z_OK && !source.empty() && !target.empty()) {
    status = inflater.step(source, target);
  }
  inflated.resize(inflated.size() - target.size());
  if (inflated.size() > expected_bytes) return inflated;
  if (status == Z_OK || status == Z_BUF_ERROR) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected a whole gzip stream of ",
                      expected_bytes, " bytes inflated, found its end missing after ",
                      inflated.size());
  }
  if (status != Z_STREAM_END) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected a gzip stream of ",
                      expected_bytes, " bytes inflated, found damage (", inflater.message(), ")");
  }
  if (!source.empty()) {
    return make_error(ErrorCode::Corrupt, path.string(), ": expected one gzip stream, found ",
                      source.size(), " more bytes after it");
  }
  return inflated;
}

}  // namespace

std::optional<std::filesystem::path> StoredFile::find(const DatasetInfo& info,
                                                      const DatasetFile& file,
                                                      const std::filesystem::path& root) {
  std::vector<std::filesystem::path> places = {root / file.path};
  if (!info.system_folder.empty()) {
    places.push_back(std::filesystem::path(info.system_folder) /
                     std::filesystem::path(file.path).filename());
  }
  for (std::filesystem::path& place : places) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(place, ignored)) return place;
    if (info.format == DatasetFormat::Svhn) continue;  // matio reads the file itself
    place += ".gz";
    if (std::filesystem::is_regular_file(place, ignored)) return place;
  }
  return std::nullopt;
}

Result<StoredFile> StoredFile::open(const std::filesystem::path& path, std::size_t expected_bytes) {
  PACT_TRY(MappedFile mapped, MappedFile::open(path));
  StoredFile file;
  file.expected_bytes_ = expected_bytes;
  if (path.extension() == ".gz") {
    PACT_TRY(file.inflated_, inflate_bounded(path, mapped.bytes(), expected_bytes));
  } else {
    file.mapped_ = std::move(mapped);
  }
  return file;
}

std::string StoredFile::size_text() const {
  const bool bound = !mapped_ && inflated_.size() > expected_bytes_;
  return bound ? text("more than ", expected_bytes_, " bytes") : text(bytes().size(), " bytes");
}

}  // namespace pact::data
