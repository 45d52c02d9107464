// SPDX-License-Identifier: Apache-2.0
// Files as quantizing tools write them, imported and lowered: the integer network computes what the
// imported one means.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "pact/base/file.h"
#include "pact/onnx/builder.h"
#include "pact/onnx/same_results_test.h"

namespace pact::onnx {
namespace {

using namespace graph;
using testing::HasSubstr;

using Ints = std::vector<std::int64_t>;

Ints random_levels(std::size_t count, int lowest, int highest, unsigned seed) {
  std::mt19937 random(seed);
  const auto span = static_cast<std::uint32_t>(highest - lowest + 1);
  Ints result(count);
  for (auto& level : result) level = lowest + static_cast<std::int64_t>(random() % span);
  return result;
}

// A file of images {2, 6, 6} and 3 results.
class QuantizedFile {
 public:
  explicit QuantizedFile(std::int64_t opset) : builder("quantized", opset) {
    builder.add_input("image", {2, 6, 6});
    builder.add_output("result", {3});
  }
  std::string integers(const std::string& name, DataType type, const Shape& shape, Ints values) {
    builder.add_tensor(encode(name, shape, type, values));
    return name;
  }
  std::string floats(const std::string& name, const Shape& shape, std::vector<float> values) {
    return builder.add_constant(name, Tensor::f32(shape, std::move(values)));
  }
  std::string scalar(const std::string& name, float value) { return floats(name, {}, {value}); }
  NodeBuilder node(const std::string& operation, const std::string& name,
                   const std::vector<std::string>& inputs, const std::string& domain = {}) {
    return builder.add_node(operation, name, inputs, domain);
  }

  // QuantizeLinear, a Clip if `highest` says so, and DequantizeLinear.
  std::string qdq(const std::string& name, const std::string& input, float scale, DataType type,
                  std::int64_t zero_point, std::optional<std::pair<int, int>> clip = {}) {
    const std::string s = scalar(name + ".scale", scale);
    const std::string z = integers(name + ".zero_point", type, {}, {zero_point});
    node("QuantizeLinear", name + ".codes", {input, s, z});
    std::string codes = name + ".codes";
    if (clip) {
      node("Clip", name + ".clipped",
           {codes, integers(name + ".min", type, {}, {clip->first}),
            integers(name + ".max", type, {}, {clip->second})});
      codes = name + ".clipped";
    }
    node("DequantizeLinear", name, {codes, s, z});
    return name;
  }

  // Int8 weights of one scale.
  std::string weight(const std::string& layer, const Shape& shape, float scale) {
    const auto count = static_cast<std::size_t>(element_count(shape));
    integers(layer + ".codes", DataType::Int8, shape, random_levels(count, -127, 127, 4));
    node("DequantizeLinear", layer + ".weight",
         {layer + ".codes", scalar(layer + ".scale", scale)});
    return layer + ".weight";
  }

  Result<Network> import() {
    const std::string bytes = value_or_throw(builder.finish());
    auto network = import_network(std::as_bytes(std::span(bytes)), {});
    if (network) network->preprocessing = {{0.5F, 0.4F}, {0.25F, 0.3F}};
    return network;
  }

  ModelBuilder builder;
};

// Lowers, and compares with the imported network on images of random pixels. The integer network
// may differ by its roundings: by `step` in few results.
Network expect_lowers(const Network& network, float step) {
  auto lowered = lower::lower(network);
  EXPECT_TRUE(lowered) << (lowered ? "" : lowered.error().message);
  if (!lowered) return {};
  for (const Node& node : lowered->nodes()) {
    const bool is_float_layer = node.as<Conv2d>() != nullptr || node.as<Linear>() != nullptr ||
                                node.as<BatchNorm>() != nullptr || node.as<Relu>() != nullptr;
    EXPECT_FALSE(is_float_layer) << node.name;
  }
  std::mt19937 random(7);
  int differing = 0;
  for (int image = 0; image < 20; ++image) {
    const std::vector<std::int32_t> pixels = random_pixels(network, random);
    std::vector<float> floats;
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const std::size_t c = i / 36;
      floats.push_back((static_cast<float>(pixels[i]) / 255.0F - network.preprocessing.mean[c]) /
                       network.preprocessing.std[c]);
    }
    const auto expected = outputs(network, Value(floats));
    const auto found = outputs(*lowered, Value(pixels));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], step + 1e-5F) << "image " << image;
      differing += std::abs(found[i] - expected[i]) > 1e-5F ? 1 : 0;
    }
  }
  EXPECT_LE(differing, 6) << "of 60 results";
  return std::move(*lowered);
}

