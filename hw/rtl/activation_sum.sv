// SPDX-License-Identifier: Apache-2.0
// The column on the left of the array: it sums the activations that pass, and at its foot multiplies
// the sum with the lowest level of the weights' grid (see array.sv).
module activation_sum #(
    parameter int unsigned ROWS = 16,
    parameter int unsigned ACTIVATION_BITS = 4,
    parameter int unsigned WEIGHT_BITS = 4,
    parameter int unsigned SUM_BITS = 21
) (
    input logic clock,
    input logic [ROWS*ACTIVATION_BITS-1:0] activations_in,
    output logic [ROWS*ACTIVATION_BITS-1:0] activations_out,
    input logic [SUM_BITS-1:0] sum_in,
    output logic [SUM_BITS-1:0] sum_out,
    input logic signed [WEIGHT_BITS:0] lowest,
    output logic [SUM_BITS:0] correction
);
  logic [ROWS*SUM_BITS-1:0] sums;

  assign sum_out = sums[(ROWS-1)*SUM_BITS+:SUM_BITS];
  assign correction = (SUM_BITS + 1)'(sum_out) * (SUM_BITS + 1)'(lowest);

  always_ff @(posedge clock) begin
    activations_out <= activations_in;
    sums[0+:SUM_BITS] <= sum_in + SUM_BITS'(activations_in[0+:ACTIVATION_BITS]);
    for (int r = 1; r < ROWS; r = r + 1) begin
      sums[r*SUM_BITS+:SUM_BITS] <= sums[(r-1)*SUM_BITS+:SUM_BITS] +
          SUM_BITS'(activations_in[r*ACTIVATION_BITS+:ACTIVATION_BITS]);
    end
  end
endmodule
