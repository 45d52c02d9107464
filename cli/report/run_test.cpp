// SPDX-License-Identifier: Apache-2.0
#include "cli/report/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pact::cli::report {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kLine =
    R"({"clips":{"a.alpha":{"gradient_norm":0.1,"value":2.5}},"epoch":1,"learning_rate":0.1,)"
    R"("loss":0.5,"seconds":1.5,"train_top1":0.8,"validated":"integer","validation_top1":0.75})"
    "\n";

std::string replaced(const std::string& from, const std::string& to) {
  std::string line(kLine);
  const std::size_t at = line.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return line.replace(at, from.size(), to);
}

std::string error_of(const std::string& log) {
  try {
    parse_log(log, "log.jsonl");
  } catch (const Exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseLog, ReadsEpochs) {
  const auto log = parse_log(std::string(kLine) + replaced("\"epoch\":1", "\"epoch\":2"), "log");
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].validated, "integer");
  EXPECT_DOUBLE_EQ(log[1].validation_top1, 0.75);
  EXPECT_DOUBLE_EQ(log[1].clips.at("a.alpha"), 2.5);
  EXPECT_TRUE(parse_log("", "log").empty());
}

TEST(ParseLog, SaysWhereAndWhatWasExpected) {
  const std::string good(kLine);
  EXPECT_THAT(error_of(good + good.substr(0, 30)),
              AllOf(HasSubstr("log.jsonl:2: expected a JSON object"), HasSubstr("found")));
  EXPECT_THAT(error_of("[1]\n"), HasSubstr("log.jsonl:1: expected a JSON object, found array"));
  EXPECT_THAT(error_of(good + good), HasSubstr("log.jsonl:2: expected epoch 2, found 1"));
  EXPECT_THAT(error_of(replaced("\"loss\":0.5,", "")), HasSubstr("expected 'loss', found none"));
  EXPECT_THAT(error_of(replaced("0.5", "null")), HasSubstr("loss: expected a number, found null"));
  EXPECT_THAT(error_of(replaced("0.5", "1e300")), HasSubstr("loss: expected a number"));
  EXPECT_THAT(error_of(replaced("\"integer\"", "7")), HasSubstr("validated: expected words"));
  EXPECT_THAT(error_of(replaced("2.5", "\"<b>\"")), HasSubstr("value: expected a number"));
  EXPECT_THAT(error_of(replaced(R"({"gradient_norm":0.1,"value":2.5})", "3")),
              HasSubstr("clip 'a.alpha': expected an object, found 3"));
}

TEST(ParseLog, SurvivesDeepNesting) {
  constexpr std::size_t kDepth = 200'000;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_THAT(error_of(deep), HasSubstr("found array"));
  EXPECT_THAT(error_of(replaced("0.5", deep)), HasSubstr("loss: expected a number, found array"));
}

TEST(ReadRun, NamesWhatIsMissing) {
  try {
    read_run("no/such/folder");
    FAIL();
  } catch (const Exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("no/such/folder: expected the folder of a training run"));
  }
}

}  // namespace
}  // namespace pact::cli::report
