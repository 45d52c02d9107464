// SPDX-License-Identifier: Apache-2.0
// An ONNX file as a protobuf message, and the constants in it. Internal to onnx/. Files are
// untrusted: sizes are checked against what the file holds before memory is taken, and external
// data may lie in the model's own folder only.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/tensor.h"

namespace pact::onnx {

namespace pb = ::onnx;

/// Domain of the quantizers of QONNX.
inline constexpr const char* kQonnxDomain = "qonnx.custom_op.general";

/// Element types by their number on the wire; the ones of 2 and 4 bits are newer than the library.
enum class DataType : std::int32_t {
  Float = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  UInt32 = 12,
  BFloat16 = 16,
  UInt4 = 21,
  Int4 = 22,
  UInt2 = 25,
  Int2 = 26
};

/// Bits of an element; 0 for a type that is not listed above.
int bits_of(DataType type);
bool is_signed(DataType type);

/// Says that each element of a constant is an integer times a scale.
struct Steps {
  std::vector<float> scales;  // one, or one for each index of extent `axis`
  std::size_t axis = 0;
  std::int64_t lowest = 0;  // of the integers
  std::int64_t highest = 0;
  bool all_odd = false;
};

/// A tensor whose elements are known: floats of any width as f32, integers of any width as i64.
struct Constant {
  graph::Shape shape;
  std::variant<std::vector<float>, std::vector<std::int64_t>> data;
  DataType type = DataType::Float;  // in the file; of integers that are computed, Int64
  std::optional<Steps> steps{};

  bool is_float() const { return data.index() == 0; }
  std::int64_t elements() const {
    return std::visit([](const auto& each) { return static_cast<std::int64_t>(each.size()); },
                      data);
  }
  const std::vector<float>& floats() const { return std::get<0>(data); }
  const std::vector<std::int64_t>& ints() const { return std::get<1>(data); }
};

/// Reads the message. Errors: more than 2 GiB, or bytes that are no ONNX model.
Result<pb::ModelProto> parse_model(std::span<const std::byte> bytes);

/// Adds up what the tensors of a model read of its external files.
class ExternalFiles {
 public:
  explicit ExternalFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Error: the tensors up to this one read a file more than four times over, so that a small file
  /// could ask for all memory. Tensors in the model itself are Ok.
  Status check(const pb::TensorProto& tensor);

 private:
  std::filesystem::path folder_;
  std::map<std::filesystem::path, std::uint64_t> read_;  // bytes
};

/// The elements of a tensor; external data is looked for in `folder`, and refused if that is empty.
Result<Constant> decode(const pb::TensorProto& tensor, const std::filesystem::path& folder);

/// A tensor of float elements.
pb::TensorProto encode(const std::string& name, const graph::Shape& shape,
                       const std::vector<float>& values);
/// A tensor of integers that fit `type`; those of 2 and 4 bits are packed, first element lowest.
pb::TensorProto encode(const std::string& name, const graph::Shape& shape, DataType type,
                       const std::vector<std::int64_t>& values);

}  // namespace pact::onnx
