// SPDX-License-Identifier: Apache-2.0
#include "pact/base/cpu.h"

#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__) && defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pact {
namespace {

#if defined(__x86_64__)
struct Features {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
};
// Of cpuid's leaf 7: compilers do not know all of them by name.
Features features(unsigned subleaf) {
  Features f;
  __get_cpuid_count(7, subleaf, &f.eax, &f.ebx, &f.ecx, &f.edx);
  return f;
}

bool has_avx_vnni() { return (features(1).eax & 1U << 4) != 0; }

// Tiles with products of bytes; the system grants their registers to a process that asks.
bool has_amx() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr unsigned kTiles = 1U << 24 | 1U << 25;  // and int8
  if ((features(0).edx & kTiles) != kTiles) return false;
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

}  // namespace

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

bool can_run(Isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl");
  const bool has_avx512_vnni = has_avx512 && __builtin_cpu_supports("avx512vnni");
#endif
  switch (isa) {
    case Isa::Scalar:
      return true;
#if defined(__x86_64__)
    case Isa::Avx2:
      return has_avx2;
    case Isa::AvxVnni:
      return has_avx2 && has_avx_vnni();
    case Isa::Avx512:
      return has_avx512;
    case Isa::Avx512Vnni:
      return has_avx512_vnni;
    case Isa::Amx:
      return has_avx512_vnni && has_amx();
#endif
#if defined(__aarch64__) && defined(__linux__)
    case Isa::NeonDot:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
    default:
      return false;
  }
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas;
  for (const IsaName& row : kIsaNames) {
    if (can_run(row.isa)) isas.push_back(row.isa);
  }
  return isas;
}

Result<Isa> selected_isa() {
  const char* forced = std::getenv("PACT_ISA");
  if (forced == nullptr || *forced == '\0') return available_isas().back();
  PACT_TRY(const Isa isa, parse_isa(forced));
  if (can_run(isa)) return isa;
  return make_error(ErrorCode::Unsupported, "PACT_ISA: this machine cannot run '", forced,
                    "'; its fastest level is '", name(available_isas().back()), "'");
}

}  // namespace pact
