// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/floats_loops.h"

namespace pact::kernels {

const FloatKernel floats_scalar = float_kernel<2>("floats_scalar", Isa::Scalar);

}  // namespace pact::kernels
