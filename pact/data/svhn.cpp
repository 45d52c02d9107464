// SPDX-License-Identifier: Apache-2.0
#include "pact/data/svhn.h"

#include <matio.h>

#include <cmath>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "pact/data/image.h"

namespace pact::data {
namespace {

constexpr std::size_t kSide = 32;
constexpr std::size_t kPlane = kSide * kSide;
constexpr std::size_t kImage = 3 * kPlane;

// What matio last complained about in this thread. It reads on after most damage.
thread_local std::string complaint;

void keep_complaint(int, char* message) {
  if (complaint.empty() && message != nullptr) complaint = message;
}

struct CloseFile {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using File = std::unique_ptr<mat_t, CloseFile>;
using Variable = std::unique_ptr<matvar_t, FreeVariable>;

std::string shape_of(const matvar_t& variable) {
  std::string shape;
  for (int i = 0; i < variable.rank; ++i) shape += text(i > 0 ? "x" : "", variable.dims[i]);
  return shape;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {
    static const int started = Mat_LogInitFunc("pact", &keep_complaint);
    (void)started;
    complaint.clear();
  }

  Status open() {
    std::error_code error;
    bytes_ = std::filesystem::file_size(path_, error);
    if (error) return make_error(ErrorCode::Io, path_.string(), ": ", error.message());
    file_.reset(Mat_Open(path_.c_str(), MAT_ACC_RDONLY));
    if (file_ == nullptr || Mat_GetVersion(file_.get()) != MAT_FT_MAT5) {
      return make_error(ErrorCode::Corrupt, path_.string(),
                        ": expected a MATLAB file of version 5, found another or a damaged one");
    }
    return {};
  }

  // The variable without its data.
  Result<Variable> find(const char* name) {
    Variable variable(Mat_VarReadInfo(file_.get(), name));
    if (variable == nullptr || variable->dims == nullptr) {
      return make_error(ErrorCode::Corrupt, path_.string(), ": expected a variable ", name,
                        ", found none that can be read", details());
    }
    if (variable->isComplex != 0) {
      return make_error(ErrorCode::Corrupt, path_.string(), ": expected ", name,
                        " to be real, found complex numbers");
    }
    return variable;
  }

  Status read(matvar_t& variable) {
    complaint.clear();
    const int status = Mat_VarReadDataAll(file_.get(), &variable);
    if (status == 0 && complaint.empty() && variable.data != nullptr) return {};
    return make_error(ErrorCode::Corrupt, path_.string(), ": expected all of ", variable.name,
                      ", found damage", details());
  }

  // Images of the pixels X. Checked before any memory is taken for them: compressed data grows
  // 1032-fold at most.
  Result<std::size_t> image_count(const matvar_t& x) const {
    const bool fits = x.rank == 4 && x.dims[0] == kSide && x.dims[1] == kSide && x.dims[2] == 3;
    if (!fits || x.class_type != MAT_C_UINT8) {
      return make_error(ErrorCode::Corrupt, path_.string(),
                        ": expected X to be bytes of 32x32x3xN, found ",
                        x.class_type == MAT_C_UINT8 ? "bytes of " : "another type, ", shape_of(x));
    }
    if (x.dims[3] > bytes_ * 1032 / kImage) {
      return make_error(ErrorCode::Corrupt, path_.string(), ": expected what ", bytes_,
                        " bytes can hold, found ", x.dims[3], " images claimed");
    }
    return x.dims[3];
  }

  // The label of each image: bytes or doubles from 1 to 10.
  Result<std::vector<std::uint16_t>> labels(const matvar_t& y) const {
    std::vector<std::uint16_t> result;
    for (std::size_t i = 0; i < y.dims[0]; ++i) {
      const double value = y.class_type == MAT_C_DOUBLE
                               ? static_cast<const double*>(y.data)[i]
                               : static_cast<const std::uint8_t*>(y.data)[i];
      if (!(value >= 1 && value <= 10) || value != std::floor(value)) {
        return make_error(ErrorCode::Corrupt, path_.string(), ": image ", i,
                          ": expected a label of 1 to 10, found ", value);
      }
      result.push_back(static_cast<std::uint16_t>(static_cast<int>(value) % 10));
    }
    return result;
  }

  Status check_labels(const matvar_t& y, std::size_t count) const {
    const bool number = y.class_type == MAT_C_DOUBLE || y.class_type == MAT_C_UINT8;
    if (number && y.rank == 2 && y.dims[0] == count && y.dims[1] == 1) return {};
    return make_error(ErrorCode::Corrupt, path_.string(), ": expected y to be bytes or doubles of ",
                      count, "x1, found ", number ? "" : "another type, ", shape_of(y));
  }

 private:
  std::string details() const { return complaint.empty() ? "" : " (" + complaint + ")"; }

  const std::filesystem::path& path_;
  std::uintmax_t bytes_ = 0;
  File file_;
};

// MATLAB's columns come first: byte r + 32 * (c + 32 * channel).
Image planes_of(const std::uint8_t* digit) {
  Image image{3, int(kSide), int(kSide), std::vector<std::uint8_t>(kImage)};
  for (std::size_t i = 0; i < kImage; ++i) {
    const std::size_t row = i % kSide;
    const std::size_t column = i / kSide % kSide;
    image.pixels[i / kPlane * kPlane + row * kSide + column] = digit[i];
  }
  return image;
}

}  // namespace

Status append_svhn(const std::filesystem::path& path, Dataset& dataset) {
  Reader reader(path);
  PACT_CHECK_OK(reader.open());
  PACT_TRY(const Variable x, reader.find("X"));
  PACT_TRY(const std::size_t count, reader.image_count(*x));
  PACT_TRY(const Variable y, reader.find("y"));
  PACT_CHECK_OK(reader.check_labels(*y, count));
  PACT_CHECK_OK(reader.read(*y));
  PACT_TRY(const std::vector<std::uint16_t> labels, reader.labels(*y));
  PACT_CHECK_OK(reader.read(*x));
  // Growing by doubles would take as much again.
  dataset.pixels.reserve(dataset.pixels.size() + count * dataset.image_bytes());
  for (std::size_t i = 0; i < count; ++i) {
    const Image digit = planes_of(static_cast<const std::uint8_t*>(x->data) + i * kImage);
    const Image image = fit(digit, dataset.channels, dataset.height, dataset.width);
    dataset.pixels.insert(dataset.pixels.end(), image.pixels.begin(), image.pixels.end());
  }
  dataset.labels.insert(dataset.labels.end(), labels.begin(), labels.end());
  return {};
}

}  // namespace pact::data
