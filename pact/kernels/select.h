// SPDX-License-Identifier: Apache-2.0
// Choosing among the kernels of an operation, one for each instruction set that has one.
#pragma once

#include <cstddef>

#include "pact/base/isa.h"

namespace pact::kernels {

/// The kernel of `isa`, or of the next slower level that has one. One must be scalar.
template <typename Kernel, std::size_t kCount>
const Kernel& select_kernel(const Kernel* const (&kernels)[kCount], Isa isa) {
  for (;; isa = slower(isa)) {
    for (const Kernel* kernel : kernels) {
      if (kernel->isa == isa) return *kernel;
    }
  }
}

}  // namespace pact::kernels
