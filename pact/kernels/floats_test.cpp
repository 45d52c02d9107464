// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/floats.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"
#include "pact/base/result.h"

namespace pact::kernels {
namespace {

class Floats : public testing::TestWithParam<std::int64_t> {
 protected:
  static constexpr std::int64_t kPixels = 5;

  std::int64_t channels() const { return GetParam(); }
  std::size_t count() const { return static_cast<std::size_t>(kPixels * channels()); }

  template <typename T>
  std::vector<T> integers() {
    std::vector<T> values(count());
    for (T& value : values) value = static_cast<T>(random_());
    values.front() = std::numeric_limits<T>::lowest();
    values.back() = std::numeric_limits<T>::max();
    return values;
  }
  template <typename T>
  std::vector<T> reals(std::size_t size, double largest) {
    std::uniform_real_distribution<double> uniform(-largest, largest);
    std::vector<T> values(size);
    for (T& value : values) value = static_cast<T>(uniform(random_));
    return values;
  }
  std::vector<float> of_channels(double largest) {
    return reals<float>(static_cast<std::size_t>(channels()), largest);
  }

  // Bit for bit, on every instruction set.
  template <typename T, typename Run>
  void expect_same(const std::vector<T>& expected, const Run& run) {
    for (const Isa isa : available_isas()) {
      const FloatKernel& kernel = select_floats(isa);
      constexpr T kGuard{99};
      std::vector<T> found(count() + 1, kGuard);
      run(kernel, found.data());
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), count() * sizeof(T)), 0) << kernel.name;
      EXPECT_EQ(found.back(), kGuard) << kernel.name;
    }
  }

 private:
  std::mt19937 random_{7};
};
INSTANTIATE_TEST_SUITE_P(Channels, Floats, testing::Values(1, 3, 15, 16, 17, 32, 67, 131));

TEST_P(Floats, AreMadeOfIntegersInDoublePrecision) {
  const auto accumulators = integers<std::int32_t>();
  const auto codes = integers<std::uint8_t>();
  const auto levels = integers<std::int16_t>();
  const std::vector<float> scales[] = {of_channels(1e-4), of_channels(0.1), of_channels(1e-3)};
  const auto offset = of_channels(1);
  const DequantizeOperands::Term terms[] = {
      {TermType::Accumulators, accumulators.data(), 0, scales[0].data()},
      {TermType::Codes, codes.data(), -100, scales[1].data()},
      {TermType::Levels, levels.data(), 0, scales[2].data()}};
  for (int used = 1; used <= 3; ++used) {
    std::vector<float> expected;
    for (std::size_t i = 0; i < count(); ++i) {
      const std::size_t c = i % static_cast<std::size_t>(channels());
      const double products[] = {static_cast<double>(accumulators[i]) * scales[0][c],
                                 static_cast<double>(codes[i] - 100) * scales[1][c],
                                 static_cast<double>(levels[i]) * scales[2][c]};
      double sum = 0;
      for (int t = 0; t < used; ++t) sum += products[t];
      expected.push_back(static_cast<float>(sum + offset[c]));
    }
    expect_same(expected, [&](const FloatKernel& kernel, float* target) {
      kernel.dequantize({terms, used, offset.data(), channels(), kPixels, target});
    });
  }
}

TEST_P(Floats, BecomeLevels) {
  auto values = reals<float>(count(), 40);
  values.front() = std::numeric_limits<float>::infinity();
  values.back() = std::numeric_limits<float>::quiet_NaN();
  const auto inverse = of_channels(10);
  const auto expect = [&]<typename T>(const numeric::Grid& grid, std::int32_t base,
                                      void (*FloatKernel::*to)(const QuantizeOperands<T>&)) {
    const auto quantizer = numeric::make_activation_quantizer(grid, 1);
    std::vector<T> expected;
    for (std::size_t i = 0; i < count(); ++i) {
      auto of_channel = quantizer;
      of_channel.inverse = inverse[i % static_cast<std::size_t>(channels())];
      const float level = numeric::quantize_level(of_channel, values[i]);
      expected.push_back(static_cast<T>(static_cast<std::int32_t>(level) - base));
    }
    expect_same(expected, [&](const FloatKernel& kernel, T* target) {
      (kernel.*to)({values.data(), quantizer, inverse.data(), base, channels(), kPixels, target});
    });
  };
  expect(numeric::affine_grid(8, 100), -100, &FloatKernel::to_codes);
  expect(numeric::symmetric_grid(16), 0, &FloatKernel::to_levels);
}

TEST_P(Floats, AreNormalizedInDoublePrecision) {
  const auto values = reals<float>(count(), 40);
  const auto mean = of_channels(3);
  const auto bias = of_channels(2);
  const auto slope = reals<double>(static_cast<std::size_t>(channels()), 2);
  std::vector<float> expected;
  for (std::size_t i = 0; i < count(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(channels());
    const double scaled = (static_cast<double>(values[i]) - mean[c]) * slope[c];
    expected.push_back(static_cast<float>(scaled + bias[c]));
  }
  expect_same(expected, [&](const FloatKernel& kernel, float* target) {
    kernel.normalize(
        {values.data(), mean.data(), slope.data(), bias.data(), channels(), kPixels, target});
  });
}

TEST_P(Floats, AreSummedInDoublePrecisionInOrder) {
  constexpr std::int64_t kCount = 9;
  const auto outputs = static_cast<std::size_t>(channels());
  const std::ptrdiff_t stride = channels() + 3;
  const auto values = reals<float>(kCount, 1e4);
  const auto weights = reals<float>(static_cast<std::size_t>(kCount * stride), 1);
  const auto before = reals<double>(outputs, 1e3);
  std::vector<double> expected = before;
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < kCount; ++i) {
      expected[o] += static_cast<double>(values[i]) *
                     static_cast<double>(weights[i * static_cast<std::size_t>(stride) + o]);
    }
  }
  for (const Isa isa : available_isas()) {
    std::vector<double> sums = before;
    select_floats(isa).dot(
        {values.data(), kCount, weights.data(), stride, channels(), sums.data()});
    EXPECT_EQ(sums, expected) << select_floats(isa).name;
  }
}

TEST(FloatKernels, EveryLevelHasItsOwn) {
  std::set<std::string> tested;
  std::set<std::string> expected;
  for (const Isa isa : available_isas()) {
    const FloatKernel& kernel = select_floats(isa);
    tested.insert(kernel.name);
    if (kernel.isa == isa) expected.insert(text("floats_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

}  // namespace
}  // namespace pact::kernels
