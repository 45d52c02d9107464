// SPDX-License-Identifier: Apache-2.0
// Files that no exporter writes: each is refused, with what is wrong about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "pact/onnx/small_file_test.h"

namespace pact::onnx {
namespace {

using namespace small_files;
using testing::HasSubstr;
using testing::Not;

TEST(Refusal, RefusesOperationsWhoseInputsAreLeftOut) {
  const std::vector<std::vector<std::string>> left_out = {
      {}, {""}, {"x"}, {"c"}, {"", "x"}, {"x", ""}, {"", "c"}, {"c", ""}};
  for (const char* operation : {"Add",
                                "AveragePool",
                                "BatchNormalization",
                                "Cast",
                                "Clip",
                                "Concat",
                                "Conv",
                                "ConvTranspose",
                                "DepthToSpace",
                                "DequantizeLinear",
                                "Div",
                                "Dropout",
                                "Flatten",
                                "Gather",
                                "Gemm",
                                "GlobalAveragePool",
                                "HardSigmoid",
                                "HardSwish",
                                "Identity",
                                "LeakyRelu",
                                "MatMul",
                                "MaxPool",
                                "Mul",
                                "Pad",
                                "QuantizeLinear",
                                "ReduceMean",
                                "Relu",
                                "Reshape",
                                "Resize",
                                "Shape",
                                "Sigmoid",
                                "Slice",
                                "Softmax",
                                "Split",
                                "Squeeze",
                                "Sub",
                                "Transpose",
                                "Unsqueeze",
                                "Upsample"}) {
    for (const auto& inputs : left_out) {
      File file;
      file.floats("c", {2}, {1, 2});
      file.node(operation, "y", inputs);
      SCOPED_TRACE(operation);
      const std::string error = file.error();
      EXPECT_THAT(error, Not(HasSubstr("not supported:")));
      const bool has_first = !inputs.empty() && !inputs.front().empty();
      EXPECT_TRUE(has_first || error != "no error");
    }
  }
}

TEST(Refusal, RefusesAxesThatNoTensorHas) {
  for (const std::int64_t axis : {std::numeric_limits<std::int64_t>::max(),
                                  std::numeric_limits<std::int64_t>::min(), std::int64_t{4}}) {
    for (const char* operation : {"Flatten", "Softmax"}) {
      File file;
      file.node(operation, "y", {"x"}).set("axis", axis);
      EXPECT_THAT(file.error(), HasSubstr(text(" extent ", axis))) << operation;
    }
    File file;
    file.node("Concat", "y", {"x", "x"}).set("axis", axis);
    EXPECT_THAT(file.error(), HasSubstr(text(" extent ", axis)));
  }
}

TEST(Refusal, AnOutputThatANodeMakesTwice) {
  File file;
  file.node("Split", "y", {"x"}).set("axis", std::int64_t{1});
  file.graph().mutable_node(0)->add_output("y");
  EXPECT_THAT(file.error(), HasSubstr("'y' is made twice"));
}

TEST(Refusal, ArithmeticOnNoElements) {
  File file;
  file.floats("one", {1, 1}, {2});
  file.floats("none", {0}, {});
  file.node("Add", "sum", {"one", "none"});
  file.node("Transpose", "y", {"sum"});
  EXPECT_THAT(file.error(), HasSubstr("arithmetic on constants of shapes 1x1 and 0"));
}

TEST(Refusal, AGatherFromAMatrix) {
  File file;
  file.builder.add_tensor(encode("matrix", {2, 2}, DataType::Int64, {1, 2, 3, 4}));
  file.builder.add_integers("place", {0});
  file.node("Gather", "y", {"matrix", "place"});
  EXPECT_THAT(file.error(), HasSubstr("a gather from other constants than vectors"));
}

TEST(Refusal, ConstantsThatDoubleWithoutEnd) {
  File file;
  std::string last = file.floats("c", {8}, std::vector<float>(8));
  for (int i = 0; i < 40; ++i) {
    const std::string next = text("c", i);
    file.node("Concat", next, {last, last}).set("axis", std::int64_t{0});
    last = next;
  }
  file.node("Add", "y", {"x", last});
  EXPECT_THAT(file.error(), HasSubstr("far larger than the file"));
}

TEST(Refusal, WeightsWithoutElements) {
  File file;
  file.node("Flatten", "flat", {"x"});
  file.floats("w", {0, std::int64_t{1} << 31}, {});
  file.floats("b", {1}, {1});
  file.node("Gemm", "y", {"flat", "w", "b"});
  EXPECT_THAT(file.error(), HasSubstr("weights of shape 0x2147483648"));
}

TEST(Refusal, AViewIsNotTheValueItWasMadeFrom) {
  File file(17, {16, 2, 2});
  file.node("Reshape", "five", {"x", file.builder.add_integers("s1", {-1, 4, 4, 2, 2})});
  file.node("Transpose", "turned", {"five"}).set("perm", Ints{0, 1, 3, 4, 2});
  file.node("Reshape", "again", {"turned", file.builder.add_integers("s2", {-1, 4, 2, 2, 4})});
  file.node("Softmax", "y", {"again"}).set("axis", std::int64_t{1});
  EXPECT_THAT(file.error(), HasSubstr("has the extents batch x 4x2x2x4"));
}

TEST(Refusal, ClippedIntegersStayInsideTheirType) {
  for (const std::int64_t bound :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    File file;
    file.floats("scale", {}, {0.5F});
    file.builder.add_tensor(encode("bound", {}, DataType::Int64, {bound}));
    file.node("QuantizeLinear", "codes", {"x", "scale"});
    file.node("Clip", "clipped", {"codes", "bound", "bound"});
    file.node("DequantizeLinear", "y", {"clipped", "scale"});
    EXPECT_THAT(file.error(), HasSubstr(bound < 0 ? "from 0 to 0 " : "from 255 to 255 "));
  }
}

TEST(Refusal, AnInputWithoutAShapeIsThatOfTheUser) {
  File file;
  file.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  file.node("Relu", "y", {"x"});
  EXPECT_FALSE(file.import());
  EXPECT_TRUE(file.import({.input_shape = {2, 4, 4}}));
}

}  // namespace
}  // namespace pact::onnx
