// SPDX-License-Identifier: Apache-2.0
#include "pact/format/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <ostream>
#include <string>

#include "pact/base/file.h"
#include "pact/format/sample_model_test.h"

namespace pact::format {

namespace {

using testing::HasSubstr;

template <typename T>
std::vector<T> copied(std::span<const T> values) {
  return {values.begin(), values.end()};
}

void expect_same_arrays(const Operation& a, const Operation& b) {
  ASSERT_EQ(a.index(), b.index());
  if (const auto* x = std::get_if<Conv>(&a)) {
    const auto& y = std::get<Conv>(b);
    EXPECT_EQ(copied(x->packed), copied(y.packed));
    EXPECT_EQ(copied(x->weights), copied(y.weights));
    EXPECT_EQ(copied(x->bias), copied(y.bias));
    EXPECT_EQ(x->kernel.y, y.kernel.y);
    EXPECT_EQ(x->padding.right, y.padding.right);
    EXPECT_EQ(x->groups, y.groups);
    EXPECT_EQ(x->grid, y.grid);
  } else if (const auto* lookup = std::get_if<Lookup>(&a)) {
    EXPECT_EQ(copied(lookup->codes), copied(std::get<Lookup>(b).codes));
    EXPECT_EQ(copied(lookup->floats), copied(std::get<Lookup>(b).floats));
  } else if (const auto* pool = std::get_if<Pool>(&a)) {
    EXPECT_EQ(pool->kind, std::get<Pool>(b).kind);
    EXPECT_EQ(pool->stride.x, std::get<Pool>(b).stride.x);
    EXPECT_EQ(pool->padding.bottom, std::get<Pool>(b).padding.bottom);
    EXPECT_EQ(pool->over, std::get<Pool>(b).over);
  } else if (const auto* pointwise = std::get_if<Pointwise>(&a)) {
    EXPECT_EQ(pointwise->function, std::get<Pointwise>(b).function);
    EXPECT_EQ(pointwise->a, std::get<Pointwise>(b).a);
    EXPECT_EQ(pointwise->b, std::get<Pointwise>(b).b);
  } else if (const auto* slice = std::get_if<Slice>(&a)) {
    EXPECT_EQ(slice->first, std::get<Slice>(b).first);
  } else if (const auto* rearrange = std::get_if<Rearrange>(&a)) {
    EXPECT_EQ(rearrange->view, std::get<Rearrange>(b).view);
    EXPECT_EQ(rearrange->order, std::get<Rearrange>(b).order);
  } else if (const auto* pad = std::get_if<Pad>(&a)) {
    EXPECT_EQ(pad->padding.top, std::get<Pad>(b).padding.top);
    EXPECT_EQ(pad->padding.right, std::get<Pad>(b).padding.right);
    EXPECT_EQ(pad->spread.y, std::get<Pad>(b).spread.y);
  } else if (const auto* resize = std::get_if<Resize>(&a)) {
    EXPECT_EQ(resize->rule, std::get<Resize>(b).rule);
    EXPECT_EQ(resize->scale_y, std::get<Resize>(b).scale_y);
    EXPECT_EQ(resize->scale_x, std::get<Resize>(b).scale_x);
  } else if (const auto* shortcut = std::get_if<Shortcut>(&a)) {
    EXPECT_EQ(shortcut->stride.y, std::get<Shortcut>(b).stride.y);
    EXPECT_EQ(shortcut->before, std::get<Shortcut>(b).before);
  } else if (const auto* requantize = std::get_if<Requantize>(&a)) {
    EXPECT_EQ(requantize->shift, std::get<Requantize>(b).shift);
    EXPECT_EQ(requantize->per_channel, std::get<Requantize>(b).per_channel);
    EXPECT_EQ(requantize->offset_shift, std::get<Requantize>(b).offset_shift);
    EXPECT_EQ(copied(requantize->multiplier), copied(std::get<Requantize>(b).multiplier));
    EXPECT_EQ(copied(requantize->offset), copied(std::get<Requantize>(b).offset));
  } else if (const auto* quantize = std::get_if<Quantize>(&a)) {
    EXPECT_EQ(copied(quantize->inverse), copied(std::get<Quantize>(b).inverse));
  } else if (const auto* dequantize = std::get_if<Dequantize>(&a)) {
    EXPECT_EQ(copied(dequantize->scale), copied(std::get<Dequantize>(b).scale));
    EXPECT_EQ(copied(dequantize->offset), copied(std::get<Dequantize>(b).offset));
  } else if (const auto* norm = std::get_if<BatchNorm>(&a)) {
    EXPECT_EQ(copied(norm->weight), copied(std::get<BatchNorm>(b).weight));
    EXPECT_EQ(copied(norm->variance), copied(std::get<BatchNorm>(b).variance));
    EXPECT_EQ(norm->epsilon, std::get<BatchNorm>(b).epsilon);
  }
}

TEST(Model, SampleUsesEveryOperation) {
  std::vector<bool> used(std::variant_size_v<Operation>);
  for (const Node& node : sample_model().nodes) used[node.operation.index()] = true;
  EXPECT_THAT(used, testing::Each(true));
}

TEST(Model, ReadsBackWhatWasWritten) {
  const Model model = sample_model();
  const auto bytes = write(model);
  const auto read_back = read(bytes);
  ASSERT_TRUE(read_back) << read_back.error().message;
  EXPECT_EQ(read_back->version, kVersion);
  EXPECT_EQ(read_back->name, model.name);
  EXPECT_EQ(read_back->tool, model.tool);
  EXPECT_EQ(read_back->recipe, model.recipe);
  EXPECT_EQ(copied(read_back->mean), copied(model.mean));
  EXPECT_EQ(copied(read_back->std), copied(model.std));
  EXPECT_EQ(read_back->classes, model.classes);
  EXPECT_EQ(read_back->output, model.output);
  ASSERT_EQ(read_back->nodes.size(), model.nodes.size());
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& expected = model.nodes[i];
    const Node& found = read_back->nodes[i];
    SCOPED_TRACE(expected.name);
    EXPECT_EQ(found.name, expected.name);
    EXPECT_EQ(found.inputs, expected.inputs);
    EXPECT_EQ(found.value.element, expected.value.element);
    EXPECT_EQ(found.value.elements(), expected.value.elements());
    EXPECT_EQ(found.value.channels, expected.value.channels);
    EXPECT_EQ(found.value.grid, expected.value.grid);
    EXPECT_EQ(found.value.scale, expected.value.scale);
    expect_same_arrays(expected.operation, found.operation);
  }
  EXPECT_EQ(write(*read_back), bytes);
}

TEST(Model, OutlivesTheBytesAndTheCopiesItWasReadFrom) {
  auto bytes = write(sample_model());
  auto first = read(bytes);
  ASSERT_TRUE(first);
  const auto expected = bytes;
  std::fill(bytes.begin(), bytes.end(), std::byte{0xFF});
  const Model copy = *first;
  *first = Model{};
  EXPECT_EQ(write(copy), expected);
}

TEST(Model, CountsMultiplicationsOfConvolutionsAlone) {
  const Model model = sample_model();
  EXPECT_EQ(model.macs(model.nodes[kConv]), 4 * 4 * 2 * 9);
  EXPECT_EQ(model.macs(model.nodes[kLinear]), 12);
  EXPECT_EQ(model.macs(model.nodes[kMaxPool]), 0);
}

TEST(ReadFile, GivesTheModelOfTheFile) {
  const std::filesystem::path path = testing::TempDir() + "model_test.pact";
  const auto bytes = write(sample_model());
  ASSERT_TRUE(write_atomically(path, bytes));
  const auto model = read(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(write(*model), bytes);
}

void expect_error(const Result<Model>& result, ErrorCode code, const std::string& message) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code);
  EXPECT_THAT(result.error().message, HasSubstr(message));
}

