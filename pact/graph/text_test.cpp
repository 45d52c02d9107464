// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "pact/graph/network.h"
#include "pact/graph/text_fields.h"

namespace pact::graph {
namespace {

using numeric::Granularity;
using numeric::WeightScheme;
using testing::HasSubstr;

// Every operation, and no attribute at its default where another value is possible.
Network everything() {
  Network n;
  n.name = "every operation";
  n.preprocessing = {{0.4914F, 0.1F, 1e-7F}, {0.25F, 3.0F, 1234567.0F}};
  n.classes = {"one", "two words", ""};
  const auto add = [&](const std::string& name, const Operation& op,
                       const std::vector<NodeId>& in) {
    return value_or_throw(n.add(name, op, in));
  };
  const NodeId in = add("in", Input{6, 19, 17}, {});
  const NodeId conv = add("a.conv",
                          Conv2d{.out_channels = 4,
                                 .kernel = {3, 2},
                                 .stride = {2, 3},
                                 .padding = {1, 2, 3, 4},
                                 .dilation = {2, 1},
                                 .groups = 2,
                                 .bias = Bias::Present,
                                 .weights = {WeightScheme::SawbPlus, 3, Granularity::Group, 6}},
                          {in});
  const NodeId bn = add("a.bn", BatchNorm{.epsilon = 0.00123F}, {conv});
  const NodeId relu = add("a.relu", Relu{}, {bn});
  const NodeId sum = add("sum", Add{}, {relu, conv});
  const NodeId max = add("max", MaxPool{{3, 2}, {2, 1}, {2, 1, 0, 1}}, {sum});
  const NodeId avg = add("avg", AvgPool{{2, 1}, {1, 2}, {1, 0, 0, 0}, AverageOver::Window}, {max});
  const NodeId cut = add("cut", Shortcut{{1, 2}, 3, 5}, {avg});
  const NodeId among = add("among", Pad{{1, 2, 3, 4}, {2, 3}}, {avg});
  add("resized",
      Resize{{7, 9},
             {1.0F / 3, 2.5F},
             {numeric::Interpolation::Linear, numeric::Coordinates::AlignCorners,
              numeric::NearestRounding::Ceil}},
      {among});
  const NodeId leaky = add("leaky", Pointwise{numeric::Function::LeakyRelu, 0.01F, 0}, {conv});
  const NodeId swish = add("swish", Pointwise{numeric::Function::HardSwish, 0, 1e-7F}, {leaky});
  const NodeId product = add("product", Multiply{}, {swish, leaky});
  const NodeId joined = add("joined", Concat{}, {product, conv, swish});
  const NodeId part = add("part", Slice{3, 4}, {joined});
  const Shape& shape = n.node(part).type.shape;
  add("moved", Rearrange{{2, 2, shape[1], shape[2]}, {1, 0, 3, 2}, {4, shape[2], shape[1]}},
      {part});
  add("softmax", Softmax{}, {part});
  NodeId last = cut;
  last = add("q1",
             FakeQuantize{ActivationScheme::Pact, 3, Granularity::Channel, AlphaGradient::PactPlus},
             {last});
  last =
      add("q2",
          FakeQuantize{ActivationScheme::TwoSided, 1, Granularity::Tensor, AlphaGradient::PactPlus},
          {last});
  last = add("q3", FakeQuantize{ActivationScheme::Range, 8}, {last});
  last = add("q4", FakeQuantize{ActivationScheme::Stream, 16}, {last});
  last = add("gap", GlobalAvgPool{}, {last});
  last = add("flat", Flatten{}, {last});
  add("fc", Linear{7, Bias::Absent, {WeightScheme::DoReFa, 2, Granularity::Tensor, 0}}, {last});
  const NodeId grid = add("to/levels", Quantize{numeric::affine_grid(7, 100), 0.1F}, {cut});
  const NodeId pixels = add("px", Input{2, 5, 6, ImageElement::Pixels}, {});
  add("floats", Lookup{.table = PixelTable::Floats}, {pixels});
  const NodeId table =
      add("table", Lookup{PixelTable::Levels, numeric::affine_grid(8, 114), 1.0F / 3}, {pixels});
  const NodeId iconv = add("ic",
                           IntConv2d{.out_channels = 6,
                                     .kernel = {2, 3},
                                     .stride = {2, 1},
                                     .padding = {1, 0, 0, 2},
                                     .dilation = {3, 2},
                                     .groups = 2,
                                     .weights = numeric::odd_grid(5)},
                           {table});
  const NodeId re = add("re", Requantize{17, numeric::symmetric_grid(6), 1e-9F}, {iconv, iconv});
  const NodeId pool = add("sp", SumPool{{2, 2}, {1, 3}}, {re});
  add("all", SumPool{{0, 0}, {}}, {re});
  const NodeId flat = add("iflat", Flatten{}, {re});
  add("il", IntLinear{9, numeric::symmetric_grid(2)}, {flat});
  add("de", Dequantize{}, {pool});
  add("de2", Dequantize{}, {grid});
  n.set_output(*n.find("fc"));
  return n;
}

std::string parse_error(const std::string& text) {
  const Result<Network> network = parse(text);
  return network ? "no error" : network.error().message;
}

TEST(Text, EveryOperationRoundTrips) {
  const Network network = everything();
  const std::string printed = print(network);
  const Result<Network> parsed = parse(printed);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(print(*parsed), printed);
  ASSERT_EQ(parsed->nodes().size(), network.nodes().size());
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    EXPECT_EQ(parsed->nodes()[i], network.nodes()[i]) << network.nodes()[i].name;
    seen.insert(name(network.nodes()[i].operation));
  }
  EXPECT_EQ(seen.size(), kOperationNames.size());
  EXPECT_EQ(parsed->name, network.name);
  EXPECT_EQ(parsed->classes, network.classes);
  EXPECT_EQ(parsed->preprocessing, network.preprocessing);
  EXPECT_EQ(parsed->output(), network.output());
}

TEST(Text, EveryWeightSchemeRoundTrips) {
  int checked = 0;
  for (const auto& row : numeric::kWeightSchemeNames) {
    Network network;
    value_or_throw(network.add("in", Input{}, {}));
    const numeric::WeightSpec spec{.scheme = row.scheme};
    value_or_throw(network.add("conv", Conv2d{.weights = spec}, {0}));
    const Result<Network> parsed = parse(print(network));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->node(1).as<Conv2d>()->weights, spec) << row.name;
    ++checked;
  }
  EXPECT_EQ(checked, 7);
}

