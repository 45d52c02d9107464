// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>

#include "pact/base/aligned_buffer.h"
#include "pact/base/cpu.h"
#include "pact/base/file.h"
#include "pact/base/result.h"

namespace pact {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// ---- Result

Result<int> half(int x) {
  if (x % 2 != 0) return make_error(ErrorCode::InvalidArgument, "odd: ", x);
  return x / 2;
}

Result<std::string> quarter_as_text(int x) {
  PACT_TRY(const int once, half(x));
  PACT_TRY(const int twice, half(once));
  return std::to_string(twice);
}

Status both_even(int x, int y, bool& reached_the_end) {
  PACT_CHECK_OK(half(x));
  PACT_CHECK_OK(half(y));
  reached_the_end = true;
  return {};
}

TEST(Result, HoldsAValueOrAnErrorAndNeverBoth) {
  const Result<int> good = half(6);
  ASSERT_TRUE(good.has_value());
  EXPECT_TRUE(static_cast<bool>(good));
  EXPECT_EQ(*good, 3);
  const Result<int> bad = half(7);
  ASSERT_FALSE(bad.has_value());
  EXPECT_FALSE(static_cast<bool>(bad));
  EXPECT_EQ(bad.error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(bad.error().message, "odd: 7");
}

TEST(Result, ReadingTheAbsentHalfIsNotPossible) {
  EXPECT_THROW((void)half(7).value(), std::bad_variant_access);
  EXPECT_THROW((void)half(6).error(), std::bad_variant_access);
}

TEST(Result, MovesAValueThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> taken = *std::move(result);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(*taken, 5);
}

TEST(Result, TryPassesTheValueOnAndReturnsTheFirstError) {
  const Result<std::string> good = quarter_as_text(12);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, "3");
  ASSERT_FALSE(quarter_as_text(13));
  EXPECT_EQ(quarter_as_text(13).error().message, "odd: 13");
  ASSERT_FALSE(quarter_as_text(14));
  EXPECT_EQ(quarter_as_text(14).error().message, "odd: 7");
}

TEST(Result, CheckOkReturnsOnlyOnAnError) {
  bool reached = false;
  EXPECT_TRUE(both_even(2, 4, reached));
  EXPECT_TRUE(reached);
  reached = false;
  const Status status = both_even(2, 5, reached);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "odd: 5");
  EXPECT_FALSE(reached);
}

TEST(Result, ValueOrThrowCarriesTheErrorInTheException) {
  EXPECT_EQ(value_or_throw(half(8)), 4);
  EXPECT_NO_THROW(value_or_throw(Status{}));
  try {
    value_or_throw(half(9));
    FAIL() << "expected an exception";
  } catch (const Exception& exception) {
    EXPECT_STREQ(exception.what(), "odd: 9");
    EXPECT_EQ(exception.error().code, ErrorCode::InvalidArgument);
  }
  EXPECT_THROW(throw_error(ErrorCode::Io, "disk ", 1), Exception);
}

TEST(Result, EachErrorCodeHasAnExitStatusOfItsOwn) {
  EXPECT_EQ(exit_status(ErrorCode::InvalidArgument), 2);
  EXPECT_EQ(exit_status(ErrorCode::NotFound), 3);
  EXPECT_EQ(exit_status(ErrorCode::Corrupt), 4);
  EXPECT_EQ(exit_status(ErrorCode::Unsupported), 5);
  EXPECT_EQ(exit_status(ErrorCode::Io), 6);
  EXPECT_EQ(exit_status(ErrorCode::Interrupted), 130);
}

TEST(Result, TextJoinsItsArguments) { EXPECT_EQ(text("a", 1, '-', 2.5), "a1-2.5"); }

TEST(CheckDeathTest, AbortsWithTheConditionOnACallerBug) {
  EXPECT_DEATH(PACT_CHECK(1 + 1 == 3), "check failed: 1 \\+ 1 == 3");
}

// ---- instruction sets

