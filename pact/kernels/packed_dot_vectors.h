// SPDX-License-Identifier: Apache-2.0
// The loop of packed_dot.h in vectors, compiled once for each instruction set that includes it.
// Anonymous on purpose: every including file has its own copy.
//
// `Ops` are the instructions: a Vector of kLanes quads; fields are looked up in a table of levels.
#pragma once

#include "pact/kernels/packed_dot.h"

namespace pact::kernels {
namespace {

inline constexpr int kPackedVectors = 4;  // of columns, summed side by side
// Bytes of weights ahead of those in use: they come from memory or the last cache.
inline constexpr int kPackedPrefetch = 4096;

inline int quad_at(const std::uint8_t* a) {
  int quad;
  __builtin_memcpy(&quad, a, sizeof quad);
  return quad;
}

template <typename Ops, int kBits>
void packed_dot(const PackedDotOperands& o) {
  using Vector = typename Ops::Vector;
  constexpr int kFields = 8 / kBits;
  constexpr int kVectorBytes = Ops::kLanes * 4;
  const Vector levels = Ops::table(o.levels);
  // Neighbouring fields have sums of their own, so that one need not wait for the other.
  Vector sums[2][kPackedVectors];
  for (auto& chain : sums) {
    for (Vector& sum : chain) sum = Ops::zero();
  }
  const std::uint8_t* a = o.a;
  const std::uint8_t* b = o.b;
  for (std::int64_t group = 0; group < o.groups; ++group, a += kFields * 4) {
    Vector codes[kFields];
#pragma GCC unroll 4
    for (int field = 0; field < kFields; ++field)
      codes[field] = Ops::spread(quad_at(a + field * 4));
#pragma GCC unroll 4
    for (int v = 0; v < kPackedVectors; ++v, b += kVectorBytes) {
      const Vector bytes = Ops::load(b);
      __builtin_prefetch(b + kPackedPrefetch);
#pragma GCC unroll 4
      for (int field = 0; field < kFields; ++field) {
        const Vector weights = Ops::template look_up<kBits>(levels, bytes, field * kBits);
        sums[field % 2][v] = Ops::add_products(sums[field % 2][v], codes[field], weights);
      }
    }
  }
  for (int v = 0; v < kPackedVectors; ++v) {
    Ops::store(o.c + v * Ops::kLanes, Ops::add(sums[0][v], sums[1][v]));
  }
}

template <typename Ops, int kBits>
constexpr PackedDotKernel packed_dot_kernel(const char* name, Isa isa) {
  return {.name = name,
          .isa = isa,
          .bits = kBits,
          .columns = kPackedVectors * Ops::kLanes,
          .run = &packed_dot<Ops, kBits>};
}

}  // namespace
}  // namespace pact::kernels
