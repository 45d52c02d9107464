// SPDX-License-Identifier: Apache-2.0
// Instruction-set levels that have kernels. Apart from cpu.h so that kernel files can include it
// without anything else.
#pragma once

namespace pact {

/// From the slowest to the fastest.
enum class Isa { Scalar, Avx2, Avx512, Avx512Vnni, Amx };

}  // namespace pact
