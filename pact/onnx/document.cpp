// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/document.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "pact/base/file.h"
#include "pact/base/half.h"

namespace pact::onnx {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

template <typename... Parts>
Error corrupt(const Parts&... parts) {
  return make_error(ErrorCode::Corrupt, parts...);
}

bool is_float(DataType type) {
  return type == DataType::Float || type == DataType::Float16 || type == DataType::BFloat16 ||
         type == DataType::Double;
}

float to_float(DataType type, std::uint64_t word) {
  switch (type) {
    case DataType::Float16:
      return half_to_float(static_cast<std::uint16_t>(word));
    case DataType::BFloat16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(word << 16));
    case DataType::Double:
      return static_cast<float>(std::bit_cast<double>(word));
    default:
      return std::bit_cast<float>(static_cast<std::uint32_t>(word));
  }
}

std::int64_t to_integer(DataType type, std::uint64_t word) {
  const int unused = 64 - bits_of(type);
  if (is_signed(type)) return static_cast<std::int64_t>(word << unused) >> unused;
  return static_cast<std::int64_t>(word);
}

// Element i of little-endian elements of `bits` bits each.
std::uint64_t word_at(std::string_view raw, std::size_t i, int bits) {
  std::uint64_t word = 0;
  if (bits >= 8) {
    const auto bytes = static_cast<std::size_t>(bits / 8);
    std::memcpy(&word, raw.data() + i * bytes, bytes);
    return word;
  }
  const std::size_t bit = i * static_cast<std::size_t>(bits);
  const auto byte = static_cast<std::uint8_t>(raw[bit / 8]);
  return (byte >> (bit % 8)) & ((1U << bits) - 1);
}

Result<Constant> decode_raw(graph::Shape shape, DataType type, std::string_view raw) {
  const auto count = static_cast<std::size_t>(graph::element_count(shape));
  const int bits = bits_of(type);
  const std::size_t bytes = (count * static_cast<std::size_t>(bits) + 7) / 8;
  if (raw.size() != bytes) return corrupt("expected ", bytes, " bytes, found ", raw.size());
  if (is_float(type)) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = to_float(type, word_at(raw, i, bits));
    return Constant{std::move(shape), std::move(values), type};
  }
  std::vector<std::int64_t> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = to_integer(type, word_at(raw, i, bits));
  return Constant{std::move(shape), std::move(values), type};
}

// Elements in a repeated field of the message, where 2- and 4-bit ones share a 32-bit entry... as
// bytes: the entries' low bytes are the packed bytes.
template <typename Field>
std::string packed_bytes(const Field& field, int bits) {
  const std::size_t bytes = bits < 8 ? 1 : static_cast<std::size_t>(bits / 8);
  std::string raw;
  for (const auto entry : field) {
    char word[sizeof entry];
    std::memcpy(word, &entry, sizeof entry);
    raw.append(word, std::min(bytes, sizeof entry));
  }
  return raw;
}

Result<Constant> decode_fields(graph::Shape shape, DataType type, const pb::TensorProto& tensor) {
  const int bits = bits_of(type);
  switch (type) {
    case DataType::Float:
      return decode_raw(std::move(shape), type, packed_bytes(tensor.float_data(), bits));
    case DataType::Double:
      return decode_raw(std::move(shape), type, packed_bytes(tensor.double_data(), bits));
    case DataType::Int64:
      return decode_raw(std::move(shape), type, packed_bytes(tensor.int64_data(), bits));
    case DataType::UInt32:
      return decode_raw(std::move(shape), type, packed_bytes(tensor.uint64_data(), bits));
    default:
      return decode_raw(std::move(shape), type, packed_bytes(tensor.int32_data(), bits));
  }
}

struct ExternalRange {
  std::string location;
  std::uint64_t offset = 0;
  std::uint64_t length = std::numeric_limits<std::uint64_t>::max();
};

Result<std::uint64_t> parse_count(const std::string& key, const std::string& text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) {
    return corrupt("external data: expected a number as ", key, ", found '", text, "'");
  }
  return std::uint64_t{std::stoull(text)};
}

Result<ExternalRange> external_range(const pb::TensorProto& tensor) {
  ExternalRange range;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") range.location = entry.value();
    if (entry.key() == "offset") {
      PACT_TRY(range.offset, parse_count("offset", entry.value()));
    }
    if (entry.key() == "length") {
      PACT_TRY(range.length, parse_count("length", entry.value()));
    }
  }
  return range;
}

// A path below the model's folder, also after links are followed.
Result<std::filesystem::path> inside(const std::filesystem::path& folder,
                                     const std::string& location) {
  const std::filesystem::path relative(location);
  std::error_code failure;
  const auto root = std::filesystem::weakly_canonical(folder, failure);
  const auto full = std::filesystem::weakly_canonical(root / relative, failure);
  const auto below = full.lexically_relative(root);
  if (failure || folder.empty() || location.empty() || relative.is_absolute() || below.empty() ||
      *below.begin() == "..") {
    return corrupt("external data: expected a file in the model's folder, found '", location, "'");
  }
  return full;
}

