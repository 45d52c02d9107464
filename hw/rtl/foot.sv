// SPDX-License-Identifier: Apache-2.0
// The foot of a column: from its sum of codes to the sum of levels (see array.sv), and that to a
// code. The correction moves on to the next column, one a cycle.
module foot #(
    parameter int unsigned SUM_BITS = 21,
    parameter int unsigned CODE_BITS = 8,
    parameter int unsigned TOTAL_BITS = 64
) (
    input logic clock,
    input logic [SUM_BITS-1:0] sum,
    input logic step_is_two,
    input logic [SUM_BITS:0] correction_in,
    output logic [SUM_BITS:0] correction_out,
    input logic [CODE_BITS-1:0] residual,
    input logic signed [31:0] multiplier,
    input logic signed [31:0] residual_multiplier,
    input logic signed [TOTAL_BITS-1:0] offset,
    input logic [5:0] shift,
    input logic [CODE_BITS-1:0] highest,
    output logic [CODE_BITS-1:0] code
);
  logic [SUM_BITS:0] products;
  logic signed [SUM_BITS:0] value;

  assign products = step_is_two ? {sum, 1'b0} : {1'b0, sum};
  assign value = signed'(products + correction_out);

  always_ff @(posedge clock) correction_out <= correction_in;

  requantize #(
      .VALUE_BITS(SUM_BITS + 1),
      .CODE_BITS(CODE_BITS),
      .TOTAL_BITS(TOTAL_BITS)
  ) requantizer (
      .clock(clock),
      .value(value),
      .residual(residual),
      .multiplier(multiplier),
      .residual_multiplier(residual_multiplier),
      .offset(offset),
      .shift(shift),
      .highest(highest),
      .code(code)
  );
endmodule
