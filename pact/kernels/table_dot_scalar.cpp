// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/table_dot.h"

namespace pact::kernels {
namespace {

constexpr int kTableColumns = 32;

void run_table_dot_scalar(const TableDotOperands& o) {
  for (int column = 0; column < kTableColumns; ++column) {
    const std::int64_t place = table_place(column, kTableColumns);
    std::int32_t sum = 0;
    for (std::int64_t pair = 0; pair < 2 * o.groups; ++pair) {
      const int weights = o.b[pair / 2 * kTableColumns + place] >> (pair % 2 * 4);
      sum += (o.pairs[pair] & 3) * (weights & 3) + (o.pairs[pair] >> 2) * (weights >> 2 & 3);
    }
    o.c[column] = sum;
  }
}

}  // namespace

const TableDotKernel table_dot_scalar{.name = "table_dot_u2_u2_i32_1x32_scalar",
                                      .isa = Isa::Scalar,
                                      .columns = kTableColumns,
                                      .vector_columns = kTableColumns,
                                      .run = &run_table_dot_scalar};

}  // namespace pact::kernels
