// SPDX-License-Identifier: Apache-2.0
// Vectors of `kBytes` for arithmetic that compilers know how to do in any instruction set.
// Anonymous on purpose: every including file has its own copy.
#pragma once

namespace pact::kernels {
namespace {

template <typename T, int kBytes>
struct Vector {
  typedef T type __attribute__((vector_size(kBytes)));
};

template <typename V, typename T>
inline V load(const T* from) {
  V value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <typename V, typename T>
inline void store(T* to, const V& value) {
  __builtin_memcpy(to, &value, sizeof value);
}

}  // namespace
}  // namespace pact::kernels
