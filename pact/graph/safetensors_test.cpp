// SPDX-License-Identifier: Apache-2.0
#include "pact/graph/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

namespace pact::graph {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

// A file made by hand: length, header, data.
template <typename T = std::uint8_t>
Bytes file_of(const std::string& header, const std::vector<T>& data = {}) {
  const std::uint64_t length = header.size();
  Bytes bytes(8 + header.size() + data.size() * sizeof(T));
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  if (!data.empty())
    std::memcpy(bytes.data() + 8 + header.size(), data.data(), data.size() * sizeof(T));
  return bytes;
}

std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return text(R"({"x":{"dtype":")", type, R"(","shape":)", shape, R"(,"data_offsets":)", offsets,
              "}}");
}

std::string parse_error(const Bytes& bytes) {
  const auto file = parse_safetensors(bytes);
  return file ? "no error" : file.error().message;
}

template <typename T>
std::vector<float> floats_of(const std::string& type, const std::vector<T>& data) {
  const std::string header =
      entry(type, text("[", data.size(), "]"), text("[0,", data.size() * sizeof(T), "]"));
  const auto file = parse_safetensors(file_of(header, data));
  EXPECT_TRUE(file) << file.error().message;
  return file ? file->tensors.at("x").floats() : std::vector<float>{};
}

TensorFile example() {
  TensorFile file;
  file.tensors["a.weight"] = Tensor::f32({2, 3}, {1, -2, 3.5F, 0, 1e-30F, 1e30F});
  file.tensors["b"] = Tensor::i32({2}, {-5, 2147483647});
  file.tensors["c"] = Tensor::i64({1}, {std::numeric_limits<std::int64_t>::min()});
  file.tensors["empty"] = Tensor::f32({0, 4}, {});
  file.tensors["scalar"] = Tensor::f32({}, {42});
  file.metadata = {{"network", "text with \"quotes\"\nand lines"}, {"k", ""}};
  return file;
}

// input 2x2x2 -> conv (bias) -> bn
Network conv_and_norm() {
  Network network;
  network.name = "small";
  network.classes = {"a", "b"};
  network.preprocessing = {{0.1F, 0.2F}, {0.3F, 0.4F}};
  value_or_throw(network.add("in", Input{2, 2, 2}, {}));
  value_or_throw(network.add("conv", Conv2d{.out_channels = 2, .bias = Bias::Present}, {0}));
  value_or_throw(network.add("bn", BatchNorm{}, {1}));
  network.set_parameter(1, "weight", Tensor::f32({2, 2, 1, 1}, {1, 2, 3, 4}));
  network.set_parameter(1, "bias", Tensor::f32({2}, {5, 6}));
  for (const char* role : {"weight", "bias", "running_mean", "running_var"}) {
    network.set_parameter(2, role, Tensor::f32({2}, {0.5F, 0.25F}));
  }
  return network;
}

TEST(Safetensors, RoundTripsTensorsAndMetadata) {
  const TensorFile file = example();
  const auto parsed = parse_safetensors(serialize_safetensors(file));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->tensors, file.tensors);
  EXPECT_EQ(parsed->metadata, file.metadata);
}

TEST(Safetensors, SerializesToTheDocumentedLayout) {
  TensorFile file;
  file.tensors["t"] = Tensor::i32({1}, {0x04030201});
  const Bytes bytes = serialize_safetensors(file);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  ASSERT_EQ(bytes.size(), 8 + length + 4);
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(bytes[8], std::byte{'{'});
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(bytes[8 + length + i], static_cast<std::byte>(i + 1));
  EXPECT_EQ(serialize_safetensors(file), bytes);
}

TEST(Safetensors, ReadsAFileMadeByHand) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},)"
      R"("v":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}   )";
  const auto file = parse_safetensors(file_of<std::uint32_t>(header, {7, 0x3F800000, 0xC0000000}));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metadata.at("format"), "pt");
  EXPECT_EQ(file->tensors.at("w"), Tensor::f32({1, 2}, {1, -2}));
  EXPECT_EQ(file->tensors.at("v"), Tensor::i32({}, {7}));
}

TEST(Safetensors, ConvertsBfloat16) {
  EXPECT_EQ(floats_of<std::uint16_t>("BF16", {0x3F80, 0xC000, 0x0000, 0x7F80, 0x0001}),
            (std::vector<float>{1, -2, 0, INFINITY, std::ldexp(1.0F, -133)}));
}

TEST(Safetensors, ConvertsDoubles) {
  EXPECT_EQ(floats_of<double>("F64", {1.5, -0.1, 1e-60}), (std::vector<float>{1.5F, -0.1F, 0}));
}

