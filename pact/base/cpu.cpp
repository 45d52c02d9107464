// SPDX-License-Identifier: Apache-2.0
#include "pact/base/cpu.h"

#include <algorithm>
#include <cstdlib>

namespace pact {

std::string_view name(Isa isa) { return kIsaNames[static_cast<size_t>(isa)].name; }

Result<Isa> parse_isa(std::string_view text) {
  std::string known;
  for (const IsaName& row : kIsaNames) {
    if (row.name == text) return row.isa;
    known += known.empty() ? "" : ", ";
    known += row.name;
  }
  return make_error(ErrorCode::InvalidArgument, "instruction set: expected one of ", known,
                    ", found '", text, "'");
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::Scalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) isas.push_back(Isa::Avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    isas.push_back(Isa::Avx512);
    if (__builtin_cpu_supports("avx512vnni")) isas.push_back(Isa::Avx512Vnni);
  }
#endif
  return isas;
}

Result<Isa> selected_isa() {
  const std::vector<Isa> isas = available_isas();
  const char* forced = std::getenv("PACT_ISA");
  if (forced == nullptr || *forced == '\0') return isas.back();
  PACT_TRY(const Isa isa, parse_isa(forced));
  if (std::find(isas.begin(), isas.end(), isa) == isas.end()) {
    return make_error(ErrorCode::Unsupported, "PACT_ISA: this machine cannot run '", forced,
                      "'; its fastest level is '", name(isas.back()), "'");
  }
  return isa;
}

}  // namespace pact