TEST(ReadFile, NamesThePathThatIsMissingEmptyOrAFolder) {
  const std::filesystem::path missing = testing::TempDir() + "no-such-file.pact";
  expect_error(read(missing), ErrorCode::NotFound, missing.string() + ": cannot open");
  const std::filesystem::path folder = testing::TempDir();
  expect_error(read(folder), ErrorCode::Io, folder.string() + ": expected a file");
  const std::filesystem::path empty = testing::TempDir() + "model_test-empty.pact";
  ASSERT_TRUE(write_atomically(empty, std::string_view{}));
  expect_error(read(empty), ErrorCode::Corrupt, empty.string() + ": expected a packed network");
  std::filesystem::remove(empty);
}

TEST(ReadBytes, RejectsOtherFiles) {
  expect_error(read(std::span<const std::byte>{}), ErrorCode::Corrupt, "found 0 other bytes");
  auto bytes = write(sample_model());
  bytes[4] = std::byte{'T'};
  expect_error(read(bytes), ErrorCode::Corrupt, "identifier 'PACT'");
  const std::vector<std::byte> zeros(4096);
  expect_error(read(zeros), ErrorCode::Corrupt, "identifier 'PACT'");
}

TEST(ReadBytes, RejectsAnotherVersion) {
  Model model = sample_model();
  model.version = kVersion + 1;
  expect_error(read(write(model)), ErrorCode::Unsupported,
               text("expected version ", kVersion, " of the packed format, found ", kVersion + 1));
}

