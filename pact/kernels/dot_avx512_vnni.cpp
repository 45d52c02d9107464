// SPDX-License-Identifier: Apache-2.0
// vpdpbusd and vpdpwssd: the products of a quad added to a 32-bit sum at once, without saturation.
#include "pact/kernels/dot_zmm.h"

namespace pact::kernels {
namespace {

struct AddBytes {
  __m512i operator()(__m512i sums, __m512i activations, __m512i weights) const {
    return _mm512_dpbusd_epi32(sums, activations, weights);
  }
};
struct AddWords {
  __m512i operator()(__m512i sums, __m512i activations, __m512i weights) const {
    return _mm512_dpwssd_epi32(sums, activations, weights);
  }
};

constexpr Isa kVnni = Isa::Avx512Vnni;
constexpr DotKernel kVnniDots[] = {
    zmm_kernel<AddBytes, 1>("dot_u8_s8_i32_16x16x4_avx512vnni", kVnni, DotOperand::Bytes),
    zmm_kernel<AddBytes, 2>("dot_u8_s8_i32_14x32x4_avx512vnni", kVnni, DotOperand::Bytes),
    zmm_kernel<AddWords, 1>("dot_i16_i16_i32_16x16x2_avx512vnni", kVnni, DotOperand::Words),
    zmm_kernel<AddWords, 2>("dot_i16_i16_i32_14x32x2_avx512vnni", kVnni, DotOperand::Words)};

}  // namespace

const DotKernelTable dot_kernels_avx512_vnni{kVnniDots, sizeof kVnniDots / sizeof kVnniDots[0]};

}  // namespace pact::kernels
