// SPDX-License-Identifier: Apache-2.0
// The multiply-accumulate unit: it holds one weight and adds its product with the activation that
// passes from left to right to the partial sum that passes from top to bottom. Registers: the
// weight, the activation, the sum.
//
// Activations and weights are codes, which are unsigned, as a packed file holds them; what a weight
// code means (its level, pact/numeric/grid.h) is made up for once at the foot of the array.
// A sum of N products is exact in ACTIVATION_BITS + WEIGHT_BITS + ceil(log2(N)) bits.
module mac #(
    parameter int unsigned ACTIVATION_BITS = 4,
    parameter int unsigned WEIGHT_BITS = 4,
    parameter int unsigned SUM_BITS = 21
) (
    input logic clock,
    input logic load,  // the weight from above is taken, and the present one handed down
    input logic [WEIGHT_BITS-1:0] weight_in,
    output logic [WEIGHT_BITS-1:0] weight_out,
    input logic [ACTIVATION_BITS-1:0] activation_in,
    output logic [ACTIVATION_BITS-1:0] activation_out,
    input logic [SUM_BITS-1:0] sum_in,
    output logic [SUM_BITS-1:0] sum_out
);
  logic [ACTIVATION_BITS+WEIGHT_BITS-1:0] product;

  multiply #(
      .ACTIVATION_BITS(ACTIVATION_BITS),
      .WEIGHT_BITS(WEIGHT_BITS)
  ) multiplier (
      .activation(activation_in),
      .weight(weight_out),
      .product(product)
  );

  always_ff @(posedge clock) begin
    if (load) weight_out <= weight_in;
    activation_out <= activation_in;
    sum_out <= sum_in + SUM_BITS'(product);
  end
endmodule
