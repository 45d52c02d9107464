// SPDX-License-Identifier: Apache-2.0
#include "pact/nn/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pact/base/result.h"

namespace pact::nn {
namespace {

std::string error_of(const std::string& name) {
  try {
    find_device(name);
  } catch (const Exception& error) {
    return error.what();
  }
  return "none";
}

TEST(Device, TheCpuIsAlwaysThere) { EXPECT_EQ(find_device("cpu"), torch::Device(torch::kCPU)); }

TEST(Device, UnknownNamesSayWhatIsExpected) {
  for (const char* name :
       {"", "gpu", "cud", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CUDA", "cuda:99999999999"}) {
    EXPECT_EQ(error_of(name),
              text("device: expected 'cpu', 'cuda' or 'cuda:' and a number, found '", name, "'"));
  }
}

TEST(Device, ADeviceThatIsNotThereIsAnErrorAndOneThatIsGivesItsIndex) {
  EXPECT_THAT(error_of("cuda:127"), testing::HasSubstr("found 'cuda:127'"));
  if (torch::cuda::device_count() == 0) {
    EXPECT_THAT(error_of("cuda"), testing::HasSubstr("expected one of the 0 CUDA devices"));
    return;
  }
  EXPECT_EQ(find_device("cuda"), torch::Device(torch::kCUDA, 0));
}

}  // namespace
}  // namespace pact::nn
