// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize.h"

namespace pact::kernels {

const RequantizeKernel& select_requantize(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::Amx:
    case Isa::Avx512Vnni:
    case Isa::Avx512:
      return requantize_avx512;
    case Isa::AvxVnni:
    case Isa::Avx2:
      return requantize_avx2;
#endif
    default:
      return requantize_scalar;
  }
}

}  // namespace pact::kernels