// Sets PACT_ISA (or clears it) for one scope.
class ForcedIsa {
 public:
  explicit ForcedIsa(const char* value) {
    if (const char* old = std::getenv("PACT_ISA")) old_ = old;
    value == nullptr ? ::unsetenv("PACT_ISA") : ::setenv("PACT_ISA", value, 1);
  }
  ~ForcedIsa() { old_ ? ::setenv("PACT_ISA", old_->c_str(), 1) : ::unsetenv("PACT_ISA"); }

 private:
  std::optional<std::string> old_;
};

TEST(Isa, EveryNameRoundTrips) {
  std::set<std::string_view> names;
  for (const IsaName& row : kIsaNames) {
    EXPECT_EQ(name(row.isa), row.name);
    const Result<Isa> parsed = parse_isa(row.name);
    ASSERT_TRUE(parsed) << row.name;
    EXPECT_EQ(*parsed, row.isa);
    names.insert(row.name);
  }
  EXPECT_EQ(names.size(), kIsaNames.size());
}

TEST(Isa, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  for (const char* unknown : {"", "AVX2", "avx", "neon", "scalar "}) {
    const Result<Isa> parsed = parse_isa(unknown);
    ASSERT_FALSE(parsed) << unknown;
    EXPECT_EQ(parsed.error().code, ErrorCode::InvalidArgument);
    for (const IsaName& row : kIsaNames) {
      EXPECT_THAT(parsed.error().message, HasSubstr(std::string(row.name)));
    }
    EXPECT_THAT(parsed.error().message, HasSubstr(text("found '", unknown, "'")));
  }
}

TEST(Isa, AvailableLevelsStartWithScalarAndAscend) {
  const std::vector<Isa> isas = available_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::Scalar);
  EXPECT_TRUE(std::is_sorted(isas.begin(), isas.end()));
  EXPECT_EQ(std::adjacent_find(isas.begin(), isas.end()), isas.end());
}

TEST(Isa, TheFastestAvailableIsSelectedUnlessForced) {
  for (const char* nothing : {static_cast<const char*>(nullptr), ""}) {
    const ForcedIsa forced(nothing);
    const Result<Isa> isa = selected_isa();
    ASSERT_TRUE(isa);
    EXPECT_EQ(*isa, available_isas().back());
  }
}

TEST(Isa, TheEnvironmentForcesEveryLevelOrSaysThatItCannotRun) {
  const std::vector<Isa> isas = available_isas();
  for (const IsaName& row : kIsaNames) {
    const ForcedIsa forced(std::string(row.name).c_str());
    const Result<Isa> isa = selected_isa();
    if (std::find(isas.begin(), isas.end(), row.isa) != isas.end()) {
      ASSERT_TRUE(isa) << isa.error().message;
      EXPECT_EQ(*isa, row.isa);
    } else {
      ASSERT_FALSE(isa);
      EXPECT_EQ(isa.error().code, ErrorCode::Unsupported);
      EXPECT_THAT(isa.error().message, HasSubstr(std::string(row.name)));
    }
  }
}

TEST(Isa, AnUnknownForcedLevelIsAnError) {
  const ForcedIsa forced("sse9");
  const Result<Isa> isa = selected_isa();
  ASSERT_FALSE(isa);
  EXPECT_THAT(isa.error().message, HasSubstr("'sse9'"));
}

// ---- files

// A folder of its own for each test, gone afterwards.
class FileTest : public testing::Test {
 protected:
  FileTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / text("pact_base_", ::getpid(), "_", test->name());
    fs::create_directories(folder_);
  }
  ~FileTest() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  std::vector<std::string> names_in_folder() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::string contents(const fs::path& path) {
    const Result<std::string> read = read_text(path);
    return read ? *read : "error: " + read.error().message;
  }

  fs::path folder_;
};

TEST_F(FileTest, WritesANewFileAndLeavesNoOther) {
  ASSERT_TRUE(write_atomically(folder_ / "a", "first"));
  EXPECT_EQ(contents(folder_ / "a"), "first");
  EXPECT_THAT(names_in_folder(), testing::ElementsAre("a"));
}

