// SPDX-License-Identifier: Apache-2.0
// Any text is a machine that is refused or one that the cost of a network can be told of.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pact/hardware/cost.h"
#include "pact/models/models.h"

namespace {

const pact::hardware::Workload& workload() {
  static const pact::hardware::Workload made = value_or_throw(pact::hardware::workload(
      value_or_throw(pact::models::build("demo-resnet", {1, 28, 28, 10}))));
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto machine = pact::hardware::parse_machine(text, "input");
  if (!machine) return 0;
  for (const int bits : {2, 4, 8}) {
    const auto all = pact::hardware::uniform_bits(workload(), {bits, bits}, bits);
    const auto cost = pact::hardware::cost(workload(), *machine, all);
    if (cost && std::isnan(cost->seconds)) std::abort();
  }
  return 0;
}
