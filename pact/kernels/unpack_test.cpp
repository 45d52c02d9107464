// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/unpack.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "pact/base/cpu.h"

namespace pact::kernels {
namespace {

// Buffers of exactly the documented sizes, a guard behind the target.
void expect_unpacked(const UnpackKernel& kernel, int bits, std::int64_t groups,
                     std::mt19937& random) {
  constexpr std::int8_t kUnpackGuard = 99;
  std::int8_t levels[kUnpackLevels];
  for (std::int8_t& level : levels) level = static_cast<std::int8_t>(random());
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(groups * kUnpackedBytes));
  std::vector<std::int8_t> expected;
  for (std::uint8_t& code : codes) {
    code = static_cast<std::uint8_t>(random() % (1U << bits));
    expected.push_back(levels[code]);
  }
  expected.push_back(kUnpackGuard);
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(groups * packed_group_bytes(bits)));
  pack_groups(codes.data(), groups, bits, packed.data());
  std::vector<std::int8_t> target(expected.size(), kUnpackGuard);
  kernel.run({packed.data(), bits, levels, groups, target.data()});
  EXPECT_EQ(target, expected) << kernel.name << ", " << bits << " bits, " << groups << " groups";
}

TEST(Unpack, EveryKernelGivesTheLevelOfEveryCode) {
  std::mt19937 random(6);
  std::set<std::string> tested;
  std::set<std::string> expected;
  for (const Isa isa : available_isas()) {
    const UnpackKernel& kernel = select_unpack(isa);
    for (const int bits : {2, 4}) {
      for (std::int64_t groups = 0; groups < 40; ++groups) {
        expect_unpacked(kernel, bits, groups, random);
      }
    }
    tested.insert(kernel.name);
    if (kernel.isa == isa) expected.insert(text("unpack_s8_", name(isa)));
  }
  EXPECT_EQ(tested, expected);
}

TEST(Unpack, GivesAwayItsFirstGroups) {
  std::uint8_t packed[5 * packed_group_bytes(4)];
  std::int8_t target[5 * kUnpackedBytes];
  UnpackOperands operands{packed, 4, nullptr, 5, target};
  const UnpackOperands first = operands.take(3);
  EXPECT_EQ(first.packed, packed);
  EXPECT_EQ(first.target, target);
  EXPECT_EQ(first.groups, 3);
  EXPECT_EQ(operands.packed, packed + 3 * packed_group_bytes(4));
  EXPECT_EQ(operands.target, target + 3 * kUnpackedBytes);
  EXPECT_EQ(operands.take(3).groups, 2);
  EXPECT_EQ(operands.take(3).groups, 0);
}

}  // namespace
}  // namespace pact::kernels