// One change to the sample model, and text that the error must hold.
struct Damage {
  std::string name;
  std::function<void(Model&)> change;
  std::string message;
};
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

template <typename Op>
Op& op(Model& model, Place place) {
  return std::get<Op>(model.nodes[place].operation);
}
Value& out(Model& model, Place place) { return model.nodes[place].value; }
std::vector<std::int32_t>& in(Model& model, Place place) { return model.nodes[place].inputs; }

const float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<Damage> damages() {
  const auto odd9 = numeric::Grid{.bits = 9, .step = 2, .lowest = -511, .codes = 512};
  const auto f32 = [](std::vector<float> v) { return keep(std::move(v)); };
  const auto i32 = [](std::vector<std::int32_t> v) { return keep(std::move(v)); };
  const auto stream = numeric::symmetric_grid(numeric::kStreamBits);
  return {
      {"NoNodes", [](Model& m) { m.nodes.clear(); }, "expected 1 to 16384 nodes, found 0"},
      {"NoImage", [](Model& m) { m.nodes[0].operation = Relu{}; }, "the image first"},
      {"Mean",
       [=](Model& m) {
         m.mean = f32({1, 2});
       },
       "expected 1 entries of the mean, found 2"},
      {"MeanNan", [=](Model& m) { m.mean = f32({kNan}); }, "finite numbers in the mean"},
      {"Std", [](Model& m) { m.std = {}; }, "expected 1 entries of the std, found 0"},
      {"StdZero", [=](Model& m) { m.std = f32({0}); }, "a positive std"},
      {"OutputAbsent", [](Model& m) { m.output = kLinearResize + 1; }, "an output that exists"},
      {"OutputNegative", [](Model& m) { m.output = -1; }, "an output that exists"},
      {"OutputLevels", [](Model& m) { m.output = kJoin; }, "an output of floats"},
      {"ExtentZero", [](Model& m) { out(m, kRelu).height = 0; },
       "node 9 ('relu'): expected extents from 1 to 1048576, found 0"},
      {"ExtentLarge", [](Model& m) { out(m, kRelu).channels = 1048577; }, "found 1048577"},
      {"ValueLarge",
       [](Model& m) {
         out(m, kRelu).channels = 1 << 20;
         out(m, kRelu).width = 1 << 12;
       },
       "a value of at most 2^31 elements"},
      {"Element", [](Model& m) { out(m, kRelu).element = static_cast<Element>(9); },
       "a known element type, found 9"},
      {"Grid", [](Model& m) { out(m, kLookup).grid.codes = 15; }, "grid: expected an unsigned"},
      {"StreamGrid", [](Model& m) { out(m, kQuantize).grid = numeric::unsigned_grid(16); },
       "a symmetric grid of 16 bits"},
      {"OddActivations", [](Model& m) { out(m, kRequantize).grid = numeric::odd_grid(2); },
       "an activation grid that holds zero"},
      {"LaterInput", [](Model& m) { in(m, kRelu) = {kAdd}; }, "inputs made before"},
      {"OwnInput", [](Model& m) { in(m, kRelu) = {kRelu}; }, "inputs made before"},
      {"NegativeInput", [](Model& m) { in(m, kRelu) = {-1}; }, "inputs made before"},
      {"ManyInputs", [](Model& m) { in(m, kJoin).assign(65, kLinear); }, "at most 64 inputs"},
      {"InputCount",
       [](Model& m) {
         in(m, kRelu) = {kBatchNorm, kInput};
       },
       "expected 1 inputs, found 2"},
      {"ImageInput", [](Model& m) { m.nodes[kRelu].operation = Input{}; },
       "expected 0 inputs, found 1"},
      {"SecondImage",
       [](Model& m) {
         m.nodes[kRelu] = {"relu", Input{}, {}, out(m, kInput)};
       },
       "one image, first"},
      {"ImageFloats", [](Model& m) { out(m, kInput).element = Element::F32; },
       "an image of pixels"},
      {"LookupShape", [](Model& m) { out(m, kLookup).width = 5; }, "the shape of the image"},
      {"LookupOfFloats", [](Model& m) { out(m, kFloatLookup).element = Element::Accumulator; },
       "element types that fit"},
      {"LookupElement", [](Model& m) { out(m, kLookup).element = Element::F32; },
       "element types that fit"},
      {"LookupTable", [=](Model& m) { op<Lookup>(m, kFloatLookup).floats = f32({1}); },
       "expected 256 entries of the table, found 1"},
      {"LookupInfinity",
       [=](Model& m) {
         op<Lookup>(m, kFloatLookup).floats = f32(std::vector<float>(256, kInfinity));
       },
       "finite numbers in the table"},
      {"LookupStream", [=](Model& m) { out(m, kLookup).grid = stream; },
       "pixel levels of at most 8 bits"},
      {"LookupEntries",
       [=](Model& m) {
         op<Lookup>(m, kLookup).codes = keep(std::vector<std::uint8_t>{1, 2});
       },
       "256 table entries a channel"},
      {"LookupOffGrid",
       [=](Model& m) { op<Lookup>(m, kLookup).codes = keep(std::vector<std::uint8_t>(256, 16)); },
       "table entries on the grid"},
      {"Kernel", [](Model& m) { op<Conv>(m, kConv).kernel.y = 0; }, "dilations of 1 to 1024"},
      {"Stride", [](Model& m) { op<Conv>(m, kConv).stride.x = 1025; }, "dilations of 1 to 1024"},
      {"Dilation", [](Model& m) { op<Conv>(m, kConv).dilation.x = -1; }, "dilations of 1 to 1024"},
      {"PaddingNegative", [](Model& m) { op<Conv>(m, kConv).padding.left = -1; },
       "padding from 0 to 1024"},
      {"PaddingLarge", [](Model& m) { op<Conv>(m, kConv).padding.top = 1025; },
       "padding from 0 to 1024"},
      {"KernelLarge", [](Model& m) { op<Conv>(m, kConv).kernel.y = 7; },
       "a kernel that fits its input"},
      {"ConvShape", [](Model& m) { out(m, kConv).height = 3; },
       "a shape that follows from the kernel"},
      {"GroupsZero", [](Model& m) { op<Conv>(m, kConv).groups = 0; }, "groups that divide"},
      {"GroupsTwo", [](Model& m) { op<Conv>(m, kConv).groups = 2; }, "groups that divide"},
      {"ConvElement", [](Model& m) { out(m, kConv).element = Element::F32; },
       "element types that fit"},
      {"ConvOfStream", [](Model& m) { m.nodes[kLinear].inputs = {kQuantize}; },
       "an input of at most 8 bits"},
      {"ConvBothWeights", [=](Model& m) { op<Conv>(m, kConv).weights = f32({1}); },
       "no float weights beside"},
      {"WeightGrid", [](Model& m) { op<Conv>(m, kConv).grid.lowest = -4; },
       "grid: expected an unsigned"},
      {"WeightGridBits", [=](Model& m) { op<Conv>(m, kConv).grid = odd9; },
       "grid: expected an unsigned"},
      {"WeightGridWide", [=](Model& m) { op<Conv>(m, kConv).grid = stream; },
       "weights of at most 8 bits"},
      {"WeightBytes",
       [](Model& m) { op<Conv>(m, kConv).packed = op<Conv>(m, kConv).packed.first(4); },
       "expected 5 bytes of packed weights, found 4"},
      {"WeightsOffGrid",
       [](Model& m) {
         op<Conv>(m, kLinear).packed = keep(std::vector<std::byte>(5, std::byte{0xFF}));
       },
       "weights on their grid"},
      {"FloatWeights",
       [=](Model& m) {
         op<Conv>(m, kFloatConv).weights = f32({1, 2});
       },
       "expected 96 entries of the weights, found 2"},
      {"FloatWeightsNan",
       [=](Model& m) { op<Conv>(m, kFloatConv).weights = f32(std::vector<float>(96, kNan)); },
       "finite numbers in the weights"},
      {"FloatBias", [=](Model& m) { op<Conv>(m, kFloatConv).bias = f32({1}); },
       "expected 3 entries of the bias, found 1"},
      {"PoolChannels", [](Model& m) { out(m, kMaxPool).channels = 3; },
       "as many channels as the input has"},
      {"PoolGrid", [](Model& m) { out(m, kMaxPool).grid = numeric::unsigned_grid(3); },
       "the element type of the input"},
      {"PoolPadding",
       [](Model& m) {
         op<Pool>(m, kMaxPool).padding = {2, 0, 0, 1}, out(m, kMaxPool).height = 3;
       },
       "padding smaller than the kernel"},
      {"SumPadding",
       [](Model& m) { op<Pool>(m, kSumPool).padding.top = 1, out(m, kSumPool).height = 2; },
       "no padding"},
      {"AverageElement", [](Model& m) { out(m, kAveragePool).element = Element::Accumulator; },
       "element types that fit"},
      {"PoolKind", [](Model& m) { op<Pool>(m, kSumPool).kind = static_cast<PoolKind>(7); },
       "a known pool"},
      {"SumElement", [](Model& m) { out(m, kSumPool).element = Element::F32; },
       "element types that fit"},
      {"ShortcutGrid", [](Model& m) { out(m, kShortcut).grid = numeric::unsigned_grid(5); },
       "the element type of the input"},
      {"ShortcutRoom", [](Model& m) { op<Shortcut>(m, kShortcut).before = 3; },
       "room for the channels"},
      {"ShortcutBefore", [](Model& m) { op<Shortcut>(m, kShortcut).before = -1; },
       "room for the channels"},
      {"FlattenSize", [](Model& m) { out(m, kFlatten).channels = 11; }, "all elements as channels"},
      {"FlattenElement", [](Model& m) { out(m, kFlatten).element = Element::F32; },
       "the element type of the input"},
      {"RequantizeNothing", [](Model& m) { in(m, kRequantize).clear(); }, "expected inputs"},
      {"RequantizeFloats",
       [](Model& m) {
         in(m, kJoin) = {kLinear, kAveragePool};
       },
       "integer inputs of the shape"},
      {"RequantizeShape",
       [](Model& m) {
         in(m, kJoin) = {kLinear, kSumPool};
       },
       "integer inputs of the shape"},
      {"RequantizeElement", [](Model& m) { out(m, kJoin).element = Element::Accumulator; },
       "levels as the result"},
      {"ShiftZero", [](Model& m) { op<Requantize>(m, kJoin).shift = 0; }, "a shift from 1 to 32"},
      {"ShiftLarge", [](Model& m) { op<Requantize>(m, kJoin).shift = 33; }, "a shift from 1 to 32"},
      {"Multipliers", [=](Model& m) { op<Requantize>(m, kJoin).multiplier = i32({1}); },
       "a multiplier for each"},
      {"Offsets",
       [=](Model& m) {
         op<Requantize>(m, kJoin).offset = i32({1, 2});
       },
       "a multiplier for each"},
      {"PerChannel", [](Model& m) { op<Requantize>(m, kJoin).per_channel = 3; },
       "a multiplier for each"},
      {"OffsetLarge", [=](Model& m) { op<Requantize>(m, kJoin).offset_shift = 32; },
       "offsets below 2^62"},
      {"RequantizeOverflow",
       [=](Model& m) {
         op<Requantize>(m, kRequantize).multiplier = i32({3, 1 << 31});
       },
       "channel 1 could overflow"},
      {"ScaleZero", [](Model& m) { out(m, kQuantize).scale = 0; }, "a positive scale"},
      {"ScaleNan", [](Model& m) { out(m, kQuantize).scale = kNan; }, "a positive scale"},
      {"TwoTables", [=](Model& m) { op<Lookup>(m, kLookup).floats = f32({1}); },
       "a table of codes or of floats"},
      {"QuantizeShape", [](Model& m) { out(m, kQuantize).width = 2; }, "the shape of the input"},
      {"QuantizeInverse", [](Model& m) { op<Quantize>(m, kQuantize).inverse = {}; },
       "of the inverse scales"},
      {"DequantizeElement", [](Model& m) { out(m, kDequantize).element = Element::Accumulator; },
       "floats as the result"},
      {"DequantizeOffset", [](Model& m) { op<Dequantize>(m, kDequantize).offset = {}; },
       "entries of the offsets"},
      {"DequantizeScale", [=](Model& m) { op<Dequantize>(m, kDequantize).scale = f32({1}); },
       "expected 2 entries of the scales, found 1"},
      {"EpsilonNegative", [](Model& m) { op<BatchNorm>(m, kBatchNorm).epsilon = -1e-5F; },
       "an epsilon from 0 to 1"},
      {"EpsilonNan", [](Model& m) { op<BatchNorm>(m, kBatchNorm).epsilon = kNan; },
       "an epsilon from 0 to 1"},
      {"NormEntries", [](Model& m) { op<BatchNorm>(m, kBatchNorm).mean = {}; },
       "entries of the batch norm"},
      {"NormVariance", [=](Model& m) { op<BatchNorm>(m, kBatchNorm).variance = f32({-1}); },
       "variances that are not negative"},
      {"NormShape", [](Model& m) { out(m, kBatchNorm).channels = 2; }, "the shape of the input"},
      {"ReluShape", [](Model& m) { out(m, kRelu).width = 3; }, "the shape of the input"},
      {"AddShape",
       [](Model& m) {
         in(m, kAdd) = {kRelu, kInput};
       },
       "two inputs of one shape"},
      {"AddCount", [](Model& m) { in(m, kAdd) = {kRelu}; }, "expected 2 inputs, found 1"},
  };
}

class DamagedModel : public testing::TestWithParam<Damage> {};

TEST_P(DamagedModel, IsRejectedWithWhatWasExpected) {
  Model model = sample_model();
  ASSERT_TRUE(verify(model));
  GetParam().change(model);
  const Status status = verify(model);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr(GetParam().message));
  expect_error(read(write(model)), ErrorCode::Corrupt, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Verify, DamagedModel, testing::ValuesIn(damages()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pact::format
