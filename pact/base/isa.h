// SPDX-License-Identifier: Apache-2.0
// Instruction-set levels that have kernels. Apart from cpu.h so that kernel files can include it
// without anything else.
#pragma once

namespace pact {

/// From the slowest to the fastest; NeonDot is that of 64-bit ARM with dot products (Armv8.2).
enum class Isa { Scalar, Avx2, AvxVnni, Avx512, Avx512Vnni, Amx, NeonDot };

/// The level whose kernels take the place of those that `isa` lacks: the fastest that every machine
/// of that level can run. Scalar's is Scalar.
constexpr Isa slower(Isa isa) {
  switch (isa) {
    case Isa::Amx:
      return Isa::Avx512Vnni;
    case Isa::Avx512Vnni:
      return Isa::Avx512;
    case Isa::Avx512:
    case Isa::AvxVnni:
      return Isa::Avx2;
    default:
      return Isa::Scalar;
  }
}

}  // namespace pact