Result<Constant> decode_external(graph::Shape shape, DataType type, const pb::TensorProto& tensor,
                                 const std::filesystem::path& folder) {
  PACT_TRY(ExternalRange range, external_range(tensor));
  PACT_TRY(const std::filesystem::path path, inside(folder, range.location));
  PACT_TRY(const MappedFile file, MappedFile::open(path));
  const std::size_t size = file.bytes().size();
  if (range.offset > size ||
      (range.length != ExternalRange{}.length && range.length > size - range.offset)) {
    return corrupt("external data: expected ", range.length, " bytes at ", range.offset, " of '",
                   range.location, "', found ", size, " bytes in all");
  }
  const std::size_t length = std::min<std::uint64_t>(range.length, size - range.offset);
  const auto* data = reinterpret_cast<const char*>(file.bytes().data()) + range.offset;
  return decode_raw(std::move(shape), type, {data, length});
}

Result<graph::Shape> shape_of(const pb::TensorProto& tensor) {
  graph::Shape shape;
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.dims()) {
    if (extent < 0 || extent > kMaxElements || (extent > 0 && count > kMaxElements / extent)) {
      return corrupt("expected at most 2^31 elements, found an extent of ", extent);
    }
    count *= extent;
    shape.push_back(extent);
  }
  return shape;
}

Result<Constant> decode_any(const pb::TensorProto& tensor, const std::filesystem::path& folder) {
  PACT_TRY(graph::Shape shape, shape_of(tensor));
  const auto type = static_cast<DataType>(tensor.data_type());
  if (bits_of(type) == 0) {
    return make_error(ErrorCode::Unsupported, "element type ", tensor.data_type());
  }
  if (tensor.data_location() == pb::TensorProto::EXTERNAL) {
    return decode_external(std::move(shape), type, tensor, folder);
  }
  if (tensor.has_raw_data()) return decode_raw(std::move(shape), type, tensor.raw_data());
  return decode_fields(std::move(shape), type, tensor);
}

pb::TensorProto empty_tensor(const std::string& name, const graph::Shape& shape, DataType type) {
  pb::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(static_cast<std::int32_t>(type));
  for (const std::int64_t extent : shape) tensor.add_dims(extent);
  return tensor;
}

}  // namespace

int bits_of(DataType type) {
  switch (type) {
    case DataType::UInt2:
    case DataType::Int2:
      return 2;
    case DataType::UInt4:
    case DataType::Int4:
      return 4;
    case DataType::UInt8:
    case DataType::Int8:
    case DataType::Bool:
      return 8;
    case DataType::UInt16:
    case DataType::Int16:
    case DataType::Float16:
    case DataType::BFloat16:
      return 16;
    case DataType::Float:
    case DataType::Int32:
    case DataType::UInt32:
      return 32;
    case DataType::Int64:
    case DataType::Double:
      return 64;
  }
  return 0;
}

bool is_signed(DataType type) {
  switch (type) {
    case DataType::Int8:
    case DataType::Int16:
    case DataType::Int32:
    case DataType::Int64:
    case DataType::Int4:
    case DataType::Int2:
      return true;
    default:
      return false;
  }
}

Result<pb::ModelProto> parse_model(std::span<const std::byte> bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return corrupt("expected an ONNX model of at most 2 GiB, found ", bytes.size(), " bytes");
  }
  pb::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
    return corrupt("expected an ONNX model, found ", bytes.size(), " bytes that are not one");
  }
  return model;
}

Status ExternalFiles::check(const pb::TensorProto& tensor) {
  constexpr std::uint64_t kMostTimes = 4;
  if (tensor.data_location() != pb::TensorProto::EXTERNAL) return {};
  PACT_TRY(const ExternalRange range, external_range(tensor));
  PACT_TRY(const std::filesystem::path path, inside(folder_, range.location));
  PACT_TRY(const MappedFile file, MappedFile::open(path));
  const std::uint64_t size = file.bytes().size();
  std::uint64_t& read = read_[path];
  read += std::min(range.length, size);
  if (read <= kMostTimes * size) return {};
  return corrupt("tensor '", tensor.name(), "': external data: expected '", range.location,
                 "' to be read at most ", kMostTimes, " times over");
}

Result<Constant> decode(const pb::TensorProto& tensor, const std::filesystem::path& folder) {
  auto constant = decode_any(tensor, folder);
  if (!constant) {
    return make_error(constant.error().code, "tensor '", tensor.name(),
                      "': ", constant.error().message);
  }
  return constant;
}

pb::TensorProto encode(const std::string& name, const graph::Shape& shape,
                       const std::vector<float>& values) {
  pb::TensorProto tensor = empty_tensor(name, shape, DataType::Float);
  tensor.set_raw_data(values.data(), values.size() * sizeof(float));
  return tensor;
}

pb::TensorProto encode(const std::string& name, const graph::Shape& shape, DataType type,
                       const std::vector<std::int64_t>& values) {
  pb::TensorProto tensor = empty_tensor(name, shape, type);
  const auto bits = static_cast<std::size_t>(bits_of(type));
  std::string raw((values.size() * bits + 7) / 8, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (bits >= 8) {
      std::memcpy(raw.data() + i * (bits / 8), &values[i], bits / 8);
      continue;
    }
    const auto code = static_cast<unsigned>(values[i]) & ((1U << bits) - 1);
    raw[i * bits / 8] =
        static_cast<char>(static_cast<unsigned char>(raw[i * bits / 8]) | (code << (i * bits % 8)));
  }
  tensor.set_raw_data(std::move(raw));
  return tensor;
}

}  // namespace pact::onnx
