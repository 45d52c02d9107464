// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/safetensors.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "pact/base/file.h"
#include "pact/base/half.h"

namespace pact::graph {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeader = 100'000'000;

template <typename... Parts>
Error corrupt(const Parts&... parts) {
  return make_error(ErrorCode::Corrupt, parts...);
}

template <typename Stored, typename Out, typename Convert>
std::vector<Out> read_elements(std::span<const std::byte> bytes, Convert convert) {
  std::vector<Out> out(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(stored);
  }
  return out;
}

std::size_t element_size(const std::string& type) {
  if (type == "F64" || type == "I64") return 8;
  if (type == "F32" || type == "I32") return 4;
  if (type == "F16" || type == "BF16") return 2;
  return 0;
}

Tensor make_tensor(const std::string& type, Shape shape, std::span<const std::byte> bytes) {
  const auto same = [](auto x) { return x; };
  if (type == "I32") {
    return Tensor::i32(std::move(shape), read_elements<std::int32_t, std::int32_t>(bytes, same));
  }
  if (type == "I64") {
    return Tensor::i64(std::move(shape), read_elements<std::int64_t, std::int64_t>(bytes, same));
  }
  std::vector<float> floats;
  if (type == "F32") floats = read_elements<float, float>(bytes, same);
  if (type == "F64") {
    floats = read_elements<double, float>(bytes, [](double x) { return static_cast<float>(x); });
  }
  if (type == "F16") floats = read_elements<std::uint16_t, float>(bytes, half_to_float);
  if (type == "BF16") {
    floats = read_elements<std::uint16_t, float>(bytes, [](std::uint16_t x) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
    });
  }
  return Tensor::f32(std::move(shape), std::move(floats));
}

Result<Shape> parse_shape(const json& entry) {
  Shape shape;
  std::int64_t count = 1;
  if (!entry.is_array() || entry.size() > 8) return corrupt("expected a shape of up to 8 extents");
  for (const json& extent : entry) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > (1ULL << 31)) {
      return corrupt("expected extents from 0 to 2^31");
    }
    shape.push_back(static_cast<std::int64_t>(extent.get<std::uint64_t>()));
    count *= shape.back();
    if (count > kMaxElements) return corrupt("the shape is too large");
  }
  return shape;
}

Result<Tensor> parse_entry(const json& entry, std::span<const std::byte> data) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry.contains("data_offsets")) {
    return corrupt("expected dtype, shape and data_offsets");
  }
  const auto type = entry["dtype"].get<std::string>();
  const std::size_t size = element_size(type);
  if (size == 0) {
    return make_error(ErrorCode::Unsupported,
                      "expected F32, F64, F16, BF16, I32 or I64 elements, found ", type);
  }
  PACT_TRY(Shape shape, parse_shape(entry["shape"]));
  const json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return corrupt("expected two data offsets");
  }
  const auto first = offsets[0].get<std::uint64_t>();
  const auto last = offsets[1].get<std::uint64_t>();
  const std::uint64_t bytes = static_cast<std::uint64_t>(element_count(shape)) * size;
  if (first > last || last > data.size() || last - first != bytes) {
    return corrupt("expected ", bytes, " bytes within the ", data.size(),
                   " of the file, found offsets ", first, " to ", last);
  }
  return make_tensor(type, std::move(shape), data.subspan(first, bytes));
}

Status parse_metadata(const json& entry, std::map<std::string, std::string>& metadata) {
  if (!entry.is_object()) return corrupt("__metadata__: expected an object of strings");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) return corrupt("__metadata__: expected an object of strings");
    metadata[key] = value.get<std::string>();
  }
  return {};
}

const char* type_name(const Tensor& tensor) {
  constexpr const char* kNames[] = {"F32", "I32", "I64"};
  return kNames[tensor.data.index()];
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return std::visit([](const auto& data) { return std::as_bytes(std::span(data)); }, tensor.data);
}

}  // namespace

