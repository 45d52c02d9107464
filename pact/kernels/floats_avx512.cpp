// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/floats_loops.h"

namespace pact::kernels {

const FloatKernel floats_avx512 = float_kernel<8>("floats_avx512", Isa::Avx512);

}  // namespace pact::kernels
