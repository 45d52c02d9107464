// SPDX-License-Identifier: Apache-2.0
#include "pact/data/svhn.h"

#include <gtest/gtest.h>
#include <matio.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace pact::data {
namespace {

constexpr std::size_t kDigits = 3;

// A variable of a MATLAB file.
struct Variable {
  const char* name;
  matio_classes type;
  matio_types storage;
  std::vector<std::size_t> dims;
  const void* data;
};

class Svhn : public testing::Test {
 protected:
  Svhn() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            text("pact_svhn_", ::getpid(), "_", test->name(), ".mat");
    for (std::size_t i = 0; i < pixels_.size(); ++i) pixels_[i] = std::uint8_t(i * 7 + i / 3072);
  }
  ~Svhn() override { std::filesystem::remove(path_); }

  Variable x() const {
    return {"X", MAT_C_UINT8, MAT_T_UINT8, {32, 32, 3, kDigits}, pixels_.data()};
  }
  Variable y() const { return {"y", MAT_C_DOUBLE, MAT_T_DOUBLE, {kDigits, 1}, labels_.data()}; }

  void write(const std::vector<Variable>& variables,
             matio_compression compression = MAT_COMPRESSION_ZLIB) const {
    mat_t* file = Mat_CreateVer(path_.c_str(), nullptr, MAT_FT_MAT5);
    ASSERT_NE(file, nullptr);
    for (Variable variable : variables) {
      matvar_t* made = Mat_VarCreate(variable.name, variable.type, variable.storage,
                                     int(variable.dims.size()), variable.dims.data(),
                                     const_cast<void*>(variable.data), MAT_F_DONT_COPY_DATA);
      EXPECT_EQ(Mat_VarWrite(file, made, compression), 0);
      Mat_VarFree(made);
    }
    Mat_Close(file);
  }

  Result<Dataset> read(int side = 32) const {
    Dataset dataset{.name = "svhn", .channels = 3, .height = side, .width = side};
    const Status status = append_svhn(path_, dataset);
    if (!status) return status.error();
    return dataset;
  }

  // The message without the path, or "no error".
  std::string error() const {
    const auto dataset = read();
    if (dataset) return "no error";
    EXPECT_EQ(dataset.error().message.find(path_.string() + ": "), 0U);
    EXPECT_EQ(dataset.error().message.find('\n'), std::string::npos);
    return dataset.error().message.substr(path_.string().size() + 2);
  }