TEST_F(FileTest, ReplacesALongerFileWhole) {
  ASSERT_TRUE(write_atomically(folder_ / "a", std::string(100'000, 'x')));
  const std::byte bytes[] = {std::byte{0}, std::byte{0xFF}, std::byte{'\n'}};
  ASSERT_TRUE(write_atomically(folder_ / "a", std::span(bytes)));
  EXPECT_EQ(contents(folder_ / "a"), std::string("\0\xFF\n", 3));
  EXPECT_THAT(names_in_folder(), testing::ElementsAre("a"));
}

TEST_F(FileTest, AReaderOfTheOldFileKeepsIt) {
  ASSERT_TRUE(write_atomically(folder_ / "a", "old contents"));
  const auto old = MappedFile::open(folder_ / "a");
  ASSERT_TRUE(old);
  ASSERT_TRUE(write_atomically(folder_ / "a", "new"));
  const auto bytes = old->bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "old contents");
}

TEST_F(FileTest, FoldersAreMadeUnlessAFileIsInTheWay) {
  EXPECT_TRUE(write_atomically(folder_ / "new" / "inner" / "file", "text"));
  EXPECT_EQ(contents(folder_ / "new" / "inner" / "file"), "text");
  const Status status = write_atomically(folder_ / "new" / "inner" / "file" / "a", "text");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Io);
  EXPECT_THAT(status.error().message,
              HasSubstr((folder_ / "new" / "inner" / "file").string() + ": cannot create: "));
}

TEST_F(FileTest, WritingOverAFolderFailsAndLeavesNoTemporaryFile) {
  fs::create_directories(folder_ / "taken" / "inside");
  const Status status = write_atomically(folder_ / "taken", "text");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Io);
  EXPECT_THAT(names_in_folder(), testing::ElementsAre("taken"));
  EXPECT_TRUE(fs::is_directory(folder_ / "taken" / "inside"));
}

TEST_F(FileTest, ANameThatEndsAsAFolderMakesNone) {
  EXPECT_THAT(write_atomically(folder_ / "out/", "text").error().message,
              HasSubstr("out/: expected a file, found a folder"));
  EXPECT_THAT(names_in_folder(), testing::IsEmpty());
}

TEST_F(FileTest, ALinkKeepsItsPlaceAndWhatIsNoFileIsLeftAlone) {
  ASSERT_TRUE(write_atomically(folder_ / "target", "old"));
  fs::create_symlink(folder_ / "target", folder_ / "link");
  ASSERT_TRUE(write_atomically(folder_ / "link", "new"));
  EXPECT_EQ(contents(folder_ / "target"), "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(write_atomically(folder_ / "pipe", "text").error().message,
              HasSubstr("pipe: expected a file, found something else"));
  EXPECT_TRUE(fs::is_fifo(folder_ / "pipe"));
  EXPECT_THAT(MappedFile::open(folder_).error().message,
              HasSubstr("expected a file, found a folder"));
}

TEST_F(FileTest, AFolderThatIsNotWritableKeepsTheOldFile) {
  ASSERT_TRUE(write_atomically(folder_ / "a", "old"));
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                               fs::perms::others_exec);
  const uid_t user = ::geteuid();
  if (user == 0) {  // permissions do not bind root
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const Status status = write_atomically(folder_ / "a", "new");
  ASSERT_EQ(::seteuid(user), 0);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Io);
  EXPECT_EQ(contents(folder_ / "a"), "old");
  EXPECT_THAT(names_in_folder(), testing::ElementsAre("a"));
}

// Makes writes past `bytes` fail in this process, as they do on a full disk, for one scope.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &old_), 0);
    const rlimit limit{bytes, old_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  void (*old_handler_)(int);
  rlimit old_{};
};

