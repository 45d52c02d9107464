// SPDX-License-Identifier: Apache-2.0
// What the reader refuses of the operations that move or combine channels or pixels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "pact/format/sample_model_test.h"

namespace pact::format {
namespace {

using testing::HasSubstr;

// The message for the sample model after `change` of the operation at `place`.
template <typename Op>
std::string error_of(Place place, const std::function<void(Op&, Node&)>& change) {
  Model model = sample_model();
  change(std::get<Op>(model.nodes[place].operation), model.nodes[place]);
  const Status status = verify(model);
  return status ? "no error" : status.error().message;
}

TEST(VerifyChannels, Pointwise) {
  const auto error = [](const std::function<void(Pointwise&, Node&)>& change) {
    return error_of<Pointwise>(kPointwise, change);
  };
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error([](auto&, Node&) {}), "no error");
  EXPECT_THAT(error([](auto& op, Node&) { op.function = static_cast<numeric::Function>(5); }),
              HasSubstr("a known function"));
  EXPECT_THAT(error([](auto& op, Node&) { op.a = kInfinite; }), HasSubstr("finite coefficients"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.width = 2; }),
              HasSubstr("the shape of the input"));
}

TEST(VerifyChannels, Multiply) {
  const auto error = [](const std::function<void(Multiply&, Node&)>& change) {
    return error_of<Multiply>(kMultiply, change);
  };
  EXPECT_THAT(error([](auto&, Node& node) {
                node.inputs = {kPointwise, kAdd};
              }),
              HasSubstr("factors of one shape"));
  EXPECT_THAT(error([](auto&, Node& node) {
                node.inputs = {kAdd, kMaxPool};
              }),
              HasSubstr("factors of one shape"));
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs = {kAdd}; }), HasSubstr("2 inputs"));
}

TEST(VerifyChannels, Concat) {
  const auto error = [](const std::function<void(Concat&, Node&)>& change) {
    return error_of<Concat>(kConcat, change);
  };
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs.clear(); }), HasSubstr("inputs"));
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs.pop_back(); }),
              HasSubstr("the channels of all parts"));
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs[1] = kPointwise; }),
              HasSubstr("parts of the size of the result"));
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs[1] = kLookup; }),
              HasSubstr("the element type of the input"));
}

TEST(VerifyChannels, Slice) {
  const auto error = [](const std::function<void(Slice&, Node&)>& change) {
    return error_of<Slice>(kSlice, change);
  };
  EXPECT_THAT(error([](auto& op, Node&) { op.first = -1; }), HasSubstr("channels that the input"));
  EXPECT_THAT(error([](auto& op, Node&) { op.first = 2; }), HasSubstr("channels that the input"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.height = 3; }),
              HasSubstr("channels that the input"));
}

TEST(VerifyChannels, Rearrange) {
  const auto error = [](const std::function<void(Rearrange&, Node&)>& change) {
    return error_of<Rearrange>(kRearrange, change);
  };
  EXPECT_THAT(error([](auto& op, Node&) { op.order = {0, 1, 1}; }), HasSubstr("each extent once"));
  EXPECT_THAT(error([](auto& op, Node&) {
                op.order = {0, 1, 200};
              }),
              HasSubstr("each extent once"));
  EXPECT_THAT(error([](auto& op, Node&) { op.order = {0, 1}; }), HasSubstr("an order of as many"));
  EXPECT_THAT(error([](auto& op, Node&) {
                op.view.assign(9, 1);
                op.order.assign(9, 0);
              }),
              HasSubstr("at most 8 extents"));
  EXPECT_THAT(error([](auto& op, Node&) { op.view = {2, 4, 0}; }), HasSubstr("positive extents"));
  EXPECT_THAT(error([](auto& op, Node&) {
                op.view = {1 << 30, 1 << 30, 4};
              }),
              HasSubstr("positive extents"));
  EXPECT_THAT(error([](auto& op, Node&) {
                op.view = {2, 4, 5};
              }),
              HasSubstr("as many elements as the input has"));
}

