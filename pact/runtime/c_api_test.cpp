// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "pact/base/file.h"
#include "pact/graph/network.h"
#include "pact/lower/lower.h"
#include "pact/runtime/model.h"
#include "pact/runtime/pact.h"

namespace pact {
namespace {

using testing::HasSubstr;

constexpr std::int32_t kChannels = 3;
constexpr std::int32_t kSize = 4;
constexpr std::size_t kImageBytes = kChannels * kSize * kSize;

// Pixels -> levels -> a sum for each channel -> floats; two of the three outputs have a name.
graph::Network small_network() {
  graph::Network network;
  network.name = "small";
  network.preprocessing = {{0, 0, 0}, {1, 1, 1}};
  network.classes = {"cat", "dog"};
  const auto add = [&](const char* name, graph::Operation operation, graph::NodeId input) {
    std::vector<graph::NodeId> inputs;
    if (input >= 0) inputs.push_back(input);
    return value_or_throw(network.add(name, std::move(operation), inputs));
  };
  const auto image =
      add("image", graph::Input{kChannels, kSize, kSize, graph::ImageElement::Pixels}, -1);
  const auto levels = add("levels", graph::Lookup{.grid = numeric::unsigned_grid(8)}, image);
  const auto sums = add("sums", graph::SumPool{{0, 0}, {}}, levels);
  const auto output = add("output", graph::Dequantize{}, sums);
  std::vector<std::int32_t> table(kChannels * 256);
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<std::int32_t>(i % 256 * (i / 256 + 1) % 256);
  }
  network.set_parameter(levels, "table", graph::Tensor::i32({kChannels, 256}, std::move(table)));
  network.set_parameter(output, "scale", graph::Tensor::f32({1, kChannels}, {1, 0.5F, 3}));
  network.set_parameter(output, "offset", graph::Tensor::f32({kChannels}, {0, -1, 0.25F}));
  return network;
}

class CApi : public testing::Test {
 protected:
  CApi() : path_(testing::TempDir() + "c_api_test.pact") {
    bytes_ = value_or_throw(lower::pack(small_network()));
    value_or_throw(write_atomically(path_, bytes_));
    for (std::size_t i = 0; i < 5 * kImageBytes; ++i) {
      images_.push_back(static_cast<std::uint8_t>(i * 37 % 251));
    }
  }
  ~CApi() override { std::filesystem::remove(path_); }

  std::vector<float> expected(PixelOrder order) const {
    const Model model = value_or_throw(Model::load(bytes_));
    Session session = value_or_throw(Session::create(model));
    std::vector<float> outputs(5 * kChannels);
    value_or_throw(session.run(images_, order, outputs));
    return outputs;
  }

