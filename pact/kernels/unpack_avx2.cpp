// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/unpack_ymm.h"

namespace pact::kernels {
namespace {

void unpack(const UnpackOperands& o) {
  if (o.bits == 4) return YmmUnpacker<4>(o).run(o.groups);
  YmmUnpacker<2>(o).run(o.groups);
}

}  // namespace

const UnpackKernel unpack_avx2{.name = "unpack_s8_avx2", .isa = Isa::Avx2, .run = &unpack};

}  // namespace pact::kernels