// A residual block of 8-bit QDQ as static quantization writes it: int8 weights per channel, int32
// biases, uint8 activations with zero points, ReLU left in.
QuantizedFile residual_block() {
  QuantizedFile f(17);
  const std::string x = f.qdq("x", "image", 0.03F, DataType::UInt8, 100);
  const auto layer = [&](const std::string& name, const std::string& input, std::int64_t inputs) {
    const auto count = static_cast<std::size_t>(4 * inputs * 9);
    f.integers(name + ".codes", DataType::Int8, {4, inputs, 3, 3},
               random_levels(count, -127, 127, 1 + static_cast<unsigned>(inputs)));
    f.floats(name + ".scales", {4}, {0.001F, 0.002F, 0.0015F, 0.0008F});
    f.integers(name + ".zeros", DataType::Int8, {4}, {0, 0, 0, 0});
    f.node("DequantizeLinear", name + ".weight",
           {name + ".codes", name + ".scales", name + ".zeros"})
        .set("axis", std::int64_t{0});
    f.integers(name + ".bias.codes", DataType::Int32, {4}, {1000, -2000, 300, 0});
    f.node(
         "DequantizeLinear", name + ".bias",
         {name + ".bias.codes", f.floats(name + ".bias.scales", {4}, {3e-5F, 6e-5F, 5e-5F, 2e-5F})})
        .set("axis", std::int64_t{0});
    f.node("Conv", name, {input, name + ".weight", name + ".bias"}).set("pads", Ints{1, 1, 1, 1});
  };
  layer("conv1", x, 2);
  f.node("Relu", "relu1", {"conv1"});
  const std::string a = f.qdq("a", "relu1", 0.02F, DataType::UInt8, 0);
  layer("conv2", a, 4);
  const std::string b = f.qdq("b", "conv2", 0.05F, DataType::Int8, 3);
  f.node("Add", "sum", {a, b});
  f.node("Relu", "relu2", {"sum"});
  f.qdq("c", "relu2", 0.03F, DataType::UInt8, 0);
  f.node("GlobalAveragePool", "pool", {"c"});
  f.qdq("d", "pool", 0.02F, DataType::UInt8, 0);
  f.node("Flatten", "flat", {"d"});
  f.integers("fc.codes", DataType::Int8, {3, 4}, random_levels(12, -128, 127, 5));
  f.node("DequantizeLinear", "fc.weight", {"fc.codes", f.scalar("fc.scale", 0.01F)});
  f.node("Gemm", "fc", {"flat", "fc.weight", f.floats("fc.bias", {3}, {0.1F, -0.2F, 0.3F})})
      .set("transB", std::int64_t{1});
  f.qdq("result", "fc", 0.02F, DataType::UInt8, 128);
  return f;
}

TEST(ImportQdq, ResidualBlockLowersToIntegers) {
  QuantizedFile file = residual_block();
  const Network network = value_or_throw(file.import());
  const Network lowered = expect_lowers(network, 0.02F);
  EXPECT_EQ(lowered.node(*lowered.find("conv1")).as<IntConv2d>()->weights.bits, 8);
}