  std::filesystem::path path_;
  std::vector<std::byte> bytes_;
  std::vector<std::uint8_t> images_;
};

TEST_F(CApi, DescribesTheModel) {
  pact_model* model = pact_model_load(path_.c_str());
  ASSERT_NE(model, nullptr) << pact_error();
  EXPECT_STREQ(pact_error(), "");
  int channels = 0;
  int height = 0;
  int width = 0;
  pact_model_image(model, &channels, &height, &width);
  EXPECT_EQ(channels, kChannels);
  EXPECT_EQ(height, kSize);
  EXPECT_EQ(width, kSize);
  EXPECT_EQ(pact_model_outputs(model), 3U);
  EXPECT_STREQ(pact_model_class(model, 0), "cat");
  EXPECT_STREQ(pact_model_class(model, 1), "dog");
  EXPECT_EQ(pact_model_class(model, 2), nullptr);
  pact_model_free(model);
}

TEST_F(CApi, RunGivesWhatTheCppInterfaceGives) {
  pact_model* model = pact_model_load(path_.c_str());
  ASSERT_NE(model, nullptr) << pact_error();
  pact_session* session = pact_session_create(model, 2, 3);
  ASSERT_NE(session, nullptr) << pact_error();
  const auto planar = expected(PixelOrder::Planar);
  const auto interleaved = expected(PixelOrder::Interleaved);
  ASSERT_NE(planar, interleaved);
  std::vector<float> outputs(planar.size());
  EXPECT_EQ(pact_session_run(session, images_.data(), 5, PACT_PLANAR, outputs.data()), 0);
  EXPECT_EQ(outputs, planar);
  EXPECT_EQ(pact_session_run(session, images_.data(), 5, PACT_INTERLEAVED, outputs.data()), 0);
  EXPECT_EQ(outputs, interleaved);
  pact_session_free(session);
  pact_model_free(model);
}

TEST_F(CApi, RunOfSomeImagesWritesTheirOutputsAlone) {
  pact_model* model = pact_model_load(path_.c_str());
  ASSERT_NE(model, nullptr) << pact_error();
  pact_session* session = pact_session_create(model, 1, 4);
  ASSERT_NE(session, nullptr) << pact_error();
  auto outputs = std::vector<float>(5 * kChannels, -77);
  EXPECT_EQ(pact_session_run(session, images_.data(), 0, PACT_PLANAR, outputs.data()), 0);
  EXPECT_THAT(outputs, testing::Each(-77));
  EXPECT_EQ(pact_session_run(session, images_.data(), 2, PACT_PLANAR, outputs.data()), 0);
  auto some = expected(PixelOrder::Planar);
  std::fill(some.begin() + 2 * kChannels, some.end(), -77.0F);
  EXPECT_EQ(outputs, some);
  pact_session_free(session);
  pact_model_free(model);
}

TEST_F(CApi, SessionsOutliveTheFile) {
  pact_model* model = pact_model_load(path_.c_str());
  ASSERT_NE(model, nullptr) << pact_error();
  std::filesystem::remove(path_);
  pact_session* session = pact_session_create(model, 1, 1);
  ASSERT_NE(session, nullptr) << pact_error();
  std::vector<float> outputs(5 * kChannels);
  EXPECT_EQ(pact_session_run(session, images_.data(), 5, PACT_PLANAR, outputs.data()), 0);
  EXPECT_EQ(outputs, expected(PixelOrder::Planar));
  pact_session_free(session);
  pact_model_free(model);
}

TEST_F(CApi, FailuresGiveTextAndTheNextSuccessClearsIt) {
  EXPECT_EQ(pact_model_load("/no/such/file.pact"), nullptr);
  EXPECT_THAT(pact_error(), HasSubstr("/no/such/file.pact: cannot open"));
  EXPECT_EQ(pact_model_load(nullptr), nullptr);
  EXPECT_STREQ(pact_error(), "path: expected a pointer, found NULL");
  ASSERT_TRUE(write_atomically(path_, std::string_view("not a packed network at all")));
  EXPECT_EQ(pact_model_load(path_.c_str()), nullptr);
  EXPECT_THAT(pact_error(), HasSubstr("expected a packed network"));
  ASSERT_TRUE(write_atomically(path_, bytes_));
  pact_model* model = pact_model_load(path_.c_str());
  ASSERT_NE(model, nullptr);
  EXPECT_STREQ(pact_error(), "");
  EXPECT_EQ(pact_session_create(model, 0, 1), nullptr);
  EXPECT_THAT(pact_error(), HasSubstr("threads: expected 1 to 256, found 0"));
  EXPECT_EQ(pact_session_create(model, 1, -1), nullptr);
  EXPECT_THAT(pact_error(), HasSubstr("batch: expected 1 to 4096, found -1"));
  pact_model_free(model);
}

TEST_F(CApi, RefusesWhatItCannotRunAndTheNextRunClearsIt) {
  EXPECT_EQ(pact_session_create(nullptr, 1, 1), nullptr);
  EXPECT_STREQ(pact_error(), "model: expected a pointer, found NULL");
  pact_model* model = pact_model_load(path_.c_str());
  ASSERT_NE(model, nullptr) << pact_error();
  pact_session* session = pact_session_create(model, 1, 1);
  ASSERT_NE(session, nullptr) << pact_error();
  std::vector<float> outputs(5 * kChannels);
  const std::uint8_t* images = images_.data();
  EXPECT_EQ(pact_session_run(nullptr, images, 1, PACT_PLANAR, outputs.data()), 1);
  EXPECT_STREQ(pact_error(), "session: expected a pointer, found NULL");
  EXPECT_EQ(pact_session_run(session, nullptr, 1, PACT_PLANAR, outputs.data()), 1);
  EXPECT_STREQ(pact_error(), "images: expected a pointer, found NULL");
  EXPECT_EQ(pact_session_run(session, images, 1, PACT_PLANAR, nullptr), 1);
  EXPECT_STREQ(pact_error(), "outputs: expected a pointer, found NULL");
  EXPECT_EQ(pact_session_run(session, images, 1, 2, outputs.data()), 1);
  EXPECT_STREQ(pact_error(), "order: expected PACT_PLANAR or PACT_INTERLEAVED, found 2");
  // Whose bytes, 48 an image, are 48 once 64 bits have overflowed.
  const std::size_t count = (std::size_t{1} << 60) + 1;
  EXPECT_EQ(pact_session_run(session, images, count, PACT_PLANAR, outputs.data()), 1);
  EXPECT_THAT(pact_error(), HasSubstr("count: expected at most "));
  EXPECT_EQ(pact_session_run(session, images, 5, PACT_PLANAR, outputs.data()), 0);
  EXPECT_STREQ(pact_error(), "");
  pact_session_free(session);
  pact_model_free(model);
}

TEST_F(CApi, EveryThreadHasItsOwnLastError) {
  EXPECT_EQ(pact_model_load(nullptr), nullptr);
  std::string other = "not run";
  std::thread([&] { other = pact_error(); }).join();
  EXPECT_EQ(other, "");
  EXPECT_STRNE(pact_error(), "");
}

TEST(CApiFree, TakesNull) {
  pact_model_free(nullptr);
  pact_session_free(nullptr);
}

}  // namespace
}  // namespace pact
