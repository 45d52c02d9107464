// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/requantize.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "pact/kernels/select.h"

namespace pact::kernels {

// With u the largest relative error of one rounding (2^-23 in any rounding mode), p the products
// and o the offset: a product is off by 2u|p| (its value and its multiplier), o by u|o|, and the
// two sums by u(|p2| + |o|) and u|x|, where x is all of it. |p1| <= |x| + |p2| + |o|, so x is off
// by u(3|x| + 5|p2| + 4|o|). That matters up to the highest level; what lies further out is off by
// too little to come back.
int float_fraction_bits(const RequantizeTerms& terms) {
  constexpr int kFewestBits = 9;
  constexpr int kWordBits = 16;
  constexpr double kRounding = 1.0 / (1 << 23);
  constexpr double kHalf = 0.49;  // a little less, for what is of second order above
  if (terms.term_count < 1 || terms.term_count > kMostFloatTerms) return 0;
  if (terms.terms[0].type != TermType::Accumulators) return 0;
  const double level = std::ldexp(1.0, -terms.shift);
  double error = 0;  // in levels, the largest of all channels
  double size = 1;
  for (std::int64_t c = 0; c < terms.channels; ++c) {
    const auto offset = (c % 2 == 0 ? terms.even_offsets : terms.odd_offsets)[c / 2];
    const auto product = [&](int t) {
      return t < terms.term_count ? std::abs(static_cast<double>(terms.terms[t].multipliers[c])) *
                                        static_cast<double>(terms.terms[t].largest)
                                  : 0;
    };
    const double o = std::abs(static_cast<double>(offset));
    error = std::max(
        error, (3.0 * (terms.highest + 1) / level + 5 * product(1) + 4 * o) * level * kRounding);
    size = std::max(size, (product(0) + product(1) + o) * level);
  }
  const int exact = static_cast<int>(std::floor(std::log2(kHalf / error)));
  const int in_int32 = 30 - static_cast<int>(std::ceil(std::log2(size)));
  const int in_words = kWordBits - std::bit_width(static_cast<unsigned>(terms.highest));
  const int bits = std::min({exact, in_int32, in_words});
  return bits < kFewestBits ? 0 : bits;
}

float float_multiplier(std::int32_t multiplier, int shift, int fraction_bits) {
  return static_cast<float>(std::ldexp(static_cast<double>(multiplier), fraction_bits - shift));
}

float float_offset(std::int64_t offset, int shift, int fraction_bits) {
  return static_cast<float>(std::ldexp(static_cast<double>(offset), fraction_bits - shift) + 0.5);
}

const RequantizeKernel& select_requantize(Isa isa) {
  static constexpr const RequantizeKernel* kKernels[] = {
    &requantize_scalar,
#if defined(__x86_64__)
    &requantize_avx2,
    &requantize_avx512
#elif defined(__aarch64__)
    &requantize_neon
#endif
  };
  return select_kernel(kKernels, isa);
}

}  // namespace pact::kernels
