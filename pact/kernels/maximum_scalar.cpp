// SPDX-License-Identifier: Apache-2.0
// Of 16 bytes: both architectures have such vectors on every machine.
#include "pact/kernels/maximum_loops.h"

namespace pact::kernels {

const MaximumKernel maximum_scalar = maximum_kernel<16>("maximum_scalar", Isa::Scalar);

}  // namespace pact::kernels