TEST(ImportQdq, EachTypeHasItsGrid) {
  struct Case {
    DataType type;
    std::int64_t zero_point;
    std::optional<std::pair<int, int>> clip;
    const char* grid;
  };
  const Case cases[] = {{DataType::UInt8, 0, {}, "u8"},
                        {DataType::UInt8, 114, {}, "a8-114"},
                        {DataType::Int8, -128, {}, "u8"},
                        {DataType::Int8, 0, {}, "a8-128"},
                        {DataType::Int8, 0, {{-127, 127}}, "s8"},
                        {DataType::UInt4, 0, {}, "u4"},
                        {DataType::Int4, 0, {{-7, 7}}, "s4"},
                        {DataType::UInt2, 0, {}, "u2"},
                        {DataType::UInt8, 0, {{0, 7}}, "u3"},
                        {DataType::Int8, 0, {{-8, 7}}, "a4-8"},
                        {DataType::Int16, 0, {{-32767, 32767}}, "s16"},
                        {DataType::Int16, 0, {}, "s16"}};
  for (const Case& c : cases) {
    QuantizedFile file(25);
    file.qdq("result", "image", 0.1F, c.type, c.zero_point, c.clip);
    const Network network = value_or_throw(file.import());
    EXPECT_EQ(numeric::name(network.node(1).as<Quantize>()->grid), c.grid);
  }
}

TEST(ImportQdq, SaysWhichNodeIsNoIntegerNetworkAndWhy) {
  QuantizedFile odd(17);
  odd.qdq("result", "image", 0.1F, DataType::UInt8, 0, {{0, 9}});
  EXPECT_THAT(odd.import().error().message,
              HasSubstr("node 'result' (DequantizeLinear): integers from 0 to 9"));
  QuantizedFile scales(17);
  scales.node("QuantizeLinear", "codes", {"image", scales.scalar("s", 0.1F)});
  scales.node("DequantizeLinear", "result", {"codes", scales.scalar("t", 0.2F)});
  EXPECT_THAT(scales.import().error().message,
              HasSubstr("node 'result' (DequantizeLinear): another scale"));
  QuantizedFile zero(17);
  zero.qdq("result", "image", 0, DataType::UInt8, 0);
  EXPECT_THAT(zero.import().error().message, HasSubstr("scales that are positive"));
  QuantizedFile dangling(17);
  dangling.node("QuantizeLinear", "codes", {"image", dangling.scalar("s", 0.1F)});
  dangling.node("Relu", "result", {"codes"});
  EXPECT_THAT(dangling.import().error().message,
              HasSubstr("node 'result' (Relu): its input 0 has the integers of a quantizer"));
  QuantizedFile weights_alone(17);
  weights_alone.node("Flatten", "flat", {"image"});
  weights_alone.integers("codes", DataType::Int8, {3, 72}, random_levels(216, -8, 7, 1));
  weights_alone.node("DequantizeLinear", "w", {"codes", weights_alone.scalar("s", 0.1F)});
  weights_alone.node("Gemm", "result", {"flat", "w"}).set("transB", std::int64_t{1});
  EXPECT_THAT(lower::lower(value_or_throw(weights_alone.import())).error().message,
              HasSubstr("node 'result': its weights are quantized, but its input is not"));
  QuantizedFile wide(17);
  wide.qdq("x", "image", 0.1F, DataType::UInt8, 0);
  wide.integers("codes", DataType::UInt8, {1, 2, 1, 1}, {0, 255});
  wide.node("DequantizeLinear", "w", {"codes", wide.scalar("s", 0.1F)});
  wide.node("Conv", "result", {"x", "w"});
  EXPECT_THAT(wide.import().error().message,
              HasSubstr("node 'result' (Conv): weights from 0 to 255"));
}

