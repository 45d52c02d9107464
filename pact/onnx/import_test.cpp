// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pact/onnx/small_file_test.h"

namespace pact::onnx {
namespace {

using namespace small_files;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Import, ListsAllUnsupportedOperationsAtOnce) {
  File file;
  file.node("Erf", "first", {"x"});
  file.node("Relu", "fine", {"x"});
  file.node("Custom", "second", {"fine"});
  file.graph().mutable_node(2)->set_domain("my.domain");
  file.node("GRU", "y", {"second"});
  EXPECT_THAT(file.error(), HasSubstr("operations that are not supported: 'first' (Erf), 'second' "
                                      "(my.domain.Custom), 'y' (GRU)"));
}

TEST(Import, NamesWhatAnOperationLacks) {
  File file;
  file.node("Relu", "y", {"x"}).set("surprise", std::int64_t{1});
  EXPECT_THAT(file.error(), HasSubstr("node 'y' (Relu): attribute 'surprise'"));
}

TEST(Import, RefusesCyclesAndMissingInputs) {
  File cycle;
  cycle.node("Add", "y", {"x", "z"});
  cycle.node("Relu", "z", {"y"});
  EXPECT_THAT(cycle.error(), HasSubstr("'y' (Add): its input 'z' is not made before it"));
  File missing;
  missing.node("Conv", "y", {"x"});
  EXPECT_THAT(missing.error(), HasSubstr("input 1 is missing"));
  File twice;
  twice.node("Relu", "y", {"x"});
  twice.node("Relu", "y", {"x"});
  EXPECT_THAT(twice.error(), HasSubstr("'y' is made twice"));
  File none;
  none.node("Relu", "z", {"x"});
  EXPECT_THAT(none.error(), HasSubstr("output 'y' is not made from the image"));
}

TEST(Import, RefusesOldAndUnknownOperatorSets) {
  File file(6);
  file.node("Relu", "y", {"x"});
  EXPECT_THAT(file.error(), HasSubstr("expected operator set 7 to 25, found 6"));
  File newer(26);
  newer.node("Relu", "y", {"x"});
  EXPECT_THAT(newer.error(), HasSubstr("found 26"));
}

TEST(Import, RefusesFilesThatAreNoModels) {
  const auto path = folder() / "none.onnx";
  write_file(path, "this is not protobuf");
  EXPECT_THAT(import_network(path).error().message, HasSubstr("expected an ONNX model"));
  write_file(path, "");
  EXPECT_THAT(import_network(path).error().message, HasSubstr("expected an ONNX model"));
  EXPECT_EQ(import_network(folder() / "absent.onnx").error().code, ErrorCode::NotFound);
}

TEST(Import, RefusesTensorsWhoseSizesDoNotFit) {
  File huge;
  huge.node("Add", "y", {"x", "w"});
  auto* tensor = huge.graph().add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(1);
  tensor->add_dims(std::int64_t{1} << 40);
  EXPECT_THAT(huge.error(), HasSubstr("tensor 'w': expected at most 2^31 elements"));
  tensor->set_dims(0, 1 << 20);
  tensor->add_dims(1 << 20);
  EXPECT_THAT(huge.error(), HasSubstr("expected at most 2^31 elements"));
  tensor->set_dims(0, -1);
  EXPECT_THAT(huge.error(), HasSubstr("found an extent of -1"));
  tensor->set_dims(0, 1 << 10);
  EXPECT_THAT(huge.error(), HasSubstr("expected 4294967296 bytes, found 0"));
}

void make_external(pb::TensorProto& tensor, const std::string& location, const std::string& offset,
                   const std::string& length) {
  tensor.clear_raw_data();
  tensor.set_data_location(pb::TensorProto::EXTERNAL);
  tensor.clear_external_data();
  const std::pair<const char*, std::string> entries[] = {
      {"location", location}, {"offset", offset}, {"length", length}};
  for (const auto& [key, value] : entries) {
    if (value.empty()) continue;
    auto* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
}

TEST(Import, ReadsExternalDataInTheModelsFolderOnly) {
  File file(17, {1, 1, 1});
  file.node("Conv", "y", {"x", file.floats("y.weight", {1, 1, 1, 1}, {0})});
  auto& tensor = *file.graph().mutable_initializer(0);
  const float weight = 2.5F;
  std::string bytes(12, '\0');
  std::memcpy(bytes.data() + 4, &weight, sizeof weight);
  write_file(folder() / "weights.bin", bytes);

  make_external(tensor, "weights.bin", "4", "4");
  EXPECT_THAT(value_or_throw(file.import()).parameter(1, "weight").floats(), ElementsAre(2.5F));
  make_external(tensor, "weights.bin", "8", "");
  EXPECT_THAT(value_or_throw(file.import()).parameter(1, "weight").floats(), ElementsAre(0.0F));
  make_external(tensor, "weights.bin", "10", "4");
  EXPECT_THAT(file.error(), HasSubstr("expected 4 bytes at 10 of 'weights.bin', found 12"));
  make_external(tensor, "weights.bin", "18446744073709551615", "4");
  EXPECT_THAT(file.error(), HasSubstr("expected a number as offset"));
  make_external(tensor, "weights.bin", "0", "-4");
  EXPECT_THAT(file.error(), HasSubstr("expected a number as length"));
  for (const char* path : {"../weights.bin", "/etc/passwd", "a/../../weights.bin", "", ".."}) {
    make_external(tensor, path, "0", "4");
    EXPECT_THAT(file.error(), HasSubstr("expected a file in the model's folder")) << path;
  }
  for (int i = 0; i < 12; ++i) {
    auto& copy = *file.graph().add_initializer();
    copy = tensor;
    copy.set_name(text("copy", i));
    make_external(copy, "weights.bin", "4", "4");
  }
  make_external(tensor, "weights.bin", "4", "4");
  EXPECT_THAT(file.error(), HasSubstr("tensor 'copy11': external data: expected 'weights.bin' to "
                                      "be read at most 4 times over"));
  file.graph().mutable_initializer()->DeleteSubrange(1, 12);
  make_external(tensor, "absent.bin", "0", "4");
  EXPECT_FALSE(file.import());
  const auto link = folder() / "link.bin";
  std::filesystem::remove(link);
  std::filesystem::create_symlink("/etc/passwd", link);
  make_external(tensor, "link.bin", "0", "4");
  EXPECT_THAT(file.error(), HasSubstr("expected a file in the model's folder"));
}

TEST(Import, ReadsEveryElementType) {
  const auto decoded = [](DataType type, const std::string& raw, std::int64_t count) {
    pb::TensorProto tensor;
    tensor.set_data_type(static_cast<int>(type));
    tensor.add_dims(count);
    tensor.set_raw_data(raw);
    return value_or_throw(decode(tensor, {}));
  };
  EXPECT_THAT(decoded(DataType::Float16, std::string("\x00\x3c\x00\xc0", 4), 2).floats(),
              ElementsAre(1.0F, -2.0F));
  EXPECT_THAT(decoded(DataType::BFloat16, std::string("\x80\x3f", 2), 1).floats(),
              ElementsAre(1.0F));
  EXPECT_THAT(decoded(DataType::Double, std::string("\0\0\0\0\0\0\xe0\x3f", 8), 1).floats(),
              ElementsAre(0.5F));
  EXPECT_THAT(decoded(DataType::Int8, "\xff\x7f", 2).ints(), ElementsAre(-1, 127));
  EXPECT_THAT(decoded(DataType::UInt16, "\xff\xff", 1).ints(), ElementsAre(65535));
  EXPECT_THAT(decoded(DataType::Int4, "\x8f\x07", 3).ints(), ElementsAre(-1, -8, 7));
  EXPECT_THAT(decoded(DataType::UInt4, "\x8f\x07", 3).ints(), ElementsAre(15, 8, 7));
  EXPECT_THAT(decoded(DataType::Int2, "\xe4", 4).ints(), ElementsAre(0, 1, -2, -1));
  EXPECT_THAT(decoded(DataType::UInt2, "\xe4", 4).ints(), ElementsAre(0, 1, 2, 3));
  pb::TensorProto text;
  text.set_data_type(8);
  EXPECT_THAT(decode(text, {}).error().message, HasSubstr("element type 8"));
}

TEST(Import, EncodesWhatItDecodes) {
  for (const auto& [type, lowest, highest] : {std::tuple{DataType::Int2, -2, 1},
                                              {DataType::UInt2, 0, 3},
                                              {DataType::Int4, -8, 7},
                                              {DataType::UInt4, 0, 15},
                                              {DataType::Int8, -128, 127},
                                              {DataType::UInt8, 0, 255},
                                              {DataType::Int16, -32768, 32767},
                                              {DataType::Int64, -70000, 70000}}) {
    Ints values;
    for (std::int64_t value = lowest; value <= highest; value += 1 + (highest - lowest) / 300) {
      values.push_back(value);
    }
    const auto count = static_cast<std::int64_t>(values.size());
    EXPECT_EQ(value_or_throw(decode(encode("t", {count}, type, values), {})).ints(), values);
  }
}

TEST(Import, TakesOpenExtentsFromTheUser) {
  File file(17, {3, 5, 0});
  file.node("Relu", "y", {"x"});
  EXPECT_THAT(file.error(), HasSubstr("its extent 3 is open; give the shape of the image"));
  EXPECT_EQ(value_or_throw(file.import({.input_shape = {3, 5, 7}})).node(0).type.shape,
            (Shape{3, 5, 7}));
}

TEST(Import, FoldsTheShapeArithmeticOfExporters) {
  // x.view(x.size(0), -1), as PyTorch writes it.
  File file;
  file.node("Shape", "shape", {"x"});
  *file.graph().add_initializer() = encode("zero", {}, DataType::Int64, Ints{0});
  file.node("Gather", "batch", {"shape", "zero"}).set("axis", std::int64_t{0});
  file.node("Unsqueeze", "batch1", {"batch", file.builder.add_integers("axes", {0})});
  file.node("Concat", "target", {"batch1", file.builder.add_integers("open", {-1})})
      .set("axis", std::int64_t{0});
  file.node("Reshape", "y", {"x", "target"});
  const Network network = value_or_throw(file.import());
  EXPECT_EQ(network.nodes().size(), 2U);
  EXPECT_EQ(network.node(1).type.shape, (Shape{32}));
}

TEST(Import, ShufflesChannels) {
  File file(17, {4, 1, 2});
  file.node("Reshape", "groups", {"x", file.builder.add_integers("a", {0, 2, 2, 1, 2})});
  file.node("Transpose", "swapped", {"groups"}).set("perm", Ints{0, 2, 1, 3, 4});
  file.node("Reshape", "y", {"swapped", file.builder.add_integers("b", {-1, 4, 1, 2})});
  EXPECT_THAT(run(value_or_throw(file.import())), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
}

TEST(Import, MovesDepthToSpace) {
  File file(17, {4, 1, 1});
  file.node("DepthToSpace", "y", {"x"}).set("blocksize", std::int64_t{2});
  const Network network = value_or_throw(file.import());
  EXPECT_EQ(network.node(1).type.shape, (Shape{1, 2, 2}));
  EXPECT_THAT(run(network), ElementsAre(0, 1, 2, 3));
  File odd(17, {6, 1, 1});
  odd.node("DepthToSpace", "y", {"x"}).set("blocksize", std::int64_t{2});
  EXPECT_FALSE(odd.import());
}

TEST(Import, SplitsAndJoinsChannels) {
  File file(17, {3, 1, 1});
  auto* split = file.graph().add_node();
  split->set_op_type("Split");
  split->add_input("x");
  split->add_input(file.builder.add_integers("sizes", {1, 2}));
  split->add_output("first");
  split->add_output("rest");
  NodeBuilder(*split).set("axis", std::int64_t{1});
  file.node("Concat", "y", {"rest", "first"}).set("axis", std::int64_t{1});
  EXPECT_THAT(run(value_or_throw(file.import())), ElementsAre(1, 2, 0));
}

TEST(Import, PadsAsAutoPadSays) {
  const auto shape_with = [](const std::string& kind) {
    File file(17, {1, 5, 5});
    file.node("Conv", "y", {"x", file.floats("w", {1, 1, 2, 2}, {1, 1, 1, 1})})
        .set("auto_pad", kind)
        .set("strides", Ints{2, 2});
    const Network network = value_or_throw(file.import());
    return std::pair{network.node(1).type.shape, run(network)[0]};
  };
  EXPECT_EQ(shape_with("SAME_UPPER"), (std::pair{Shape{1, 3, 3}, 0.0F + 1 + 5 + 6}));
  EXPECT_EQ(shape_with("SAME_LOWER"), (std::pair{Shape{1, 3, 3}, 0.0F}));
  EXPECT_EQ(shape_with("VALID"), (std::pair{Shape{1, 2, 2}, 12.0F}));
}

TEST(Import, PaddingBecomesThatOfTheConvolutionBehindIt) {
  const auto result_of = [](const Ints& around, const Ints& pads) {
    File file(17, {1, 4, 4});
    file.node("Pad", "padded", {"x", file.builder.add_integers("around", around)});
    file.node("Conv", "y", {"padded", file.floats("w", {1, 1, 3, 3}, counting(9))})
        .set("pads", pads);
    return run(value_or_throw(file.import()));
  };
  EXPECT_EQ(result_of({0, 0, 1, 0, 0, 0, 0, 2}, {0, 1, 1, 0}),
            result_of({0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 1, 2}));
  File huge;
  huge.node("Pad", "y",
            {"x", huge.builder.add_integers("p", {0, 0, std::int64_t{1} << 62, 0, 0, 0, 0, 0})});
  EXPECT_THAT(huge.error(), HasSubstr("outside 0 to 65536"));
}

TEST(Import, ArithmeticWithConstants) {
  const auto result_of = [](const std::string& operation, bool constant_first) {
    File file(17, {2, 1, 2});
    const std::string c = file.floats("c", {2, 1, 1}, {2, 4});
    file.node(operation, "y",
              constant_first ? std::vector{c, std::string("x")} : std::vector{std::string("x"), c});
    return run(value_or_throw(file.import()));
  };
  EXPECT_THAT(result_of("Add", false), ElementsAre(2, 3, 6, 7));
  EXPECT_THAT(result_of("Sub", false), ElementsAre(-2, -1, -2, -1));
  EXPECT_THAT(result_of("Sub", true), ElementsAre(2, 1, 2, 1));
  EXPECT_THAT(result_of("Mul", true), ElementsAre(0, 2, 8, 12));
  EXPECT_THAT(result_of("Div", false), ElementsAre(0, 0.5F, 0.5F, 0.75F));
  File divided;
  divided.node("Div", "y", {divided.floats("c", {}, {1}), "x"});
  EXPECT_THAT(divided.error(), HasSubstr("'y' (Div): a division by a value"));
  File inside;
  inside.node("Add", "y", {"x", inside.floats("c", {2, 4, 4}, counting(32))});
  EXPECT_THAT(inside.error(), HasSubstr("expected one element for each channel"));
}

TEST(Import, RoundsPoolsUpWhereAsked) {
  File file(17, {1, 4, 4});
  file.node("MaxPool", "y", {"x"})
      .set("kernel_shape", Ints{3, 3})
      .set("strides", Ints{2, 2})
      .set("ceil_mode", std::int64_t{1});
  EXPECT_THAT(run(value_or_throw(file.import())), ElementsAre(10, 11, 14, 15));
  File mean(17, {1, 4, 4});
  mean.node("AveragePool", "y", {"x"})
      .set("kernel_shape", Ints{3, 3})
      .set("strides", Ints{2, 2})
      .set("ceil_mode", std::int64_t{1});
  EXPECT_THAT(run(value_or_throw(mean.import())), ElementsAre(5, 6.5F, 11, 12.5F));
}

TEST(Import, PoolsOfOnePixel) {
  File same(17, {1, 2, 2});
  same.node("AveragePool", "y", {"x"}).set("kernel_shape", Ints{1, 1});
  EXPECT_THAT(run(value_or_throw(same.import())), ElementsAre(0, 1, 2, 3));
  File padded(17, {1, 2, 2});
  padded.node("AveragePool", "y", {"x"})
      .set("kernel_shape", Ints{1, 1})
      .set("pads", Ints{1, 0, 0, 0});
  EXPECT_THAT(padded.error(), HasSubstr("expected padding smaller than the kernel"));
}

TEST(Import, MeansOverRowsAndColumns) {
  const auto mean = [](std::int64_t opset, Ints axes, std::int64_t keep) {
    File file(opset, {2, 2, 2});
    std::vector<std::string> inputs{"x"};
    if (opset >= 18) inputs.push_back(file.builder.add_integers("axes", axes));
    auto node = file.node("ReduceMean", "y", inputs);
    node.set("keepdims", keep);
    if (opset < 18) node.set("axes", axes);
    if (opset >= 18) node.set("noop_with_empty_axes", std::int64_t{0});
    return file.import();
  };
  for (const std::int64_t opset : {13, 18}) {
    const Network kept = value_or_throw(mean(opset, {2, 3}, 1));
    EXPECT_EQ(kept.node(kept.output()).type.shape, (Shape{2, 1, 1}));
    EXPECT_THAT(run(kept), ElementsAre(1.5F, 5.5F));
    const Network flat = value_or_throw(mean(opset, {-1, -2}, 0));
    EXPECT_EQ(flat.node(flat.output()).type.shape, (Shape{2}));
    EXPECT_THAT(mean(opset, {1}, 1).error().message, HasSubstr("a mean over other axes"));
  }
}

// The factors of squeeze and excitation, made flat for a layer and an image again behind it.
TEST(Import, SqueezesAndUnsqueezes) {
  File file(17, {2, 2, 2});
  file.node("GlobalAveragePool", "mean", {"x"});
  file.node("Squeeze", "flat", {"mean", file.builder.add_integers("a", {2, 3})});
  file.node("Gemm", "fc", {"flat", file.floats("fc.weight", {2, 2}, {1, 0, 0, 2})});
  file.node("Unsqueeze", "factors", {"fc", file.builder.add_integers("b", {2, 3})});
  file.node("Mul", "y", {"x", "factors"});
  const Network network = value_or_throw(file.import());
  EXPECT_EQ(network.node(*network.find("flat")).type.shape, (Shape{2}));
  EXPECT_EQ(network.node(*network.find("factors")).type.shape, (Shape{2, 1, 1}));
  EXPECT_THAT(run(network), ElementsAre(0, 1.5F, 3, 4.5F, 44, 55, 66, 77));
}

TEST(Import, ReadsMatrixProducts) {
  // y = x W + b as MatMul and Add, and as Gemm with factors.
  File file(17, {1, 1, 2});
  file.node("Flatten", "flat", {"x"});
  file.node("MatMul", "product", {"flat", file.floats("w", {2, 3}, {1, 2, 3, 4, 5, 6})});
  file.node("Add", "y", {file.floats("b", {3}, {10, 20, 30}), "product"});
  EXPECT_THAT(run(value_or_throw(file.import())), ElementsAre(14, 25, 36));
  File gemm(17, {1, 1, 2});
  gemm.node("Flatten", "flat", {"x"});
  gemm.node("Gemm", "y",
            {"flat", gemm.floats("w", {3, 2}, {1, 2, 3, 4, 5, 6}), gemm.floats("c", {1}, {8})})
      .set("transB", std::int64_t{1})
      .set("alpha", 2.0F)
      .set("beta", 0.5F);
  EXPECT_THAT(run(value_or_throw(gemm.import())), ElementsAre(8, 12, 16));
}

TEST(Import, ReadsClipInBothForms) {
  File old(8, {1, 1, 4});
  old.node("Clip", "y", {"x"}).set("min", 1.0F).set("max", 2.0F);
  EXPECT_THAT(run(value_or_throw(old.import())), ElementsAre(1, 1, 2, 2));
  File current(17, {1, 1, 4});
  current.node("Clip", "y", {"x", "", current.floats("max", {}, {1.5F})});
  EXPECT_THAT(run(value_or_throw(current.import())), ElementsAre(0, 1, 1.5F, 1.5F));
}

TEST(Import, NamesLayersAfterTheirWeights) {
  File file(17, {1, 1, 1});
  file.node("Conv", "Conv_0", {"x", file.floats("layer1.0.conv1.weight", {1, 1, 1, 1}, {1})});
  file.node("Relu", "/odd name(1)", {"Conv_0"});
  file.node("Relu", "y", {"/odd name(1)"});
  const Network network = value_or_throw(file.import());
  EXPECT_TRUE(network.find("layer1.0.conv1"));
  EXPECT_TRUE(network.find("/odd_name_1_"));
}

}  // namespace
}  // namespace pact::onnx
