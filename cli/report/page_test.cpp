// SPDX-License-Identifier: Apache-2.0
#include "cli/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/report/charts.h"
#include "cli/svg.h"
#include "pact/models/models.h"

namespace pact::cli::report {
namespace {

using testing::HasSubstr;
using testing::Not;

// What is wrong with the tags of `html`, read as XML; empty if nothing is.
std::string wrong_tags(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return "a tag that does not end";
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return "a tag in a tag: " + tag;
    if (tag.starts_with("!") || tag.ends_with("/")) continue;
    if (!tag.starts_with("/")) {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    } else if (open.empty() || open.back() != tag.substr(1)) {
      return "</" + tag.substr(1) + "> after <" + (open.empty() ? "" : open.back()) + ">";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "no end of " + open.back();
}

Section section(const std::string& name, std::size_t epochs) {
  Section result;
  result.run.name = name;
  result.run.date = "2024-05-31 17:05 UTC";
  result.run.recipe.text = "network = \"demo\" # <script>alert('&')</script>\n";
  result.run.recipe.epochs = static_cast<int>(epochs);
  graph::Network network = value_or_throw(models::build("demo-resnet", {1, 28, 28, 10}));
  models::initialize(network, 1);
  result.run.network = value_or_throw(graph::quantize(network, {}));
  for (std::size_t i = 0; i < epochs; ++i) {
    Epoch epoch{.learning_rate = 0.1, .loss = 1.0 / static_cast<double>(i + 1)};
    epoch.validated = "<integer>";
    epoch.validation_top1 = 0.5;
    epoch.clips["relu1.alpha"] = 3;
    if (i > 0) epoch.clips["layer1.0.relu1.alpha"] = 2;
    result.run.log.push_back(epoch);
  }
  result.layers = layers_of(result.run.network);
  return result;
}

void add_activations(Section& section) {
  const graph::Network& network = section.run.network;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(network.nodes().size()); ++id) {
    if (network.node(id).as<graph::FakeQuantize>() == nullptr) continue;
    ActivationCounter counter(network, id);
    counter.add(std::vector<float>{-1, 0, 1, 2, 3, 20});
    section.activations.emplace(id, counter.result());
  }
  section.images = 1;
}

TEST(Escaped, LeavesNoMarkup) {
  EXPECT_EQ(escaped("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
}

TEST(Escaped, ReplacesWhatXmlCannotHold) {
  EXPECT_EQ(escaped("a\x01z\ttab\n"), "a&#xFFFD;z\ttab\n");
  EXPECT_EQ(escaped(std::string_view("\0", 1)), "&#xFFFD;");
  EXPECT_EQ(escaped("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(escaped("\xC3"), "&#xFFFD;");
  EXPECT_EQ(escaped("\xC3<"), "&#xFFFD;&lt;");
  EXPECT_EQ(escaped("\xC0\x80"), "&#xFFFD;&#xFFFD;");
  EXPECT_EQ(escaped("\xED\xA0\x80"), "&#xFFFD;&#xFFFD;&#xFFFD;");
  EXPECT_EQ(escaped("\xF4\x90\x80\x80"), "&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;");
}

TEST(WrongTags, FindsThem) {
  EXPECT_EQ(wrong_tags("<!DOCTYPE html><p>a<br/></p>"), "");
  EXPECT_NE(wrong_tags("<p><b></p></b>"), "");
  EXPECT_NE(wrong_tags("<p>"), "");
  EXPECT_NE(wrong_tags("<p"), "");
}

TEST(Page, IsWellFormedAndLoadsNothing) {
  Section one = section("out/w4a4", 3);
  add_activations(one);
  for (const auto& sections :
       {std::vector<Section>{one}, std::vector<Section>{one, section("untrained", 0)},
        std::vector<Section>{section("untrained", 0)}}) {
    const std::string html = page(sections);
    EXPECT_EQ(wrong_tags(html), "");
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(html, Not(HasSubstr("src=")));
    EXPECT_THAT(html, Not(HasSubstr("url(")));
    EXPECT_THAT(html, Not(HasSubstr("nan")));
    EXPECT_THAT(html, Not(HasSubstr("inf\"")));
  }
}

TEST(Page, EscapesWhatFilesSay) {
  const std::string html = page({section("<i>run</i>", 2)});
  EXPECT_EQ(wrong_tags(html), "");
  EXPECT_THAT(html, HasSubstr("&lt;i&gt;run&lt;/i&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<i>")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;&amp;&#39;)"));
  EXPECT_THAT(html, HasSubstr("(&lt;integer&gt;)"));
}

TEST(Page, ShowsEveryLayerWithItsGrid) {
  Section one = section("run", 2);
  add_activations(one);
  const std::string html = page({one});
  ASSERT_GT(one.layers.size(), 3U);
  for (const Layer& layer : one.layers) {
    EXPECT_THAT(html, HasSubstr("<th scope=\"row\">" + layer.name + "</th>"));
    EXPECT_THAT(html, HasSubstr(">" + layer.name + ", weights</text>"));
  }
  EXPECT_THAT(html, HasSubstr(">alpha 10</text>"));
}

// Whether one of the curves goes through these points.
bool has_curve(const std::string& html, const std::string& points) {
  return html.find("<path d=\"" + points + "\" fill=\"none\"") != std::string::npos;
}

TEST(Page, DrawsEachClipFromItsFirstEpochOn) {
  const std::string html = page({section("run", 3)});
  const std::size_t clips = html.find("Clips over time");
  ASSERT_NE(clips, std::string::npos);
  const std::string drawn = html.substr(clips, html.find("</figure>", clips) - clips);
  EXPECT_THAT(drawn, HasSubstr("relu1.alpha 3.000"));
  EXPECT_THAT(drawn, HasSubstr("layer1.0.relu1.alpha 2.000"));
  EXPECT_THAT(drawn, Not(HasSubstr("layer2")));
  EXPECT_TRUE(has_curve(drawn, "M50.0 52.0L218.0 52.0L386.0 52.0")) << drawn;
  EXPECT_TRUE(has_curve(drawn, "M218.0 222.0L386.0 222.0")) << drawn;
}

TEST(EpochsChart, PlacesValues) {
  const std::string picture =
      epochs_chart("title", "unit", {{.color = "red", .points = {{1, 0}, {2, 0.25}, {5, 1}}}});
  EXPECT_TRUE(has_curve(picture, "M50.0 222.0L134.0 179.5L386.0 52.0")) << picture;
  EXPECT_THAT(picture, HasSubstr("<text x=\"44.0\" y=\"226.0\" text-anchor=\"end\">0</text>"));
  EXPECT_THAT(picture, HasSubstr("<text x=\"44.0\" y=\"56.0\" text-anchor=\"end\">1</text>"));
}

TEST(Page, OfAThousandEpochsStaysSmall) {
  EXPECT_LT(page({section("long", 20'000)}).size(), 150'000U);
}

TEST(RoundAxis, HoldsItsValuesAndHasFewTicks) {
  for (const auto& [lowest, highest] : std::vector<std::pair<double, double>>{{0, 0},
                                                                              {5, 5},
                                                                              {-3, -3},
                                                                              {0.123, 0.124},
                                                                              {0, 97.3},
                                                                              {-1e15, 1e15},
                                                                              {1e-12, 2e-12},
                                                                              {1, 1 + 2.5e-16},
                                                                              {9e14, 9e14 + 0.125},
                                                                              {-1, -1 + 1e-12},
                                                                              {-1e300, 1e300}}) {
    const Axis axis = round_axis("", lowest, highest);
    EXPECT_LE(axis.lowest, lowest);
    EXPECT_GE(axis.highest, highest);
    EXPECT_LT(axis.lowest, axis.highest);
    EXPECT_GE(axis.ticks.size(), 2U);
    EXPECT_LE(axis.ticks.size(), 7U);
  }
}

TEST(LevelsBetweenLines, KeepsLinesApart) {
  EXPECT_EQ(levels_between_lines(numeric::unsigned_grid(4)), 1);
  EXPECT_EQ(levels_between_lines(numeric::symmetric_grid(8)), 8);
}

}  // namespace
}  // namespace pact::cli::report
