// SPDX-License-Identifier: Apache-2.0
// Which instruction-set level kernels may use on this machine.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "pact/base/isa.h"
#include "pact/base/result.h"

namespace pact {

struct IsaName {
  Isa isa;
  std::string_view name;
};

/// Name of every level, as `PACT_ISA` and the command line spell it.
inline constexpr std::array<IsaName, 7> kIsaNames{{{Isa::Scalar, "scalar"},
                                                   {Isa::Avx2, "avx2"},
                                                   {Isa::AvxVnni, "avxvnni"},
                                                   {Isa::Avx512, "avx512"},
                                                   {Isa::Avx512Vnni, "avx512vnni"},
                                                   {Isa::Amx, "amx"},
                                                   {Isa::NeonDot, "neondot"}}};

std::string_view name(Isa isa);

/// The level called `text`; an unknown name is an error that lists the known ones.
Result<Isa> parse_isa(std::string_view text);

/// Whether this machine can run a level. On Linux, a process that asks for Amx on a CPU that has it
/// is given the registers of tiles, for good: signal stacks must then be large enough for them.
bool can_run(Isa isa);

/// The levels that this machine can run, slowest first. Always holds Scalar. Asks for Amx.
std::vector<Isa> available_isas();

/// The level to use: the one that the environment variable PACT_ISA names, else the fastest
/// available. A name that is unknown or that this machine cannot run is an error. Asks for Amx only
/// where it may be the answer.
Result<Isa> selected_isa();

}  // namespace pact