TEST(Text, EveryEnumeratorHasANameOfItsOwn) {
  const auto count = [](auto example) {
    std::set<std::string_view> names;
    for (const auto& [value, name] : names_of(example)) {
      EXPECT_EQ(enum_name(value), name);
      const auto parsed = parse_enum<decltype(example)>("x", name);
      EXPECT_TRUE(parsed && *parsed == value) << name;
      names.insert(name);
    }
    return names.size();
  };
  EXPECT_EQ(count(Bias{}), 2U);
  EXPECT_EQ(count(ImageElement{}), 2U);
  EXPECT_EQ(count(ActivationScheme{}), 4U);
  EXPECT_EQ(count(AlphaGradient{}), 2U);
  EXPECT_EQ(count(PixelTable{}), 2U);
  EXPECT_EQ(count(AverageOver{}), 2U);
  EXPECT_EQ(count(numeric::Function{}), 5U);
  EXPECT_EQ(count(WeightScheme{}), 7U);
  EXPECT_EQ(count(Statistics{}), 2U);
  EXPECT_EQ(count(Granularity{}), 3U);
}

TEST(Text, IsTheDocumentedForm) {
  Network network;
  network.name = "tiny";
  network.preprocessing = {{0.5F}, {0.25F}};
  network.classes = {"cat"};
  value_or_throw(network.add("input", Input{1, 4, 4}, {}));
  value_or_throw(network.add("relu", Relu{}, {0}));
  EXPECT_EQ(print(network),
            "network \"tiny\"\n"
            "mean 0.5\n"
            "std 0.25\n"
            "class \"cat\"\n"
            "%input = input() {channels=1 height=4 width=4 element=normalized} : f32[1x4x4]\n"
            "%relu = relu(%input) {} : f32[1x4x4]\n"
            "output %relu\n");
}