TEST(Safetensors, ConvertsHalves) {
  const std::vector<float> values = floats_of<std::uint16_t>(
      "F16", {0x0000, 0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x83FF, 0x3555, 0x7C00});
  const std::vector<float> expected{0,
                                    1,
                                    -2,
                                    65504,
                                    std::ldexp(1.0F, -14),
                                    std::ldexp(1.0F, -24),
                                    -std::ldexp(1023.0F, -24),
                                    0.333251953125F,
                                    INFINITY};
  EXPECT_EQ(values, expected);
  EXPECT_TRUE(std::isnan(floats_of<std::uint16_t>("F16", {0x7C01})[0]));
}

TEST(Safetensors, TruncationAtAnyLengthIsAnError) {
  const Bytes bytes = serialize_safetensors(example());
  ASSERT_GT(bytes.size(), 200U);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    const auto parsed = parse_safetensors(part);
    ASSERT_FALSE(parsed) << "the first " << length << " of " << bytes.size();
    EXPECT_EQ(parsed.error().code, ErrorCode::Corrupt);
  }
}

TEST(Safetensors, AnyChangedByteOfTheHeaderIsReadOrRefused) {
  const Bytes bytes = serialize_safetensors(example());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  int refused = 0;
  for (std::size_t i = 0; i < 8 + length; ++i) {
    for (const unsigned flip : {0x01U, 0x02U, 0x10U, 0x80U, 0xFFU}) {
      Bytes damaged = bytes;
      damaged[i] ^= static_cast<std::byte>(flip);
      const auto parsed = parse_safetensors(damaged);
      if (!parsed) {
        ++refused;
        continue;
      }
      for (const auto& [name, tensor] : parsed->tensors) {
        const auto stored = std::visit([](const auto& data) { return data.size(); }, tensor.data);
        ASSERT_EQ(stored, static_cast<std::size_t>(element_count(tensor.shape))) << name;
      }
    }
  }
  EXPECT_GT(refused, 500);
}

TEST(Safetensors, OffsetsOutOfTheFileAreAnErrorThatNamesTheTensor) {
  const std::vector<std::uint8_t> data(8);
  ASSERT_EQ(parse_error(file_of(entry("F32", "[2]", "[0,8]"), data)), "no error");
  for (const char* offsets :
       {"[0,12]", "[4,12]", "[8,0]", "[0,4]", "[0,7]", "[-8,0]", "[0]", "[0,8,16]", "[]", "8",
        "null", "[0.0,8.0]", "[\"0\",\"8\"]", "[18446744073709551608,18446744073709551616]",
        "[18446744073709551608,0]", "[9223372036854775808,9223372036854775816]"}) {
    const std::string message = parse_error(file_of(entry("F32", "[2]", offsets), data));
    EXPECT_THAT(message, HasSubstr("safetensors: ")) << offsets;
    EXPECT_THAT(message, HasSubstr("tensor 'x'")) << offsets;
  }
}

TEST(Safetensors, ShapesThatAreHugeOrStrangeAreErrors) {
  const std::vector<std::uint8_t> data(8);
  for (const char* shape : {"[4294967296]", "[2147483648,2]", "[65536,65536,65536,65536]", "[-2]",
                            "[2.0]", "[\"2\"]", "2", "null", "[[2]]", "[1,1,1,1,1,1,1,1,2]",
                            "[18446744073709551615]", "[4294967296,4294967296]", "[2,2]", "[]"}) {
    EXPECT_THAT(parse_error(file_of(entry("F32", shape, "[0,8]"), data)), HasSubstr("tensor 'x'"))
        << shape;
  }
  // A huge shape with matching offsets is refused before anything is allocated.
  EXPECT_NE(parse_error(file_of(entry("F32", "[2147483648]", "[0,8589934592]"), data)), "no error");
}

TEST(Safetensors, ElementTypesThatAreNotReadAreUnsupported) {
  for (const char* type : {"U8", "BOOL", "F8_E4M3", "f32", ""}) {
    const auto file =
        parse_safetensors(file_of(entry(type, "[1]", "[0,1]"), std::vector<std::uint8_t>(1)));
    ASSERT_FALSE(file) << type;
    EXPECT_EQ(file.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(file.error().message, HasSubstr("tensor 'x'"));
  }
}

TEST(Safetensors, HeadersThatAreNotAnObjectOfTensorsAreErrors) {
  for (const char* header :
       {"", " ", "{", "[]", "null", "1", "\"x\"", "{\"x\":1}", "{\"x\":{}}", "{\"x\":[]}",
        "{\"x\":null}", "{\"x\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", "{} {}",
        "{\"__metadata__\":1}", "{\"__metadata__\":{\"a\":1}}", "{\"\xFF\":{}}"}) {
    EXPECT_NE(parse_error(file_of(header)), "no error") << header;
  }
  EXPECT_EQ(parse_error(file_of("{}")), "no error");
}

TEST(Safetensors, AHeaderLengthBeyondTheFileIsAnError) {
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{1} << 32, ~std::uint64_t{0}, ~std::uint64_t{0} - 7}) {
    Bytes bytes = file_of("{}");
    std::memcpy(bytes.data(), &length, 8);
    EXPECT_THAT(parse_error(bytes), HasSubstr(text("whose header would take ", length)));
  }
}

