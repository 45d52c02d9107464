// SPDX-License-Identifier: Apache-2.0
#include "pact/kernels/table_dot.h"

namespace pact::kernels {
namespace {

constexpr int kTableColumns = 32;

void run_table_dot_scalar(const TableDotOperands& o) {
  for (int column = 0; column < kTableColumns; ++column) {
    const std::uint8_t* b = o.b + table_place(column, kTableColumns);
    std::int32_t sum = 0;
    for (std::int64_t segment = 0; segment < o.segments; ++segment, b += o.groups * kTableColumns) {
      const std::uint8_t* pairs = o.pairs + segment * o.segment_stride;
      for (std::int64_t pair = 0; pair < 2 * o.groups; ++pair) {
        const int weights = b[pair / 2 * kTableColumns] >> (pair % 2 * 4);
        sum += (pairs[pair] & 3) * (weights & 3) + (pairs[pair] >> 2) * (weights >> 2 & 3);
      }
    }
    o.c[column] = o.scale * sum + o.added[0];
  }
}
constexpr TableDotFunction kRunTableDotScalar[] = {&run_table_dot_scalar};

}  // namespace

const TableDotKernel table_dot_scalar{.name = "table_dot_u2_u2_i32_1x32_scalar",
                                      .isa = Isa::Scalar,
                                      .columns = kTableColumns,
                                      .vector_columns = kTableColumns,
                                      .max_rows = 1,
                                      .run = kRunTableDotScalar};

}  // namespace pact::kernels