TEST_F(FileTest, ADiskThatFillsUpKeepsTheOldFileAndLeavesNoTemporaryFile) {
  ASSERT_TRUE(write_atomically(folder_ / "a", "old"));
  std::optional<Status> status;
  {
    const FileSizeLimit limit(4096);
    status = write_atomically(folder_ / "a", std::string(10'000, 'n'));
  }
  ASSERT_FALSE(*status);
  EXPECT_EQ(status->error().code, ErrorCode::Io);
  EXPECT_THAT(status->error().message, HasSubstr("cannot write"));
  EXPECT_EQ(contents(folder_ / "a"), "old");
  EXPECT_THAT(names_in_folder(), testing::ElementsAre("a"));
}

TEST_F(FileTest, OpeningAMissingFileIsNotFound) {
  const auto file = MappedFile::open(folder_ / "missing");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::NotFound);
  EXPECT_THAT(file.error().message, HasSubstr("missing"));
  EXPECT_FALSE(read_text(folder_ / "missing"));
}

TEST_F(FileTest, OpeningAPipeThatNobodyWritesIsAnError) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const auto file = MappedFile::open(folder_ / "pipe");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("pipe: expected a file, found something else"));
}

TEST_F(FileTest, OpeningAFolderIsAnError) {
  const auto file = MappedFile::open(folder_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::Io);
  EXPECT_THAT(file.error().message, HasSubstr("expected a file"));
}

TEST_F(FileTest, AnEmptyFileMapsToNoBytes) {
  ASSERT_TRUE(write_atomically(folder_ / "empty", ""));
  const auto file = MappedFile::open(folder_ / "empty");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->bytes().size(), 0U);
  EXPECT_EQ(contents(folder_ / "empty"), "");
}

TEST_F(FileTest, AMappedFileMovesItsBytes) {
  ASSERT_TRUE(write_atomically(folder_ / "a", "aaaa"));
  ASSERT_TRUE(write_atomically(folder_ / "b", "bb"));
  auto a = MappedFile::open(folder_ / "a");
  auto b = MappedFile::open(folder_ / "b");
  ASSERT_TRUE(a && b);
  MappedFile moved = *std::move(a);
  ASSERT_EQ(moved.bytes().size(), 4U);
  EXPECT_EQ(moved.bytes()[3], std::byte{'a'});
  moved = *std::move(b);
  ASSERT_EQ(moved.bytes().size(), 2U);
  EXPECT_EQ(moved.bytes()[1], std::byte{'b'});
}

TEST_F(FileTest, WhatAMappedFileReleasesCanBeReadAgain) {
  std::string text(300'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  ASSERT_TRUE(write_atomically(folder_ / "large", text));
  const auto file = MappedFile::open(folder_ / "large");
  ASSERT_TRUE(file);
  const auto bytes = std::as_bytes(std::span(text));
  for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, text.size()},
                                     {4096, 4096},
                                     {5000, 10},
                                     {100, 200'000},
                                     {7, 0}}) {
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), file->bytes().begin()));
    file->release(file->bytes().subspan(first, count));
  }
  file->release(bytes);  // elsewhere
  EXPECT_EQ(text[299'999], static_cast<char>(299'999 % 251));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), file->bytes().begin()));
}

// ---- buffers

TEST(AlignedBuffer, StartsOnACacheLineAndHoldsZeros) {
  for (const std::size_t size : {1, 2, 3, 63, 64, 65, 1000}) {
    {
      AlignedBuffer<std::int32_t> dirty(size);
      std::fill_n(dirty.data(), size, -1);
    }
    const AlignedBuffer<std::int32_t> buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    ASSERT_EQ(buffer.size(), size);
    ASSERT_EQ(buffer.span().size(), size);
    EXPECT_TRUE(
        std::all_of(buffer.span().begin(), buffer.span().end(), [](int x) { return x == 0; }));
  }
}

TEST(AlignedBuffer, MayBeEmpty) {
  const AlignedBuffer<float> none;
  const AlignedBuffer<float> zero(0);
  EXPECT_EQ(none.size(), 0U);
  EXPECT_EQ(zero.span().size(), 0U);
}

TEST(AlignedBuffer, MovesItsElements) {
  AlignedBuffer<int> first(3);
  first.span()[2] = 7;
  const int* where = first.data();
  AlignedBuffer<int> second(std::move(first));
  EXPECT_EQ(second.data(), where);
  AlignedBuffer<int> third(5);
  third = std::move(second);
  EXPECT_EQ(third.data(), where);
  ASSERT_EQ(third.size(), 3U);
  EXPECT_EQ(third.span()[2], 7);
}

}  // namespace
}  // namespace pact