TEST(ImportQdq, RefusesIntegersOutsideTheirType) {
  QuantizedFile far(17);
  far.integers("codes", DataType::Int32, {1}, {5});
  far.integers("zero", DataType::Int64, {}, {std::numeric_limits<std::int64_t>::min()});
  far.node("DequantizeLinear", "w", {"codes", far.scalar("s", 1), "zero"});
  far.node("Add", "result", {"image", "w"});
  EXPECT_THAT(far.import().error().message,
              HasSubstr("node 'w' (DequantizeLinear): quantization to element type 7"));
  QuantizedFile outside(17);
  outside.integers("codes", DataType::Int32, {1}, {300});
  outside.integers("zero", DataType::Int8, {}, {0});
  outside.node("DequantizeLinear", "w", {"codes", outside.scalar("s", 1), "zero"});
  outside.node("Add", "result", {"image", "w"});
  EXPECT_THAT(outside.import().error().message, HasSubstr("integers from -128 to 127, found 300"));
}

// As Brevitas writes QCDQ: float weights through QuantizeLinear, Clip, DequantizeLinear; 4 bits.
TEST(ImportQcdq, LowersToTheBitsOfTheClips) {
  QuantizedFile f(13);
  f.qdq("x", "image", 0.25F, DataType::Int8, 0, {{-8, 7}});
  std::vector<float> weight;
  for (const auto level : random_levels(3 * 2 * 9, -9, 9, 3)) {
    weight.push_back(static_cast<float>(level) * 0.1F + 0.01F);
  }
  f.floats("conv.float", {3, 2, 3, 3}, weight);
  f.qdq("conv.weight", "conv.float", 0.1F, DataType::Int8, 0, {{-7, 7}});
  f.node("Conv", "conv", {"x", "conv.weight"}).set("strides", Ints{2, 2});
  f.node("Relu", "relu", {"conv"});
  f.qdq("y", "relu", 0.5F, DataType::UInt8, 0, {{0, 15}});
  f.node("GlobalAveragePool", "pool", {"y"});
  f.node("Flatten", "result", {"pool"});
  const Network network = value_or_throw(f.import());
  const Network lowered = expect_lowers(network, 0.5F);
  EXPECT_EQ(lowered.node(*lowered.find("conv")).as<IntConv2d>()->weights.bits, 4);
  EXPECT_EQ(numeric::name(lowered.node(*lowered.find("y.levels")).type.grid), "u4");
}

// As QONNX files are: Quant nodes on float weights and values, batch norm after the layer, a
// bipolar layer, and the weights of the last one transposed.
QuantizedFile qonnx_file(const std::string& domain) {
  const char* quant = domain == "onnx.brevitas" ? "Quant" : "IntQuant";
  QuantizedFile f(13);
  const std::string zero = f.scalar("zero", 0);
  const std::string four = f.scalar("four", 4);
  const auto add_quant = [&](const std::string& name, const std::string& input,
                             const std::string& scale, int is_signed, int narrow) {
    f.node(quant, name, {input, scale, zero, four}, domain)
        .set("signed", std::int64_t{is_signed})
        .set("narrow", std::int64_t{narrow})
        .set("rounding_mode", std::string("ROUND"));
  };
  const auto random_floats = [&](std::size_t count, unsigned seed) {
    std::vector<float> values;
    for (const auto level : random_levels(count, -99, 99, seed)) {
      values.push_back(static_cast<float>(level) * 0.01F);
    }
    return values;
  };
  add_quant("x", "image", f.scalar("x.scale", 0.25F), 1, 0);
  f.floats("conv.float", {4, 2, 3, 3}, random_floats(72, 1));
  f.floats("conv.scale", {4, 1, 1, 1}, {0.1F, 0.12F, 0.15F, 0.2F});
  add_quant("conv.weight", "conv.float", "conv.scale", 1, 1);
  f.node("Conv", "conv", {"x", "conv.weight"});
  f.floats("bn.weight", {4}, {1, -0.5F, 2, 1});
  f.floats("bn.bias", {4}, {0.5F, 1, 0, -1});
  f.floats("bn.mean", {4}, {0.1F, 0, 0.2F, 0.3F});
  f.floats("bn.var", {4}, {1, 2, 0.5F, 1});
  f.node("BatchNormalization", "bn", {"conv", "bn.weight", "bn.bias", "bn.mean", "bn.var"});
  f.node("Relu", "relu", {"bn"});
  add_quant("y", "relu", f.scalar("y.scale", 0.3F), 0, 0);
  f.floats("bipolar.float", {4, 4, 1, 1}, random_floats(16, 2));
  f.node("BipolarQuant", "bipolar.weight", {"bipolar.float", f.scalar("bipolar.scale", 0.5F)},
         domain);
  f.node("Conv", "bipolar", {"y", "bipolar.weight"});
  f.node("Mul", "scaled", {"bipolar", f.floats("factors", {4, 1, 1}, {1, 2, 0.5F, 1})});
  f.node("Relu", "relu2", {"scaled"});
  add_quant("z", "relu2", f.scalar("z.scale", 0.4F), 0, 0);
  f.node("MaxPool", "pool", {"z"}).set("kernel_shape", Ints{4, 4});
  f.node("Flatten", "flat", {"pool"});
  f.floats("fc.float", {3, 4}, random_floats(12, 3));
  add_quant("fc.weight", "fc.float", f.scalar("fc.scale", 0.13F), 1, 1);
  f.node("Transpose", "fc.transposed", {"fc.weight"});
  f.node("MatMul", "fc", {"flat", "fc.transposed"});
  f.node("Add", "result", {"fc", f.floats("fc.bias", {3}, {0.1F, 0.2F, 0.3F})});
  return f;
}