  std::string bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void replace(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::filesystem::path path_;
  std::vector<std::uint8_t> pixels_ = std::vector<std::uint8_t>(3072 * kDigits);
  std::vector<double> labels_ = {3, 10, 1};
};

TEST_F(Svhn, ReadsPlanesAndLabelsWhereTenIsZero) {
  for (const auto compression : {MAT_COMPRESSION_ZLIB, MAT_COMPRESSION_NONE}) {
    write({x(), y()}, compression);
    const auto dataset = read();
    ASSERT_TRUE(dataset) << dataset.error().message;
    EXPECT_EQ(dataset->labels, (std::vector<std::uint16_t>{3, 0, 1}));
    ASSERT_EQ(dataset->pixels.size(), pixels_.size());
    // Row 5, column 9 of channel 2 of digit 1: MATLAB's X(6, 10, 3, 2).
    EXPECT_EQ(dataset->image(1)[2 * 1024 + 5 * 32 + 9], pixels_[3072 + 2 * 1024 + 9 * 32 + 5]);
    EXPECT_EQ(dataset->image(2)[31], pixels_[2 * 3072 + 31 * 32]);
  }
}

TEST_F(Svhn, AppendsResizedDigitsAndReadsBytesAsLabels) {
  const std::vector<std::uint8_t> labels = {1, 2, 10};
  write({x(), {"y", MAT_C_UINT8, MAT_T_UINT8, {kDigits, 1}, labels.data()}});
  Dataset dataset{.name = "svhn", .channels = 3, .height = 40, .width = 40};
  ASSERT_TRUE(append_svhn(path_, dataset));
  ASSERT_TRUE(append_svhn(path_, dataset));
  EXPECT_EQ(dataset.labels, (std::vector<std::uint16_t>{1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(dataset.pixels.size(), 6U * 3 * 40 * 40);
}

TEST_F(Svhn, LoadsAsADataSet) {
  write({x(), y()});
  const std::string name = path_.filename().string();
  const DatasetFile files[] = {{name, "", std::filesystem::file_size(path_), Split::Train},
                               {name, "", std::filesystem::file_size(path_), Split::Train}};
  DatasetInfo info = **find_dataset("svhn");
  info.files = files;
  const auto dataset = load_dataset(info, path_.parent_path(), Split::Train);
  ASSERT_TRUE(dataset) << dataset.error().message;
  EXPECT_EQ(dataset->size(), 2 * kDigits);
  EXPECT_EQ(dataset->height, 40);
  EXPECT_EQ(dataset->classes[dataset->labels[1]], "0");
}

TEST_F(Svhn, AChangedFileIsRefusedUnread) {
  write({x(), y()});
  const std::string name = path_.filename().string();
  const DatasetFile files[] = {
      {name, "0123456789abcdef0123456789abcdef", std::filesystem::file_size(path_), Split::Train}};
  DatasetInfo info = **find_dataset("svhn");
  info.files = files;
  const auto dataset = load_dataset(info, path_.parent_path(), Split::Train);
  ASSERT_FALSE(dataset);
  EXPECT_NE(dataset.error().message.find("expected the md5 sum 0123456789abcdef0123456789abcdef"),
            std::string::npos)
      << dataset.error().message;
}

// The library that reads them does not look into gzipped files.
TEST_F(Svhn, AGzippedFileIsNotFound) {
  write({x(), y()});
  const std::filesystem::path packed = path_.string() + ".gz";
  std::filesystem::rename(path_, packed);
  const std::string name = path_.filename().string();
  const DatasetFile files[] = {{name, "", std::filesystem::file_size(packed), Split::Train}};
  DatasetInfo info = **find_dataset("svhn");
  info.files = files;
  EXPECT_EQ(check_files(info, path_.parent_path())[0].state, FileState::Missing);
  const auto dataset = load_dataset(info, path_.parent_path(), Split::Train);
  std::filesystem::remove(packed);
  ASSERT_FALSE(dataset);
  EXPECT_EQ(dataset.error().code, ErrorCode::NotFound);
}

TEST_F(Svhn, OtherVariablesAreRefused) {
  write({y()});
  EXPECT_EQ(error(), "expected a variable X, found none that can be read");
  write({x()});
  EXPECT_EQ(error(), "expected a variable y, found none that can be read");
  Variable wrong = x();
  wrong.dims = {32, 32, 3 * kDigits};
  write({wrong, y()});
  EXPECT_EQ(error(), "expected X to be bytes of 32x32x3xN, found bytes of 32x32x9");
  wrong.dims = {32, 16, 3, kDigits};
  write({wrong, y()});
  EXPECT_EQ(error(), "expected X to be bytes of 32x32x3xN, found bytes of 32x16x3x3");
  const std::vector<double> doubles(pixels_.size());
  write({{"X", MAT_C_DOUBLE, MAT_T_DOUBLE, {32, 32, 3, kDigits}, doubles.data()}, y()});
  EXPECT_EQ(error(), "expected X to be bytes of 32x32x3xN, found another type, 32x32x3x3");
  wrong = y();
  wrong.dims = {kDigits - 1, 1};
  write({x(), wrong});
  EXPECT_EQ(error(), "expected y to be bytes or doubles of 3x1, found 2x1");
  const std::vector<float> floats = {1, 2, 3};
  write({x(), {"y", MAT_C_SINGLE, MAT_T_SINGLE, {kDigits, 1}, floats.data()}});
  EXPECT_EQ(error(), "expected y to be bytes or doubles of 3x1, found another type, 3x1");
}

TEST_F(Svhn, LabelsOutsideOneToTenAreRefused) {
  for (const double wrong : {0.0, 11.0, -1.0, 2.5, std::nan("")}) {
    labels_[1] = wrong;
    write({x(), y()});
    EXPECT_EQ(error(), text("image 1: expected a label of 1 to 10, found ", wrong));
  }
}

TEST_F(Svhn, ForeignFilesAreRefused) {
  const std::string expected =
      "expected a MATLAB file of version 5, found another or a damaged one";
  replace("");
  EXPECT_EQ(error(), expected);
  replace(std::string(500, 'x'));
  EXPECT_NE(error(), "no error");
  std::filesystem::remove(path_);
  EXPECT_NE(error().find("No such file"), std::string::npos);
}

TEST_F(Svhn, FilesTruncatedAnywhereAreRefused) {
  for (const auto compression : {MAT_COMPRESSION_ZLIB, MAT_COMPRESSION_NONE}) {
    write({x(), y()}, compression);
    const std::string whole = bytes();
    ASSERT_GT(whole.size(), 200U);
    for (std::size_t size = 0; size + 8 < whole.size(); size += whole.size() / 211 + 1) {
      replace(whole.substr(0, size));
      EXPECT_NE(error(), "no error") << size << " of " << whole.size();
    }
  }
}

// Without check sums in plain files, most flips change pixels only.
TEST_F(Svhn, FilesWithBitsFlippedAreReadOrRefused) {
  for (const auto compression : {MAT_COMPRESSION_ZLIB, MAT_COMPRESSION_NONE}) {
    write({x(), y()}, compression);
    const std::string whole = bytes();
    int refused = 0;
    for (std::size_t at = 0; at < 400; ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      replace(damaged);
      refused += error() == "no error" ? 0 : 1;
    }
    EXPECT_GT(refused, 20);
  }
}

TEST_F(Svhn, NothingIsPrinted) {
  write({x(), y()});
  const std::string whole = bytes();
  replace(whole.substr(0, whole.size() / 2));
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_NE(error(), "no error");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace pact::data
