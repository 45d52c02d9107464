// SPDX-License-Identifier: Apache-2.0
// Packed files of every past version of the format still load and give the outputs that they gave
// when they were written. tests/golden holds each with its outputs on one image, as bits.
#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <fstream>

#include "pact/base/cpu.h"
#include "pact/runtime/model.h"

namespace pact {
namespace {

// The same image for every file: a pattern that touches every pixel value.
std::vector<std::uint8_t> pattern(std::size_t bytes) {
  std::vector<std::uint8_t> image(bytes);
  for (std::size_t i = 0; i < bytes; ++i) image[i] = static_cast<std::uint8_t>(i * 37 % 256);
  return image;
}

std::vector<std::uint32_t> expected_bits(std::filesystem::path path) {
  std::ifstream file(path.replace_extension(".txt"));
  std::vector<std::uint32_t> bits;
  for (std::string word; file >> word;)
    bits.push_back(static_cast<std::uint32_t>(std::stoul(word, nullptr, 16)));
  return bits;
}

TEST(Golden, EveryFileGivesItsOutputsOnEveryInstructionSet) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PACT_SOURCE_DIR "/tests/golden")) {
    if (entry.path().extension() != ".pact") continue;
    ++files;
    const Model model = value_or_throw(Model::load(entry.path()));
    for (const Isa isa : available_isas()) {
      Session session = value_or_throw(Session::create(model, {.isa = isa}));
      std::vector<float> outputs(model.outputs());
      value_or_throw(session.run(pattern(model.image().bytes()), PixelOrder::Planar, outputs));
      std::vector<std::uint32_t> bits;
      for (const float output : outputs) bits.push_back(std::bit_cast<std::uint32_t>(output));
      EXPECT_EQ(bits, expected_bits(entry.path())) << entry.path() << ", " << name(isa);
    }
  }
  EXPECT_GE(files, 1);
}

}  // namespace
}  // namespace pact
