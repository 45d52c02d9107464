// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/table_dot.h"

#include <algorithm>

#include "pact/kernels/select.h"

namespace pact::kernels {

const TableDotKernel& select_table_dot(Isa isa) {
  static constexpr const TableDotKernel* kKernels[] = {
    &table_dot_scalar,
#if defined(__x86_64__)
    &table_dot_avx2,
    &table_dot_avx512
#elif defined(__aarch64__)
    &table_dot_neon
#endif
  };
  return select_kernel(kKernels, isa);
}

void pack_table_columns(const TableDotKernel& kernel, const std::uint8_t* codes,
                        std::int64_t columns, std::int64_t depth, std::uint8_t* packed) {
  std::fill_n(packed, table_dot_groups(depth) * kernel.columns, std::uint8_t{0});
  for (std::int64_t column = 0; column < columns; ++column) {
    std::uint8_t* target = packed + table_place(column, kernel.vector_columns);
    const std::uint8_t* source = codes + column * depth;
    for (std::int64_t i = 0; i < depth; ++i) {
      target[i / kTableGroup * kernel.columns] |=
          static_cast<std::uint8_t>(source[i] << (i % kTableGroup * kTableBits));
    }
  }
}

void pair_codes(const std::uint8_t* codes, std::int64_t depth, std::uint8_t* pairs) {
  std::int64_t i = 0;
  for (; 2 * i + 1 < depth; ++i) {
    pairs[i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << kTableBits);
  }
  const std::int64_t count = 2 * table_dot_groups(depth);
  if (2 * i < depth) pairs[i++] = codes[depth - 1];
  std::fill(pairs + i, pairs + count, std::uint8_t{0});
}

}  // namespace pact::kernels
