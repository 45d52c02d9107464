// SPDX-License-Identifier: Apache-2.0
// Operations that make rows and columns: Resize, Upsample, Pad, ConvTranspose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "pact/lower/lower.h"
#include "pact/onnx/small_file_test.h"

namespace pact::onnx {
namespace {

using namespace small_files;
using numeric::Coordinates;
using numeric::Interpolation;
using numeric::NearestRounding;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

const Resize& resize_of(const Network& network) { return *network.node(1).as<Resize>(); }

// A Resize of {2, 4, 4} since operator set 11, by scales of four extents.
NodeBuilder add_resize(File& file, const std::vector<float>& scales) {
  const auto count = static_cast<std::int64_t>(scales.size());
  return file.node("Resize", "y", {"x", "", file.floats("scales", {count}, scales)});
}

NodeBuilder add_resize_to(File& file, const Ints& sizes) {
  return file.node("Resize", "y", {"x", "", "", file.builder.add_integers("sizes", sizes)});
}

TEST(ImportResize, ByScalesWithTheDefaultsOfTheOperation) {
  for (const std::int64_t opset : {11, 13, 18, 19}) {
    File file(opset);
    add_resize(file, {1, 1, 2, 1.6F});
    const Resize expected{
        {8, 6},
        {2, 1.6F},
        {Interpolation::Nearest, Coordinates::HalfPixel, NearestRounding::PreferFloor}};
    EXPECT_EQ(resize_of(value_or_throw(file.import())), expected) << opset;
  }
}

TEST(ImportResize, EveryModeThatIsKnown) {
  int checked = 0;
  for (const auto& [word, coordinates] : {std::pair{"half_pixel", Coordinates::HalfPixel},
                                          {"pytorch_half_pixel", Coordinates::PytorchHalfPixel},
                                          {"asymmetric", Coordinates::Asymmetric},
                                          {"align_corners", Coordinates::AlignCorners}}) {
    for (const auto& [nearest, rounding] :
         {std::pair{"round_prefer_floor", NearestRounding::PreferFloor},
          {"round_prefer_ceil", NearestRounding::PreferCeil},
          {"floor", NearestRounding::Floor},
          {"ceil", NearestRounding::Ceil}}) {
      for (const auto& [mode, interpolation] :
           {std::pair{"nearest", Interpolation::Nearest}, {"linear", Interpolation::Linear}}) {
        File file(13);
        add_resize(file, {1, 1, 3, 0.5F})
            .set("coordinate_transformation_mode", std::string(word))
            .set("nearest_mode", std::string(nearest))
            .set("mode", std::string(mode))
            .set("cubic_coeff_a", -0.75F)
            .set("extrapolation_value", 1.0F)
            .set("exclude_outside", std::int64_t{0});
        const Resize expected{{12, 2}, {3, 0.5F}, {interpolation, coordinates, rounding}};
        EXPECT_EQ(resize_of(value_or_throw(file.import())), expected) << word << nearest << mode;
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked, 32);
}

TEST(ImportResize, BySizesAndAsExportersComputeThem) {
  File file;
  add_resize_to(file, {1, 2, 6, 3});
  file.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(1);
  EXPECT_EQ(resize_of(value_or_throw(file.import())).size, (Pair{6, 3}));
  EXPECT_EQ(resize_of(value_or_throw(file.import())).scale, (Scale{1.5F, 0.75F}));
  // An empty tensor of scales is none, as older exporters write it; the batch may stay open.
  File open;
  open.node("Shape", "shape", {"x"});
  open.node(
      "Slice", "kept",
      {"shape", open.builder.add_integers("start", {0}), open.builder.add_integers("end", {2})});
  open.node("Concat", "sizes", {"kept", open.builder.add_integers("size", {8, 2})})
      .set("axis", std::int64_t{0});
  open.node("Resize", "y", {"x", "", open.floats("none", {0}, {}), "sizes"});
  EXPECT_EQ(resize_of(value_or_throw(open.import())).size, (Pair{8, 2}));
  File joined;
  joined
      .node("Concat", "scales",
            {joined.floats("kept", {2}, {1, 1}), joined.floats("factors", {2}, {2, 3})})
      .set("axis", std::int64_t{0});
  joined.node("Resize", "y", {"x", "", "scales"});
  EXPECT_EQ(resize_of(value_or_throw(joined.import())).size, (Pair{8, 12}));
}

TEST(ImportResize, ByTheAxesThatAreNamed) {
  File file(18);
  add_resize(file, {3, 2})
      .set("axes", Ints{-1, 2})
      .set("keep_aspect_ratio_policy", std::string("stretch"));
  EXPECT_EQ(resize_of(value_or_throw(file.import())).size, (Pair{8, 12}));
  File sizes(19);
  add_resize_to(sizes, {5}).set("axes", Ints{3}).set("antialias", std::int64_t{0});
  EXPECT_EQ(resize_of(value_or_throw(sizes.import())).size, (Pair{4, 5}));
  File outside(18);
  add_resize(outside, {3}).set("axes", Ints{4});
  EXPECT_THAT(outside.error(), HasSubstr("resizing extent 4"));
}

TEST(ImportResize, FormsOfOlderOperatorSets) {
  const Resize expected{
      {8, 12}, {2, 3}, {Interpolation::Linear, Coordinates::Asymmetric, NearestRounding::Floor}};
  File ten(10);
  ten.node("Resize", "y", {"x", ten.floats("scales", {4}, {1, 1, 2, 3})})
      .set("mode", std::string("linear"));
  EXPECT_EQ(resize_of(value_or_throw(ten.import())), expected);
  File nine(9);
  nine.node("Upsample", "y", {"x", nine.floats("scales", {4}, {1, 1, 2, 3})})
      .set("mode", std::string("linear"));
  EXPECT_EQ(resize_of(value_or_throw(nine.import())), expected);
  File seven(7);
  seven.node("Upsample", "y", {"x"}).set("mode", std::string("linear"));
  auto* scales = seven.graph().mutable_node(0)->add_attribute();
  scales->set_name("scales");
  scales->set_type(pb::AttributeProto::FLOATS);
  for (const float scale : {1.0F, 1.0F, 2.0F, 3.0F}) scales->add_floats(scale);
  EXPECT_EQ(resize_of(value_or_throw(seven.import())), expected);
  // Coordinates are newer.
  ten.graph().mutable_node(0)->clear_attribute();
  NodeBuilder(*ten.graph().mutable_node(0)).set("nearest_mode", std::string("ceil"));
  EXPECT_THAT(ten.error(), HasSubstr("attribute 'nearest_mode'"));
}

TEST(ImportResize, ComputesAndLeavesOutWhatChangesNothing) {
  File twice(17, {1, 1, 2});
  add_resize(twice, {1, 1, 1, 2})
      .set("mode", std::string("linear"))
      .set("coordinate_transformation_mode", std::string("half_pixel"));
  EXPECT_THAT(run(value_or_throw(twice.import())), ElementsAre(0, 0.25F, 0.75F, 1));
  File same;
  add_resize(same, {1, 1, 1, 1});
  EXPECT_EQ(value_or_throw(same.import()).nodes().size(), 1U);
}

TEST(ImportResize, NamesWhatIsNotSupported) {
  const auto with = [](const std::string& attribute, const auto& value) {
    File file(18);
    add_resize(file, {1, 1, 2, 2}).set(attribute, value);
    return file.error();
  };
  EXPECT_THAT(with("mode", std::string("cubic")),
              HasSubstr("node 'y' (Resize): expected 'mode' to be one of nearest, linear, found "
                        "'cubic'"));
  EXPECT_THAT(with("coordinate_transformation_mode", std::string("tf_crop_and_resize")),
              HasSubstr("found 'tf_crop_and_resize'"));
  EXPECT_THAT(with("nearest_mode", std::string("simple")), HasSubstr("found 'simple'"));
  EXPECT_THAT(with("antialias", std::int64_t{1}), HasSubstr("antialias"));
  EXPECT_THAT(with("exclude_outside", std::int64_t{1}), HasSubstr("exclude_outside"));
  EXPECT_THAT(with("keep_aspect_ratio_policy", std::string("not_larger")),
              HasSubstr("keep_aspect_ratio_policy 'not_larger'"));
}

TEST(ImportResize, RefusesNumbersThatMakeNoImage) {
  const auto by_scales = [](const std::vector<float>& scales) {
    File file;
    add_resize(file, scales);
    return file.error();
  };
  const auto by_sizes = [](const Ints& sizes) {
    File file(18);
    add_resize_to(file, sizes).set("axes", Ints{2, 3});
    return file.error();
  };
  EXPECT_THAT(by_scales({1, 2, 2, 2}), HasSubstr("resizing the batch or the channels"));
  EXPECT_THAT(by_scales({2, 2}), HasSubstr("a number for each of 4 extents, found 2"));
  for (const float scale : {0.0F, -1.0F, INFINITY, NAN}) {
    EXPECT_THAT(by_scales({1, 1, scale, 1}), HasSubstr("scales that are positive and finite"));
  }
  EXPECT_THAT(by_scales({1, 1, 0.01F, 1}), HasSubstr("an extent from 1"));
  EXPECT_THAT(by_scales({1, 1, 3e38F, 3e38F}), HasSubstr("an extent from 1 to"));
  EXPECT_THAT(by_sizes({0, 4}), HasSubstr("positive and finite, found 0 and 1"));
  EXPECT_THAT(by_sizes({-3, 4}), HasSubstr("positive and finite"));
  EXPECT_THAT(by_sizes({std::int64_t{1} << 62, 4}), HasSubstr("an extent from 1 to"));
  EXPECT_THAT(by_sizes({1 << 20, 1 << 20}), HasSubstr("is too large"));
  File neither;
  neither.node("Resize", "y", {"x"});
  EXPECT_THAT(neither.error(), HasSubstr("expected scales or sizes, found none"));
  File flat;
  flat.node("Flatten", "flat", {"x"});
  flat.node("Resize", "y", {"flat", "", flat.floats("s", {2}, {1, 2})});
  EXPECT_THAT(flat.error(), HasSubstr("expected an image, found 32"));
  File batch;
  add_resize_to(batch, {2, 2, 4, 4});
  EXPECT_THAT(batch.error(), HasSubstr("resizing the batch or the channels"));
}

TEST(ImportPad, BecomesAPadForAllButConvolutions) {
  File pool(17, {1, 2, 2});
  pool.node("Pad", "around", {"x", pool.builder.add_integers("p", {0, 0, 1, 0, 0, 0, 0, 1})});
  pool.node("AveragePool", "y", {"around"}).set("kernel_shape", Ints{2, 1});
  const Network network = value_or_throw(pool.import());
  ASSERT_NE(network.node(1).as<Pad>(), nullptr);
  EXPECT_EQ(network.node(1).name, "around");
  EXPECT_THAT(run(network), ElementsAre(0, 0.5F, 0, 1, 2, 0));
  // One that two read, one of them a convolution, and one that is the result.
  File both(17, {1, 2, 2});
  both.node("Pad", "around", {"x", both.builder.add_integers("p", {0, 0, 1, 1, 0, 0, 1, 1})});
  both.node("Relu", "relu", {"around"});
  both.node("Conv", "conv", {"around", both.floats("w", {1, 1, 1, 1}, {2})});
  both.node("Add", "y", {"relu", "conv"});
  EXPECT_THAT(run(value_or_throw(both.import())),
              ElementsAreArray({0, 0, 0, 0, 0, 0, 3, 0, 0, 6, 9, 0, 0, 0, 0, 0}));
  File result(17, {1, 1, 1});
  result.node("Pad", "y", {"x", result.builder.add_integers("p", {0, 0, 0, 1, 0, 0, 0, 0})});
  EXPECT_EQ(value_or_throw(result.import()).node(1).type.shape, (Shape{1, 1, 2}));
  File huge(17, {1, 1, 1});
  huge.node("Pad", "y", {"x", huge.builder.add_integers("p", {0, 0, 0, 5000, 0, 0, 0, 0})});
  EXPECT_THAT(huge.error(), HasSubstr("padding from 0 to 1024, found 5000"));
}

// F.pad of PyTorch 1 and 2: the pads are turned around by operations on constants.
TEST(ImportPad, FoldsWhatExportersComputeThePadsWith) {
  File file(17, {1, 2, 2});
  const auto ints = [&](const std::string& name, const Ints& values) {
    return file.builder.add_integers(name, values);
  };
  file.node("ConstantOfShape", "zeros", {ints("count", {4})});
  auto* zero = file.graph().mutable_node(0)->add_attribute();
  zero->set_name("value");
  zero->set_type(pb::AttributeProto::TENSOR);
  *zero->mutable_t() = encode("zero", {1}, DataType::Int64, Ints{0});
  file.node("Concat", "all", {ints("sides", {1, 0, 0, 2}), "zeros"}).set("axis", std::int64_t{0});
  file.node("Reshape", "pairs", {"all", ints("shape", {-1, 2})});
  file.node("Slice", "turned",
            {"pairs", ints("start", {-1}), ints("end", {std::numeric_limits<std::int64_t>::min()}),
             ints("axis", {0}), ints("step", {-1})});
  file.node("Transpose", "sorted", {"turned"}).set("perm", Ints{1, 0});
  file.node("Reshape", "pads", {"sorted", ints("flat", {-1})});
  file.node("Pad", "y", {"x", "pads"}).set("mode", std::string("constant"));
  const Network network = value_or_throw(file.import());
  EXPECT_EQ(network.node(1).as<Pad>()->padding, (Padding{0, 1, 2, 0}));
}

TEST(ImportPad, RefusesHostileConstants) {
  const auto error = [](const std::string& operation, const Ints& shape) {
    File file;
    file.node(operation, "c",
              operation == "Reshape"
                  ? std::vector{file.builder.add_integers("of", {1, 2, 3, 4, 5, 6}),
                                file.builder.add_integers("shape", shape)}
                  : std::vector{file.builder.add_integers("shape", shape)});
    file.node("Pad", "y", {"x", "c"});
    return file.error();
  };
  for (const Ints& shape : {Ints{1 << 17}, {1 << 16, 1 << 16}, {-1}, {0, std::int64_t{1} << 62}}) {
    EXPECT_THAT(error("ConstantOfShape", shape), HasSubstr("at most 65536 elements"));
  }
  for (const Ints& shape :
       {Ints{4}, {-1, 4}, {-1, -1}, {0, 7}, {std::int64_t{1} << 62, 4}, {-2, 3}}) {
    EXPECT_THAT(error("Reshape", shape), HasSubstr("a reshape of "));
  }
}

// ---- ConvTranspose

struct Transposed {
  Shape input{1, 3, 4};
  std::int64_t outputs = 1;  // of each group
  std::int64_t groups = 1;
  Pair kernel{3, 3};
  Pair stride{2, 2};
  Pair dilation{1, 1};
  Padding pads{};
  Pair output_padding{0, 0};
  bool bias = false;
};

std::vector<float> small_integers(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random() % 9) - 4);
  return values;
}

NodeBuilder add_transposed(File& file, const Transposed& t) {
  const Shape shape{t.input[0], t.outputs, t.kernel.y, t.kernel.x};
  std::vector<std::string> inputs{
      "x", file.floats("up.weight", shape, small_integers(element_count(shape), 1))};
  const std::int64_t outputs = t.outputs * t.groups;
  if (t.bias) inputs.push_back(file.floats("up.bias", {outputs}, small_integers(outputs, 2)));
  return file.node("ConvTranspose", "y", inputs)
      .set("strides", Ints{t.stride.y, t.stride.x})
      .set("dilations", Ints{t.dilation.y, t.dilation.x})
      .set("pads", Ints{t.pads.top, t.pads.left, t.pads.bottom, t.pads.right})
      .set("output_padding", Ints{t.output_padding.y, t.output_padding.x})
      .set("group", t.groups);
}

// Each pixel of the image adds the weights, times itself, to the result around it.
std::vector<float> scattered(const Transposed& t, const Shape& out) {
  const auto weights = small_integers(t.input[0] * t.outputs * t.kernel.y * t.kernel.x, 1);
  const auto image = counting(static_cast<std::size_t>(element_count(t.input)));
  const auto bias = small_integers(t.bias ? out[0] : 0, 2);
  std::vector<float> result(static_cast<std::size_t>(element_count(out)));
  for (std::size_t i = 0; t.bias && i < result.size(); ++i) {
    result[i] = bias[i / static_cast<std::size_t>(out[1] * out[2])];
  }
  const std::int64_t per_group = t.input[0] / t.groups;
  for (std::int64_t i = 0; i < element_count(t.input) * t.outputs * t.kernel.y * t.kernel.x; ++i) {
    const std::int64_t kx = i % t.kernel.x;
    const std::int64_t ky = i / t.kernel.x % t.kernel.y;
    const std::int64_t o = i / (t.kernel.x * t.kernel.y) % t.outputs;
    const std::int64_t pixel = i / (t.kernel.x * t.kernel.y * t.outputs);
    const std::int64_t x = pixel % t.input[2];
    const std::int64_t y = pixel / t.input[2] % t.input[1];
    const std::int64_t c = pixel / (t.input[2] * t.input[1]);
    const std::int64_t row = y * t.stride.y + ky * t.dilation.y - t.pads.top;
    const std::int64_t column = x * t.stride.x + kx * t.dilation.x - t.pads.left;
    if (row < 0 || row >= out[1] || column < 0 || column >= out[2]) continue;
    const std::int64_t channel = c / per_group * t.outputs + o;
    result[static_cast<std::size_t>((channel * out[1] + row) * out[2] + column)] +=
        image[static_cast<std::size_t>(pixel)] *
        weights[static_cast<std::size_t>(((c * t.outputs + o) * t.kernel.y + ky) * t.kernel.x +
                                         kx)];
  }
  return result;
}

TEST(ImportConvTranspose, AddsUpWhatEachPixelSpreads) {
  const std::pair<Transposed, Shape> cases[] = {
      {{}, {1, 7, 9}},
      {{.pads = {1, 0, 1, 2}, .output_padding = {1, 1}, .bias = true}, {1, 6, 8}},
      {{.input = {4, 2, 3}, .outputs = 3, .groups = 2, .kernel = {2, 3}, .bias = true}, {6, 4, 7}},
      {{.input = {3, 4, 2}, .groups = 3, .stride = {3, 1}, .dilation = {2, 3}}, {3, 14, 8}},
      {{.input = {2, 3, 3}, .outputs = 2, .stride = {1, 1}, .pads = {2, 2, 2, 2}}, {2, 1, 1}},
      {{.kernel = {1, 2}, .stride = {4, 4}, .output_padding = {3, 2}}, {1, 12, 16}},
  };
  for (const auto& [transposed, shape] : cases) {
    File file(17, transposed.input);
    add_transposed(file, transposed);
    const Network network = value_or_throw(file.import());
    EXPECT_TRUE(network.find("up"));
    ASSERT_EQ(network.node(network.output()).type.shape, shape);
    EXPECT_EQ(run(network), scattered(transposed, shape)) << graph::to_string(shape);
  }
}

TEST(ImportConvTranspose, TakesAwayWhatAutoPadAndOutputShapeSay) {
  const auto result_of = [](const std::string& kind, const Ints& output_shape, Pair kernel) {
    Transposed transposed{.kernel = kernel};
    File file(17, transposed.input);
    const Shape shape{1, 1, kernel.y, kernel.x};
    auto node = file.node("ConvTranspose", "y",
                          {"x", file.floats("w", shape, small_integers(element_count(shape), 1))});
    node.set("auto_pad", kind).set("strides", Ints{2, 2});
    if (!output_shape.empty()) node.set("output_shape", output_shape);
    const Network network = value_or_throw(file.import());
    return std::pair{network.node(network.output()).type.shape, run(network)};
  };
  const auto expected = [](Pair kernel, const Padding& pads, const Shape& shape) {
    return std::pair{shape, scattered({.kernel = kernel, .pads = pads}, shape)};
  };
  EXPECT_EQ(result_of("SAME_UPPER", {}, {3, 3}), expected({3, 3}, {0, 0, 1, 1}, {1, 6, 8}));
  EXPECT_EQ(result_of("SAME_LOWER", {}, {3, 3}), expected({3, 3}, {1, 1, 0, 0}, {1, 6, 8}));
  EXPECT_EQ(result_of("VALID", {}, {3, 3}), expected({3, 3}, {}, {1, 7, 9}));
  EXPECT_EQ(result_of("NOTSET", {6, 7}, {3, 3}), expected({3, 3}, {1, 1, 0, 1}, {1, 6, 7}));
  EXPECT_EQ(result_of("SAME_UPPER", {6, 8}, {1, 3}), expected({1, 3}, {0, 0, 0, 1}, {1, 6, 8}));
}

TEST(ImportConvTranspose, NamesWhatDoesNotFit) {
  const auto error = [](
                         const Transposed& transposed,
                         const std::function<void(NodeBuilder&)>& change = [](NodeBuilder&) {}) {
    File file(17, {2, 3, 4});
    auto node = add_transposed(file, transposed);
    change(node);
    return file.error();
  };
  const Transposed fits{.input = {2, 3, 4}};
  EXPECT_EQ(error(fits), "no error");
  EXPECT_THAT(error({.input = {3, 3, 4}}), HasSubstr("weights for 2 channels in 1 groups"));
  EXPECT_THAT(error({.input = {2, 3, 4}, .groups = 0}), HasSubstr("in 0 groups"));
  EXPECT_THAT(error({.input = {2, 3, 4}, .pads = {0, 3, 0, 0}}),
              HasSubstr("pads within the reach of the kernel, found 0x3x0x0"));
  EXPECT_THAT(error({.input = {2, 3, 4}, .output_padding = {-1, 0}}),
              HasSubstr("output_padding and output_shape up to 1048576, found -1"));
  EXPECT_THAT(error(fits,
                    [](auto& node) {
                      node.set("kernel_shape", Ints{2, 3});
                    }),
              HasSubstr("weights of the kernel's shape, found 2x1x3x3"));
  EXPECT_THAT(error(fits,
                    [](auto& node) {
                      node.set("output_shape", Ints{1, 1, 7, 9});
                    }),
              HasSubstr("two entries of 'output_shape', found 4"));
  EXPECT_THAT(error(fits, [](auto& node) { node.set("auto_pad", std::string("MOST")); }),
              HasSubstr("auto_pad 'MOST'"));
  EXPECT_THAT(error({.input = {2, 3, 4}, .kernel = {1, 3}},
                    [](auto& node) { node.set("auto_pad", std::string("SAME_LOWER")); }),
              HasSubstr("auto_pad 'SAME_LOWER' of a kernel that is smaller than its stride"));
  File flat(17, {2, 3, 4});
  flat.node("ConvTranspose", "y", {"x", flat.floats("w", {2, 3}, counting(6))});
  EXPECT_THAT(flat.error(), HasSubstr("weights of four extents, found 2x3"));
}

// Levels times integer weights: what QDQ files hold, lowered.
TEST(ImportConvTranspose, QuantizedWeightsHaveTheScalesOfTheirOutputs) {
  const auto network_of = [](const std::vector<float>& scales, std::int64_t axis) {
    File file(17, {2, 3, 3});
    const auto constant = [&](const std::string& name, DataType type, const Shape& shape,
                              Ints values) {
      file.builder.add_tensor(encode(name, shape, type, values));
      return name;
    };
    file.floats("s", {}, {0.5F});
    constant("z", DataType::UInt8, {}, {4});
    file.node("QuantizeLinear", "codes", {"x", "s", "z"});
    file.node("DequantizeLinear", "levels", {"codes", "s", "z"});
    Ints codes;
    for (std::int64_t i = 0; i < 2 * 2 * 9; ++i) codes.push_back(i * 7 % 15 - 7);
    const auto count = static_cast<std::int64_t>(scales.size());
    file.node("DequantizeLinear", "w",
              {constant("w.codes", DataType::Int8, {2, 2, 3, 3}, codes),
               file.floats("w.scale", count == 1 ? Shape{} : Shape{count}, scales),
               constant("w.zero", DataType::Int8, count == 1 ? Shape{} : Shape{count},
                        Ints(scales.size()))})
        .set("axis", axis);
    file.node("ConvTranspose", "y", {"levels", "w"})
        .set("strides", Ints{2, 2})
        .set("group", std::int64_t{2});
    return file.import();
  };
  for (const std::vector<float>& scales : {std::vector{0.25F}, {0.25F, 0.5F}}) {
    Network network = value_or_throw(network_of(scales, 1));
    network.preprocessing = {{0.5F, 0.5F}, {0.25F, 0.25F}};
    const Network lowered = value_or_throw(lower::lower(network));
    std::vector<float> image;
    std::vector<std::int32_t> pixels;
    for (int i = 0; i < 18; ++i) {
      pixels.push_back(i * 14);
      image.push_back((static_cast<float>(pixels.back()) / 255.0F - 0.5F) / 0.25F);
    }
    const auto expected =
        std::get<std::vector<float>>(value_or_throw(evaluate(network, Value(image))));
    EXPECT_EQ(std::get<std::vector<float>>(value_or_throw(evaluate(lowered, Value(pixels)))),
              expected);
    for (const Node& node : lowered.nodes()) {
      EXPECT_TRUE(node.type.element != Element::F32 || node.as<Dequantize>() != nullptr)
          << node.name;
    }
  }
  const auto by_input = network_of({0.25F, 0.5F}, 0);
  ASSERT_FALSE(by_input);
  EXPECT_THAT(by_input.error().message, HasSubstr("a scale for each index of extent 0"));
}

}  // namespace
}  // namespace pact::onnx