TEST(Safetensors, DeeplyNestedHeadersAreErrorsAndDoNotExhaustTheStack) {
  for (const int depth : {10, 1000, 1'000'000}) {
    const auto count = static_cast<std::size_t>(depth);
    EXPECT_NE(parse_error(file_of(std::string(count, '['))), "no error");
    EXPECT_NE(parse_error(file_of(std::string(count, '[') + std::string(count, ']'))), "no error");
    std::string objects;
    for (int i = 0; i < depth; ++i) objects += "{\"x\":";
    EXPECT_NE(parse_error(file_of(objects + "1" + std::string(count, '}'))), "no error");
  }
}

TEST(Safetensors, ReadingAFileNamesItInTheError) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / text("pact_safetensors_", ::getpid());
  EXPECT_EQ(read_safetensors(path).error().code, ErrorCode::NotFound);
  std::ofstream(path) << "short";
  const auto file = read_safetensors(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr(path.string()));
}

TEST(LoadParameters, TakesThemByNameAndIgnoresBatchCounters) {
  Network network = conv_and_norm();
  auto tensors = network.parameters();
  tensors["bn.num_batches_tracked"] = Tensor::i64({}, {100});
  tensors["conv.bias"] = Tensor::f32({2}, {-1, -2});
  const Status status = load_parameters(network, tensors);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(network.parameter(1, "bias").floats(), (std::vector<float>{-1, -2}));
  EXPECT_FALSE(network.parameters().contains("bn.num_batches_tracked"));
}

TEST(LoadParameters, EachFaultNamesTheTensorAndKeepsTheOldParameters) {
  const auto check = [](const auto& damage, const std::string& expected) {
    Network network = conv_and_norm();
    const auto before = network.parameters();
    auto tensors = before;
    tensors["conv.bias"].floats()[0] = 99;
    damage(tensors);
    const Status status = load_parameters(network, tensors);
    ASSERT_FALSE(status) << expected;
    EXPECT_THAT(status.error().message, HasSubstr(expected));
    EXPECT_EQ(network.parameters(), before);
  };
  using Tensors = std::map<std::string, Tensor>;
  check([](Tensors& t) { t.erase("bn.bias"); }, "'bn.bias' (2) is missing");
  check([](Tensors& t) { t["fc.weight"] = Tensor::f32({1}, {1}); },
        "'fc.weight' (1) belongs to no node");
  check(
      [](Tensors& t) {
        t["conv.weight"].shape = {2, 2};
      },
      "'conv.weight': expected 2x2x1x1, found 2x2");
  check([](Tensors& t) { t["bn.weight"] = Tensor::i32({2}, {1, 1}); }, "'bn.weight'");
  check([](Tensors& t) { t["bn.weight"].floats()[1] = NAN; }, "'bn.weight': expected finite");
}

TEST(TensorFile, ANetworkRoundTripsThroughAFile) {
  const Network network = conv_and_norm();
  const auto file = parse_safetensors(serialize_safetensors(to_tensor_file(network)));
  ASSERT_TRUE(file) << file.error().message;
  const Result<Network> read = network_from(*file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(print(*read), print(network));
  EXPECT_EQ(read->parameters(), network.parameters());
}

TEST(TensorFile, OptimizerStateIsNotAParameter) {
  TensorFile file = to_tensor_file(conv_and_norm());
  file.tensors["optimizer.conv.weight"] = Tensor::f32({1}, {1});
  EXPECT_TRUE(network_from(file));
  file.tensors["optimiser.conv.weight"] = Tensor::f32({1}, {1});
  EXPECT_FALSE(network_from(file));
}

TEST(TensorFile, AFileWithoutANetworkOrWithABrokenOneIsAnError) {
  TensorFile file = to_tensor_file(conv_and_norm());
  file.metadata["network"] += "nonsense\n";
  ASSERT_FALSE(network_from(file));
  EXPECT_THAT(network_from(file).error().message, HasSubstr("line "));
  file.metadata.clear();
  ASSERT_FALSE(network_from(file));
  EXPECT_THAT(network_from(file).error().message, HasSubstr("tensors alone"));
}

TEST(Safetensors, RefusesTensorsThatShareBytes) {
  std::string header = "{";
  for (int i = 0; i < 5; ++i) {
    header += (i == 0 ? "" : ",") + ("\"t" + std::to_string(i)) +
              "\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}";
  }
  header += "}";
  const std::uint64_t length = header.size();
  std::vector<std::byte> bytes(8 + header.size() + 16);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  const auto file = parse_safetensors(bytes);
  ASSERT_FALSE(file.has_value());
  EXPECT_NE(file.error().message.find("overlap"), std::string::npos);
}

TEST(Safetensors, WritesNamesThatAreNotUtf8) {
  Network network;
  network.classes = {"\xff\xfe"};
  EXPECT_FALSE(serialize_safetensors(to_tensor_file(network)).empty());
}

}  // namespace
}  // namespace pact::graph