TEST(Text, AttributesLeftOutKeepTheirDefaultsAndTheTypeIsInferred) {
  const auto parsed =
      parse("%x = input() {height=8 width=8}\n\n  %c = conv2d( %x ) { kernel=3x3 } : junk\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->node(0).type.shape, (Shape{3, 8, 8}));
  EXPECT_EQ(parsed->node(1).type.shape, (Shape{1, 6, 6}));
  EXPECT_EQ(*parsed->node(1).as<Conv2d>(), (Conv2d{.kernel = {3, 3}}));
}

TEST(Text, ErrorsGiveTheLineAndTheReason) {
  const std::string start = "network \"n\"\n%x = input() {channels=4 height=8 width=8}\n";
  const std::pair<const char*, const char*> cases[] = {
      {"nonsense", "expected network, mean, std, class, output or %name, found 'nonsense'"},
      {"%y = erf(%x) {}", "unknown operation 'erf'"},
      {"%y = (%x) {}", "unknown operation ''"},
      {"%y = relu(%x) {slope=1}", "unknown attribute 'slope' of relu"},
      {"%y = conv2d(%x) {kernel=3x3 kernel=1x1}", "'kernel' is given twice"},
      {"%y = conv2d(%x) {kernel}", "expected name=value, found 'kernel'"},
      {"%y = conv2d(%x) {kernel=3}", "kernel: expected two numbers"},
      {"%y = conv2d(%x) {kernel=3x}", "kernel: expected a number"},
      {"%y = rearrange(%x) {view=4x}", "view: expected a number, found ''"},
      {"%y = conv2d(%x) {padding=1,1,1}", "padding: expected four numbers"},
      {"%y = conv2d(%x) {groups=2.5}", "groups: expected a number, found '2.5'"},
      {"%y = conv2d(%x) {groups=99999999999999999999}", "groups: expected a number"},
      {"%y = conv2d(%x) {groups=3}", "groups that divide"},
      {"%y = conv2d(%x) {bias=maybe}", "expected one of absent, present, found 'maybe'"},
      {"%y = conv2d(%x) {weights=sawb/4}", "weights: expected weights as scheme/bits/granularity"},
      {"%y = conv2d(%x) {weights=sawc/4/tensor}",
       "expected one of none, dorefa, sawb, sawb+, min-max"},
      {"%y = conv2d(%x) {weights=sawb/4/tensor/1/2}", "scheme/bits/granularity"},
      {"%y = fake_quantize(%x) {bits=nine}", "bits: expected a number"},
      {"%y = quantize(%x) {grid=u44}", "grid: expected u<bits>"},
      {"%y = relu(x) {}", "expected %name, found 'x'"},
      {"%y = relu(%z) {}", "no node 'z' before this line"},
      {"%y = relu(%y) {}", "no node 'y' before this line"},
      {"%y = add(%x,) {}", "expected %name, found ''"},
      {"%y = relu(%x", "expected %name = operation(inputs)"},
      {"%y relu(%x) {}", "expected %name = operation(inputs)"},
      {"% = relu(%x) {}", "node name"},
      {"%x = relu(%x) {}", "the name is in use"},
      {"%a b = relu(%x) {}", "node name"},
      {"output %z", "no node 'z'"},
      {"output", "expected network"},
      {"class cat", "expected a name in quotes, found 'cat'"},
      {"class \"", "expected a name in quotes"},
      {"mean 0.5 x", "expected a number, found 'x'"},
  };
  for (const auto& [line, expected] : cases) {
    const std::string message = parse_error(start + line + "\n");
    EXPECT_THAT(message, HasSubstr("line 3: ")) << line;
    EXPECT_THAT(message, HasSubstr(expected)) << line;
  }
}

TEST(Text, AnEmptyTextIsANetworkThatDoesNotVerify) {
  const auto parsed = parse("");
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->nodes().empty());
  EXPECT_FALSE(parsed->verify());
}

TEST(Text, QuotesAndLineEndsInNamesCannotBreakTheForm) {
  Network network;
  network.name = "a\"b\nc";
  network.classes = {"\"", "x\n%y = relu(%x) {}"};
  value_or_throw(network.add("in", Input{}, {}));
  const auto parsed = parse(print(network));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->nodes().size(), 1U);
  EXPECT_EQ(parsed->name, "a b c");
  EXPECT_EQ(parsed->classes.size(), 2U);
}

TEST(Text, HostileTextIsAnErrorAndNothingWorse) {
  const std::string hostile[] = {
      std::string(100'000, '%'),
      std::string(100'000, '('),
      "%" + std::string(100'000, 'a') + " = input() {}",
      "%x = input() {height=9223372036854775807 width=9223372036854775807}",
      "%x = input() {channels=-9223372036854775808}",
      "%x = input() {}\n%y = conv2d(%x) {kernel=9223372036854775807x9223372036854775807}",
      "%x = input() {}\n%y = conv2d(%x) {padding=9223372036854775807,0,0,0}",
      "%x = input() {}\n%y = shortcut(%x) {before=9223372036854775807 after=9223372036854775807}",
      "%x = input() {}\n%y = conv2d(%x) {stride=-1x-1}",
      "%x = input() {}\n%y = relu(" + std::string(10'000, ',') + ") {}",
      std::string("\0\0\0", 3),
      "%x = input() {}\n%y = batch_norm(%x) {epsilon=nan}",
  };
  for (const std::string& text : hostile)
    EXPECT_NE(parse_error(text), "no error") << text.substr(0, 80);
}

TEST(Text, TextWithAnyByteChangedParsesOrIsAnError) {
  constexpr unsigned kSeed = 21;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const std::string printed = print(everything());
  int errors = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = printed;
    damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
    const Result<Network> parsed = parse(damaged);
    if (!parsed) {
      ++errors;
      EXPECT_THAT(parsed.error().message, HasSubstr("line "));
    } else if (!parsed->nodes().empty()) {
      EXPECT_TRUE(parse(print(*parsed)));  // what was accepted can be printed and read
    }
  }
  EXPECT_GT(errors, 500);
}

TEST(Text, RefusesAttributesWithoutTheirClosingBrace) {
  const auto network = parse("%x = input() {channels=3 height=4 width=4\n");
  ASSERT_FALSE(network.has_value());
  EXPECT_NE(network.error().message.find("line 1"), std::string::npos);
}

TEST(Text, RefusesAGroupSizeThatDoesNotDivideTheInputs) {
  const std::string input = "%x = input() {channels=10 height=1 width=1}\n";
  EXPECT_TRUE(parse(input + "%y = conv2d(%x) {weights=min-max/4/group/5}\n").has_value());
  EXPECT_FALSE(parse(input + "%y = conv2d(%x) {weights=min-max/4/group/3}\n").has_value());
  EXPECT_FALSE(parse(input + "%y = conv2d(%x) {weights=min-max/4/tensor/-3}\n").has_value());
}

}  // namespace
}  // namespace pact::graph
