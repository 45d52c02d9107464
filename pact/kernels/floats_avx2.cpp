// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/floats_loops.h"

namespace pact::kernels {

const FloatKernel floats_avx2 = float_kernel<4>("floats_avx2", Isa::Avx2);

}  // namespace pact::kernels