Result<TensorFile> parse_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) return corrupt("safetensors: the file is too short");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kMaxHeader || length > bytes.size() - kLengthBytes) {
    return corrupt("safetensors: expected a file of tensors (a checkpoint, or weights), found ",
                   bytes.size(), " bytes whose header would take ", length);
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + kLengthBytes;
  // The parser recurses for each bracket; a header of a tensor file has a nesting of three.
  int depth = 0;
  const auto limit_depth = [&](int level, json::parse_event_t, json&) {
    depth = std::max(depth, level);
    return level <= 8;
  };
  const json header = json::parse(text, text + length, limit_depth, false);
  if (header.is_discarded() || !header.is_object() || depth > 8) {
    return corrupt("safetensors: the header is not a JSON object of tensors");
  }
  TensorFile file;
  std::size_t total = 0;
  const auto data = bytes.subspan(kLengthBytes + length);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      PACT_CHECK_OK(parse_metadata(entry, file.metadata));
      continue;
    }
    Result<Tensor> tensor = parse_entry(entry, data);
    if (!tensor) {
      return make_error(tensor.error().code, "safetensors: tensor '", name,
                        "': ", tensor.error().message);
    }
    total += bytes_of(*tensor).size();
    // Floats of 16 bits grow twofold when read; more than that means ranges that overlap.
    if (total > 2 * data.size()) return corrupt("safetensors: tensors overlap in the file");
    file.tensors.emplace(name, std::move(*tensor));
  }
  return file;
}

Result<TensorFile> read_safetensors(const std::filesystem::path& path) {
  PACT_TRY(const MappedFile mapped, MappedFile::open(path));
  Result<TensorFile> file = parse_safetensors(mapped.bytes());
  if (!file) return make_error(file.error().code, path.string(), ": ", file.error().message);
  return file;
}

std::vector<std::byte> serialize_safetensors(const TensorFile& file) {
  json header = json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    const std::size_t size = bytes_of(tensor).size();
    header[name] = {{"dtype", type_name(tensor)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  while ((text.size() + kLengthBytes) % 8 != 0) text += ' ';
  std::vector<std::byte> bytes(kLengthBytes + text.size() + offset);
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, kLengthBytes);
  std::memcpy(bytes.data() + kLengthBytes, text.data(), text.size());
  std::byte* cursor = bytes.data() + kLengthBytes + text.size();
  for (const auto& [name, tensor] : file.tensors) {
    const auto data = bytes_of(tensor);
    if (!data.empty()) std::memcpy(cursor, data.data(), data.size());
    cursor += data.size();
  }
  return bytes;
}

Status load_parameters(Network& network, const std::map<std::string, Tensor>& tensors) {
  std::map<std::string, Tensor> loaded;
  for (const auto& [name, tensor] : tensors) {
    if (!name.ends_with(".num_batches_tracked")) loaded.emplace(name, tensor);
  }
  std::swap(network.parameters(), loaded);
  Status status = network.verify();
  if (!status) std::swap(network.parameters(), loaded);
  return status;
}

TensorFile to_tensor_file(const Network& network) {
  return {.tensors = network.parameters(), .metadata = {{"network", print(network)}}};
}

namespace {

Result<Network> network_in(const TensorFile& file) {
  const auto text = file.metadata.find("network");
  if (text == file.metadata.end()) {
    return make_error(ErrorCode::Corrupt,
                      "expected a file with a network, found tensors alone (name the network)");
  }
  PACT_TRY(Network network, parse(text->second));
  std::map<std::string, Tensor> parameters;
  for (const auto& [name, tensor] : file.tensors) {
    if (!name.starts_with("optimizer.")) parameters.emplace(name, tensor);
  }
  PACT_CHECK_OK(load_parameters(network, parameters));
  return network;
}

}  // namespace

Result<Network> network_from(const TensorFile& file, const std::filesystem::path& path) {
  Result<Network> network = network_in(file);
  if (network || path.empty()) return network;
  return make_error(network.error().code, path.string(), ": ", network.error().message);
}

Result<Network> read_network(const std::filesystem::path& path) {
  PACT_TRY(const TensorFile file, read_safetensors(path));
  return network_from(file, path);
}

}  // namespace pact::graph
