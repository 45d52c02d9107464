// SPDX-License-Identifier: Apache-2.0
// Rules that only the compiled files can show: kernel objects are leaves, the runtime is free of
// the training side.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  pclose(pipe);
  return text;
}

// A vectorised inline function that the linker keeps for the whole program would crash on machines
// without those instructions; so objects of instruction sets define one symbol, their table.
TEST(KernelObjects, DefineTheirTableAndNothingElse) {
  if (PACT_SANITIZED != 0) GTEST_SKIP() << "sanitizers add symbols of their own";
#if !defined(__OPTIMIZE__)
  GTEST_SKIP() << "without optimisation nothing is inlined";
#endif
  std::istringstream objects(PACT_KERNEL_OBJECTS);
  int examined = 0;
  for (std::string object; std::getline(objects, object, ':');) {
    if (object.find("_avx") == std::string::npos && object.find("_amx") == std::string::npos &&
        object.find("_neon") == std::string::npos) {
      continue;
    }
    ++examined;
    std::istringstream symbols(output_of("nm --defined-only --extern-only '" + object + "'"));
    std::vector<std::string> defined;
    for (std::string line; std::getline(symbols, line);) defined.push_back(line);
    ASSERT_EQ(defined.size(), 1U) << object;
    const bool is_data =
        defined[0].find(" D ") != std::string::npos || defined[0].find(" R ") != std::string::npos;
    EXPECT_TRUE(is_data) << defined[0];
  }
#if defined(__x86_64__)
  EXPECT_EQ(examined, 22);
#endif
}

TEST(RuntimeOnly, HoldsNoSymbolOfTheTrainingSide) {
  if (PACT_HAS_TRAIN != 0) GTEST_SKIP() << "this build has the training side";
  const std::string symbols =
      output_of("nm -C '" PACT_COMMAND "'") + output_of("ldd '" PACT_COMMAND "'");
  ASSERT_GT(symbols.size(), 1000U);
  for (const char* foreign : {"torch::", "c10::", "libtorch", "protobuf"}) {
    EXPECT_EQ(symbols.find(foreign), std::string::npos) << foreign;
  }
}

}  // namespace
