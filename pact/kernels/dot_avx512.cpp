// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/dot_zmm.h"

namespace pact::kernels {
namespace {

struct AddWords {
  __m512i operator()(__m512i sums, __m512i activations, __m512i weights) const {
    return _mm512_add_epi32(sums, _mm512_madd_epi16(activations, weights));
  }
};

constexpr DotKernel kAvx512Dots[] = {
    zmm_kernel<AddWords, 1>("dot_i16_i16_i32_16x16x2_avx512", Isa::Avx512, DotOperand::Words),
    zmm_kernel<AddWords, 2>("dot_i16_i16_i32_14x32x2_avx512", Isa::Avx512, DotOperand::Words)};

}  // namespace

const DotKernelTable dot_kernels_avx512{kAvx512Dots, sizeof kAvx512Dots / sizeof kAvx512Dots[0]};

}  // namespace pact::kernels