class ImportQonnx : public testing::TestWithParam<const char*> {};

TEST_P(ImportQonnx, LowersToTheBitWidthsOfTheQuantNodes) {
  QuantizedFile f = qonnx_file(GetParam());
  const Network network = value_or_throw(f.import());
  const Network lowered = expect_lowers(network, 2 * 7 * 0.13F * 0.4F);
  const auto grid_of = [&](const char* name) {
    const Node& node = lowered.node(*lowered.find(name));
    const auto* conv = node.as<IntConv2d>();
    return numeric::name(conv != nullptr ? conv->weights : node.as<IntLinear>()->weights);
  };
  EXPECT_EQ(grid_of("conv"), "a4-8");
  EXPECT_EQ(grid_of("bipolar"), "odd1");
  EXPECT_EQ(grid_of("fc"), "a4-8");
}

INSTANTIATE_TEST_SUITE_P(Domains, ImportQonnx,
                         testing::Values("qonnx.custom_op.general", "finn.custom_op.general",
                                         "onnx.brevitas"));

TEST(ImportQuantized, ExportsComeBackAsTheSameIntegerNetwork) {
  QuantizedFile file = residual_block();
  expect_same_after_export(value_or_throw(lower::lower(value_or_throw(file.import()))));
}

// A stream of 16 bits that a layer with a stride reads, and its shortcut pools and pads.
QuantizedFile pooled_shortcut() {
  QuantizedFile f(21);
  const std::string x = f.qdq("x", "image", 0.03F, DataType::UInt8, 100);
  f.node("Conv", "conv1", {x, f.weight("conv1", {4, 2, 1, 1}, 0.002F)});
  const std::string stream = f.qdq("s", "conv1", 0.00113F, DataType::Int16, 0);
  const std::string a = f.qdq("a", stream, 0.02F, DataType::UInt8, 110);
  f.node("Conv", "conv2", {a, f.weight("conv2", {8, 4, 2, 2}, 0.002F)}).set("strides", Ints{2, 2});
  f.node("AveragePool", "pooled", {stream})
      .set("kernel_shape", Ints{2, 2})
      .set("strides", Ints{2, 2});
  f.integers("pads", DataType::Int64, {8}, {0, 1, 0, 0, 0, 3, 0, 0});
  f.node("Pad", "padded", {"pooled", "pads"});
  f.node("Add", "sum", {"conv2", "padded"});
  const std::string b = f.qdq("b", "sum", 0.03F, DataType::UInt8, 110);
  f.node("GlobalAveragePool", "pool", {b});
  const std::string c = f.qdq("c", "pool", 0.01F, DataType::UInt8, 110);
  f.node("Flatten", "flat", {c});
  f.node("Gemm", "result", {"flat", f.weight("fc", {3, 8}, 0.01F)}).set("transB", std::int64_t{1});
  return f;
}