TEST(VerifyPixels, Pad) {
  const auto error = [](const std::function<void(Pad&, Node&)>& change) {
    return error_of<Pad>(kPad, change);
  };
  EXPECT_EQ(error([](auto&, Node&) {}), "no error");
  EXPECT_THAT(error([](auto& op, Node&) { op.padding.left = -1; }),
              HasSubstr("padding from 0 to 1024"));
  EXPECT_THAT(error([](auto& op, Node&) { op.padding.bottom = 1025; }),
              HasSubstr("padding from 0 to 1024"));
  EXPECT_THAT(error([](auto& op, Node&) { op.spread.x = 0; }), HasSubstr("a spread of 1 to 1024"));
  EXPECT_THAT(error([](auto& op, Node&) { op.spread.y = 1025; }),
              HasSubstr("a spread of 1 to 1024"));
  EXPECT_THAT(error([](auto& op, Node&) { op.spread.y = 3; }),
              HasSubstr("a shape that follows from the padding"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.width = 5; }),
              HasSubstr("a shape that follows from the padding"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.channels = 3; }),
              HasSubstr("as many channels as the input has"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.grid = numeric::unsigned_grid(3); }),
              HasSubstr("the element type of the input"));
  EXPECT_THAT(error([](auto&, Node& node) {
                node.inputs = {kSumPool};
                node.value = value(Element::Accumulator, 2, 2);
              }),
              HasSubstr("floats or levels"));
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs.push_back(kLookup); }),
              HasSubstr("expected 1 inputs, found 2"));
}

TEST(VerifyPixels, Resize) {
  const auto error = [](const std::function<void(Resize&, Node&)>& change) {
    return error_of<Resize>(kNearest, change);
  };
  EXPECT_EQ(error([](auto&, Node& node) { node.value.height = 77; }), "no error");
  EXPECT_THAT(error([](auto& op, Node&) {
                op.rule.interpolation = static_cast<numeric::Interpolation>(2);
              }),
              HasSubstr("a known rule of resizing"));
  EXPECT_THAT(
      error([](auto& op, Node&) { op.rule.coordinates = static_cast<numeric::Coordinates>(4); }),
      HasSubstr("a known rule of resizing"));
  EXPECT_THAT(
      error([](auto& op, Node&) { op.rule.rounding = static_cast<numeric::NearestRounding>(4); }),
      HasSubstr("a known rule of resizing"));
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  for (const float scale : {0.0F, -1.0F, kInfinite, kInfinite - kInfinite}) {
    EXPECT_THAT(error([=](auto& op, Node&) { op.scale_y = scale; }),
                HasSubstr("scales that are positive and finite"));
    EXPECT_THAT(error([=](auto& op, Node&) { op.scale_x = scale; }),
                HasSubstr("scales that are positive and finite"));
  }
  EXPECT_THAT(
      error([](auto& op, Node&) { op.rule.interpolation = numeric::Interpolation::Linear; }),
      HasSubstr("floats between pixels"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.channels = 1; }),
              HasSubstr("as many channels as the input has"));
  EXPECT_THAT(error([](auto&, Node& node) { node.value.element = Element::F32; }),
              HasSubstr("the element type of the input"));
  EXPECT_THAT(error([](auto&, Node& node) {
                node.inputs = {kSumPool};
                node.value = value(Element::Accumulator, 2, 2);
              }),
              HasSubstr("floats or levels"));
  EXPECT_THAT(error([](auto&, Node& node) { node.inputs.clear(); }),
              HasSubstr("expected 1 inputs, found 0"));
}

TEST(VerifyChannels, PaddedAverages) {
  const auto error = [](const std::function<void(Pool&, Node&)>& change) {
    return error_of<Pool>(kAveragePool, change);
  };
  EXPECT_THAT(error([](Pool& op, Node&) { op.over = static_cast<AverageOver>(2); }),
              HasSubstr("a known kind of average"));
  EXPECT_THAT(error([](Pool& op, Node& node) {
                op.padding.top = 3;
                node.value.height = 3;
              }),
              HasSubstr("padding smaller than the kernel"));
}

}  // namespace
}  // namespace pact::format
