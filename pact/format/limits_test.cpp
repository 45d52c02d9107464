// SPDX-License-Identifier: Apache-2.0
// What `verify` refuses because sums, sides or sizes would leave what the runtime can do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pact/format/model.h"
#include "pact/format/sample_model_test.h"

namespace pact::format {
namespace {

using testing::HasSubstr;

// Image -> lookup -> one operation, for limits that the sample is too small for.
Model single(const Value& image, const Value& looked_up, Operation operation, const Value& result) {
  Lookup lookup;
  if (looked_up.element == Element::F32) {
    lookup.floats = keep(std::vector<float>(256, 0.5F));
  } else {
    lookup.codes = keep(std::vector<std::uint8_t>(256, 1));
  }
  Model model{.mean = keep(std::vector<float>{0}), .std = keep(std::vector<float>{1})};
  model.nodes = {{"image", Input{}, {}, image},
                 {"lookup", lookup, {0}, looked_up},
                 {"node", std::move(operation), {1}, result}};
  return model;
}

void expect_refused(const Model& model, const std::string& message) {
  const Status status = verify(model);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr(message));
}

TEST(Verify, RefusesFiltersWhoseSumsLeave32Bits) {
  // 255 * 255 * 182 * 182 > 2^31; one column fewer fits.
  const auto grid = numeric::odd_grid(8);
  const Conv conv{
      .kernel = {182, 182}, .grid = grid, .packed = keep(std::vector<std::byte>(182 * 182))};
  Model model = single(value(Element::Pixel, 1, 182), levels(numeric::unsigned_grid(8), 1, 182),
                       conv, value(Element::Accumulator, 1, 1));
  expect_refused(model, "weights whose sums stay within 32 bits");
  model.nodes[1].value.grid = numeric::unsigned_grid(7);
  expect_refused(model, "an output of floats");
}

// Two codes a byte: 15 * 255 * 561,433 > 2^31.
TEST(Verify, AddsTheCodesThatShareAByte) {
  const auto of_size = [](std::int32_t height, std::int32_t width) {
    const auto filter = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    const Conv conv{.kernel = {height, width},
                    .grid = numeric::odd_grid(4),
                    .packed = keep(std::vector<std::byte>((filter + 1) / 2))};
    Value image = value(Element::Pixel, 1, height);
    Value codes = levels(numeric::unsigned_grid(8), 1, height);
    image.width = codes.width = width;
    return single(image, codes, conv, value(Element::Accumulator, 1, 1));
  };
  expect_refused(of_size(749, 750), "weights whose sums stay within 32 bits");
  expect_refused(of_size(749, 749), "an output of floats");
  expect_refused(of_size(751, 749), "weights whose sums stay within 32 bits");
  expect_refused(of_size(748, 750), "an output of floats");
}

TEST(Verify, RefusesCodesOffTheGridInAnyPlaceOfAByte) {
  for (const unsigned byte : {0xF0U, 0x0FU}) {
    const Conv conv{.kernel = {2, 2},
                    .grid = numeric::symmetric_grid(4),
                    .packed = keep(std::vector<std::byte>{std::byte{0}, std::byte(byte)})};
    expect_refused(single(value(Element::Pixel, 1, 2), levels(numeric::unsigned_grid(8), 1, 2),
                          conv, value(Element::Accumulator, 1, 1)),
                   "weights on their grid");
  }
}

TEST(Verify, RefusesPoolsWhoseSumsLeave32Bits) {
  Value image = value(Element::Pixel, 1, 1024);
  Value floats = value(Element::F32, 1, 1024);
  Value stream = levels(numeric::symmetric_grid(16), 1, 1024);
  image.width = floats.width = stream.width = 65;
  Model model = single(image, floats, Quantize{keep(std::vector<float>{1})}, stream);
  model.nodes.push_back(
      {"sum", Pool{PoolKind::Sum, {1024, 65}, {}, {}}, {2}, value(Element::Accumulator, 1, 1)});
  expect_refused(model, "a pool whose sums stay within 32 bits");
}

TEST(Verify, RefusesSidesThatTheFileCannotHold) {
  Value image = value(Element::Pixel, 1, 1);
  image.width = 1 << 16;
  Value floats = image;
  floats.element = Element::F32;
  expect_refused(single(image, floats, Relu{}, floats), "at most 65535 rows and columns");
}

TEST(Verify, RefusesMoreElementsThanFitTheRuntime) {
  Value image = value(Element::Pixel, 1, 1 << 14);
  Value floats = image;
  floats.element = Element::F32;
  Model model = single(image, floats, Relu{}, floats);
  model.output = 2;
  EXPECT_TRUE(verify(model));
  for (int i = 0; i < 6; ++i) model.nodes.push_back(model.nodes.back());
  expect_refused(model, "values of at most 2^30 elements in all");
}

TEST(Verify, RefusesMoreChannelsThanFitTheRuntime) {
  Value floats = value(Element::F32, 1 << 20, 1);
  Model model =
      single(value(Element::Pixel, 1, 1 << 10), value(Element::F32, 1, 1 << 10), Flatten{}, floats);
  model.output = 2;
  for (std::int32_t i = 2; i < 16; ++i) model.nodes.push_back({"relu", Relu{}, {i}, floats});
  EXPECT_TRUE(verify(model));
  model.nodes.push_back({"relu", Relu{}, {2}, floats});
  expect_refused(model, "at most 2^24 channels in all nodes, once for each input");
}

TEST(Verify, CountsTheChannelsOfAConcatenationForEveryInput) {
  const Value part = value(Element::F32, 1 << 14, 1);
  Model model =
      single(value(Element::Pixel, 1, 1 << 7), value(Element::F32, 1, 1 << 7), Flatten{}, part);
  const auto add_concatenation = [&](std::size_t inputs) {
    Value joined = part;
    joined.channels = static_cast<std::int32_t>(inputs) << 14;
    model.nodes.push_back({"join", Concat{}, std::vector<std::int32_t>(inputs, 2), joined});
  };
  add_concatenation(30);
  model.output = 3;
  EXPECT_TRUE(verify(model));
  add_concatenation(31);  // 30^2 + 31^2 > 2^10
  expect_refused(model, "at most 2^24 channels in all nodes, once for each input");
}

TEST(Verify, RefusesMoreWeightsThanFitTheRuntime) {
  Value image = value(Element::Pixel, 1, 1024);
  Value floats = value(Element::F32, 1, 1024);
  const Conv conv{.kernel = {1024, 1024}, .weights = keep(std::vector<float>{1})};
  expect_refused(single(image, floats, conv, value(Element::F32, 4096, 1)), "at most 2^31 weights");
}

}  // namespace
}  // namespace pact::format