TEST(ImportQuantized, APooledShortcutMovesSums) {
  QuantizedFile file = pooled_shortcut();
  const Network lowered = expect_lowers(value_or_throw(file.import()), 8 * 0.01F * 1.27F);
  const Node& padded = lowered.node(*lowered.find("padded"));
  ASSERT_NE(padded.as<Shortcut>(), nullptr);
  EXPECT_EQ(padded.type.element, Element::Accumulator);
  expect_same_after_export(lowered);
}

// A strided layer whose levels are resized and spread, then padded and averaged.
QuantizedFile decoder() {
  QuantizedFile f(17);
  const std::string x = f.qdq("x", "image", 0.03F, DataType::UInt8, 100);
  f.node("Conv", "conv", {x, f.weight("conv", {4, 2, 2, 2}, 0.002F)}).set("strides", Ints{2, 2});
  const std::string a = f.qdq("a", "conv", 0.02F, DataType::UInt8, 110);
  f.node("Resize", "larger", {a, "", f.floats("factors", {4}, {1, 1, 2, 2})});
  f.node("ConvTranspose", "spread", {a, f.weight("spread", {4, 3, 3, 3}, 0.003F)})
      .set("strides", Ints{2, 2})
      .set("pads", Ints{1, 1, 1, 1})
      .set("output_padding", Ints{1, 1});
  f.qdq("b", "spread", 0.03F, DataType::UInt8, 110);
  f.node("Concat", "joined", {"larger", "b"}).set("axis", std::int64_t{1});
  f.integers("pads", DataType::Int64, {8}, {0, 0, 1, 0, 0, 0, 0, 1});
  f.node("Pad", "padded", {"joined", "pads"});
  f.node("GlobalAveragePool", "pool", {"padded"});
  f.qdq("c", "pool", 0.01F, DataType::UInt8, 110);
  f.node("Flatten", "flat", {"c"});
  f.node("Gemm", "result", {"flat", f.weight("fc", {3, 7}, 0.01F)}).set("transB", std::int64_t{1});
  return f;
}

TEST(ImportQuantized, ADecoderMovesLevels) {
  QuantizedFile file = decoder();
  const Network lowered = expect_lowers(value_or_throw(file.import()), 7 * 0.01F * 1.27F);
  int moves = 0;
  for (const Node& node : lowered.nodes()) {
    const bool moves_levels = node.as<Pad>() != nullptr || node.as<Resize>() != nullptr;
    moves += moves_levels ? 1 : 0;
    EXPECT_TRUE(!moves_levels || node.type.element == Element::Level) << node.name;
  }
  EXPECT_EQ(moves, 3);
  expect_same_after_export(lowered);
}

// Seeds of the importer's fuzzer.
TEST(ImportQuantized, GoldenFilesAreTheseFiles) {
  const std::filesystem::path folder = std::filesystem::path(PACT_SOURCE_DIR) / "tests/golden";
  const auto expect_same = [&](const char* name, const QuantizedFile& file) {
    const std::string bytes = value_or_throw(file.builder.finish());
    const auto made = std::filesystem::path(testing::TempDir()) / name;
    value_or_throw(write_atomically(made, bytes));
    const auto golden = read_text(folder / name);
    EXPECT_TRUE(golden && *golden == bytes) << "this one was written to " << made;
  };
  expect_same("qdq.onnx", residual_block());
  expect_same("qonnx.onnx", qonnx_file("qonnx.custom_op.general"));
}

}  // namespace
}  // namespace pact::onnx
