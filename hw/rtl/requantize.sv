// SPDX-License-Identifier: Apache-2.0
// The requantization of pact/numeric/requantize.h, from a sum and a residual to an unsigned code:
//
//   code = clamp((value * multiplier + residual * residual_multiplier + offset) >> shift, 0, highest)
//
// `offset` is the offset of the law and what is constant beside it: the 2^(shift-1) that rounds, and
// what turns levels into codes (the lowest level of the result times -2^shift, and so on). The law
// bounds the sum to 63 bits, and to 31 once it is shifted; shifts are 1 to 32. The code is in a
// register, the rest combinational.
module requantize #(
    parameter int unsigned VALUE_BITS = 22,
    parameter int unsigned CODE_BITS = 8,
    parameter int unsigned TOTAL_BITS = 64  // more only for values that the law refuses
) (
    input logic clock,
    input logic signed [VALUE_BITS-1:0] value,
    input logic [CODE_BITS-1:0] residual,
    input logic signed [31:0] multiplier,
    input logic signed [31:0] residual_multiplier,
    input logic signed [TOTAL_BITS-1:0] offset,
    input logic [5:0] shift,
    input logic [CODE_BITS-1:0] highest,
    output logic [CODE_BITS-1:0] code
);
  logic signed [VALUE_BITS+31:0] product;
  logic signed [CODE_BITS+32:0] residual_product;
  logic signed [TOTAL_BITS-1:0] total;
  logic signed [31:0] level;

  assign product = (VALUE_BITS + 32)'(value) * (VALUE_BITS + 32)'(multiplier);
  assign residual_product = (CODE_BITS + 33)'(signed'({1'b0, residual})) *
      (CODE_BITS + 33)'(residual_multiplier);
  assign total = TOTAL_BITS'(product) + TOTAL_BITS'(residual_product) + offset;
  assign level = 32'(total >>> shift);

  always_ff @(posedge clock) begin
    if (level < 0) code <= '0;
    else if (level > signed'(32'(highest))) code <= highest;
    else code <= level[CODE_BITS-1:0];
  end
endmodule
