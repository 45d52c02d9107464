// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "pact/onnx/document.h"
#include "pact/onnx/export.h"

namespace pact::onnx {
namespace {

using namespace graph;
using testing::HasSubstr;

// Pixels -> levels -> a layer with weights on `weights` -> levels on `grid` -> floats.
Network layer(const numeric::Grid& weights, const numeric::Grid& grid) {
  Network n;
  n.name = "layer";
  n.preprocessing = {{0.5F}, {0.25F}};
  value_or_throw(n.add("image", Input{1, 2, 2, ImageElement::Pixels}, {}));
  const auto pixels = numeric::affine_grid(8, 3);
  value_or_throw(n.add("pixels", Lookup{PixelTable::Levels, pixels, 0.5F}, {0}));
  std::vector<std::int32_t> table;
  for (int pixel = 0; pixel < 256; ++pixel) {
    const auto level = static_cast<std::int32_t>(std::lround((pixel / 255.0 - 0.5) / 0.125));
    table.push_back(std::clamp(level, pixels.lowest, pixels.highest()));
  }
  n.set_parameter(1, "table", Tensor::i32({1, 256}, std::move(table)));
  value_or_throw(n.add("conv", IntConv2d{.out_channels = 2, .weights = weights}, {1}));
  n.set_parameter(2, "weight",
                  Tensor::i32({2, 1, 1, 1}, {weights.level(0), weights.level(weights.codes - 1)}));
  value_or_throw(n.add("act", Requantize{4, grid, 0.25F}, {2}));
  n.set_parameter(3, "multiplier", Tensor::i32({1, 2}, {8, -16}));
  n.set_parameter(3, "offset", Tensor::i64({2}, {32, 0}));
  value_or_throw(n.add("out", Dequantize{}, {3}));
  n.set_parameter(4, "scale", Tensor::f32({1, 2}, {0.25F, 0.25F}));
  n.set_parameter(4, "offset", Tensor::f32({2}, {0, 0}));
  return n;
}

pb::ModelProto exported(const Network& network, const ExportOptions& options = {}) {
  const std::string bytes = value_or_throw(export_quantized(network, options));
  return value_or_throw(parse_model(std::as_bytes(std::span(bytes))));
}

const pb::TensorProto* find(const pb::ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return &tensor;
  }
  return nullptr;
}

std::vector<std::string> operations(const pb::ModelProto& model) {
  std::vector<std::string> result;
  for (const auto& node : model.graph().node()) result.push_back(node.op_type());
  return result;
}

TEST(ExportQdq, TakesTheNarrowestTypeThatHoldsTheGrid) {
  struct Case {
    int bits;
    std::int64_t opset;  // asked for
    std::int64_t found;
    DataType weights;
    DataType activations;
    bool clipped;
  };
  const Case cases[] = {{2, 0, 25, DataType::Int2, DataType::UInt8, true},
                        {2, 21, 21, DataType::Int4, DataType::UInt8, true},
                        {2, 13, 13, DataType::Int8, DataType::UInt8, true},
                        {3, 0, 21, DataType::Int4, DataType::UInt8, true},
                        {4, 0, 21, DataType::Int4, DataType::UInt4, false},
                        {4, 13, 13, DataType::Int8, DataType::UInt8, true},
                        {5, 0, 13, DataType::Int8, DataType::UInt8, true},
                        {8, 0, 13, DataType::Int8, DataType::UInt8, false}};
  for (const Case& c : cases) {
    SCOPED_TRACE(text(c.bits, " bits, operator set ", c.opset));
    const auto model = exported(
        layer(numeric::symmetric_grid(c.bits), numeric::unsigned_grid(c.bits)), {.opset = c.opset});
    EXPECT_EQ(model.opset_import(0).version(), c.found);
    ASSERT_NE(find(model, "conv.weight.codes"), nullptr);
    EXPECT_EQ(find(model, "conv.weight.codes")->data_type(), static_cast<int>(c.weights));
    EXPECT_EQ(find(model, "act.zero_point")->data_type(), static_cast<int>(c.activations));
    EXPECT_EQ(find(model, "act.highest") != nullptr, c.clipped);
  }
}

// ONNX Runtime gives the memory of 4 bits to 8 where shapes are equal, and writes beyond its end.
TEST(ExportQdq, HasNoFourBitsBesideEightOfTheSameShape) {
  Network network = layer(numeric::symmetric_grid(4), numeric::unsigned_grid(8));
  const NodeId act = 3;
  const NodeId narrow =
      value_or_throw(network.add("narrow", Requantize{4, numeric::unsigned_grid(4), 0.5F}, {act}));
  network.set_parameter(narrow, "multiplier", Tensor::i32({1, 2}, {8, 8}));
  network.set_parameter(narrow, "offset", Tensor::i64({2}, {0, 0}));
  const NodeId out = value_or_throw(network.add("narrow.out", Dequantize{}, {narrow}));
  network.set_parameter(out, "scale", Tensor::f32({1, 2}, {0.5F, 0.5F}));
  network.set_parameter(out, "offset", Tensor::f32({2}, {0, 0}));
  const auto model = exported(network);
  EXPECT_EQ(find(model, "narrow.zero_point")->data_type(), static_cast<int>(DataType::UInt8));
  EXPECT_NE(find(model, "narrow.highest"), nullptr);
}

TEST(ExportQdq, PutsRequantizationIntoTheScaleOfTheWeightsAndABias) {
  const auto model = exported(layer(numeric::symmetric_grid(4), numeric::unsigned_grid(4)));
  // multiplier / 2^shift * scale of the result / scale of the input; a negative one turns levels.
  EXPECT_THAT(value_or_throw(decode(*find(model, "conv.weight.scale"), {})).floats(),
              testing::ElementsAre(0.25F, 0.5F));
  EXPECT_THAT(value_or_throw(decode(*find(model, "conv.weight.codes"), {})).ints(),
              testing::ElementsAre(-7, -7));
  EXPECT_THAT(value_or_throw(decode(*find(model, "act.offset"), {})).floats(),
              testing::ElementsAre(0.5F, 0));
  EXPECT_THAT(operations(model),
              testing::ElementsAre("QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Conv",
                                   "Add", "QuantizeLinear", "DequantizeLinear", "Identity"));
}

TEST(ExportQdq, HasTheOperatorSetOfItsOperations) {
  Network network = layer(numeric::symmetric_grid(8), numeric::unsigned_grid(8));
  const NodeId swish =
      value_or_throw(network.add("swish", Pointwise{numeric::Function::HardSwish, 0, 0}, {4}));
  network.set_output(swish);
  EXPECT_EQ(exported(network).opset_import(0).version(), 14);
  EXPECT_THAT(export_quantized(network, {.opset = 13}).error().message,
              HasSubstr("expected an operator set from 14 to 25, found 13"));
}

TEST(ExportQdq, OddGridsAreExact) {
  for (int bits = 1; bits <= 8; ++bits) {
    const numeric::Grid grid = numeric::odd_grid(bits);
    const auto model = exported(layer(grid, numeric::unsigned_grid(8)));
    const auto codes = value_or_throw(decode(*find(model, "conv.weight.codes"), {})).ints();
    const auto middle = value_or_throw(decode(*find(model, "conv.weight.middle"), {})).ints()[0];
    EXPECT_EQ(2 * (codes[0] - middle) + 1, grid.lowest) << bits;
    EXPECT_EQ(2 * (codes[1] - middle) + 1, grid.lowest) << bits;  // turned by its scale
  }
}

TEST(ExportQonnx, HasOneQuantNodeForEachGrid) {
  const auto model = exported(layer(numeric::odd_grid(4), numeric::unsigned_grid(3)),
                              {.format = ExportFormat::Qonnx});
  EXPECT_THAT(operations(model),
              testing::ElementsAre("Quant", "Quant", "Conv", "Add", "Quant", "Identity"));
  EXPECT_EQ(model.graph().node(0).domain(), "qonnx.custom_op.general");
  EXPECT_THAT(value_or_throw(decode(*find(model, "conv.weight.zero_point"), {})).floats(),
              testing::ElementsAre(7.5F));
}

// Sums of a pool, their channels among zeros.
TEST(ExportQdq, MovesAccumulatorsThatAShortcutMoves) {
  Network n = layer(numeric::symmetric_grid(4), numeric::unsigned_grid(4));
  const NodeId pool = value_or_throw(n.add("pool", SumPool{{2, 2}, {2, 2}}, {3}));
  const NodeId moved = value_or_throw(n.add("moved", Shortcut{{1, 1}, 1, 3}, {pool}));
  const NodeId out = value_or_throw(n.add("sum", Dequantize{}, {moved}));
  n.set_parameter(out, "scale", Tensor::f32({1, 6}, {9, 0.5F, 0.25F, 9, 9, 9}));
  n.set_parameter(out, "offset", Tensor::f32({6}, {0, 0, 0, 0, 0, 0}));
  n.set_output(out);
  const auto model = exported(n);
  const auto found = operations(model);
  const std::vector<std::string> expected{"AveragePool", "Mul", "Slice", "Pad", "Identity"};
  ASSERT_GE(found.size(), expected.size());
  EXPECT_EQ(std::vector(found.end() - 5, found.end()), expected);
  // Of the pool's channels alone: scale * area / (what a level is worth).
  const pb::TensorProto* factor = find(model, "sum.term0.moved.factor");
  ASSERT_NE(factor, nullptr);
  EXPECT_THAT(value_or_throw(decode(*factor, {})).floats(), testing::ElementsAre(8, 4));
}

TEST(ExportQuantized, RefusesWhatItCannotSay) {
  Network floats;
  value_or_throw(floats.add("image", Input{1, 2, 2}, {}));
  EXPECT_THAT(export_quantized(floats).error().message, HasSubstr("expected a lowered network"));
  const auto stream = layer(numeric::symmetric_grid(8), numeric::symmetric_grid(16));
  EXPECT_TRUE(export_quantized(stream));
  EXPECT_THAT(export_quantized(stream, {.opset = 17}).error().message,
              HasSubstr("node 'act': streams of 16 bits need operator set 21"));
}

}  // namespace
}  // namespace pact::onnx
