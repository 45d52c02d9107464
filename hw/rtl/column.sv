// SPDX-License-Identifier: Apache-2.0
// One column of the array: ROWS multiply-accumulate units, one output channel. Vectors hold row r at
// [r * bits +: bits]. A partial sum takes ROWS cycles from top to bottom, one activation a cycle.
module column #(
    parameter int unsigned ROWS = 16,
    parameter int unsigned ACTIVATION_BITS = 4,
    parameter int unsigned WEIGHT_BITS = 4,
    parameter int unsigned SUM_BITS = 21
) (
    input logic clock,
    input logic load,
    input logic [WEIGHT_BITS-1:0] weight_in,
    output logic [WEIGHT_BITS-1:0] weight_out,
    input logic [ROWS*ACTIVATION_BITS-1:0] activations_in,
    output logic [ROWS*ACTIVATION_BITS-1:0] activations_out,
    input logic [SUM_BITS-1:0] sum_in,
    output logic [SUM_BITS-1:0] sum_out
);
  // What enters row r; the last is what leaves.
  logic [(ROWS+1)*WEIGHT_BITS-1:0] weights;
  logic [(ROWS+1)*SUM_BITS-1:0] sums;

  assign weights[0+:WEIGHT_BITS] = weight_in;
  assign weight_out = weights[ROWS*WEIGHT_BITS+:WEIGHT_BITS];
  assign sums[0+:SUM_BITS] = sum_in;
  assign sum_out = sums[ROWS*SUM_BITS+:SUM_BITS];

  for (genvar r = 0; r < ROWS; r = r + 1) begin : g_row
    mac #(
        .ACTIVATION_BITS(ACTIVATION_BITS),
        .WEIGHT_BITS(WEIGHT_BITS),
        .SUM_BITS(SUM_BITS)
    ) unit (
        .clock(clock),
        .load(load),
        .weight_in(weights[r*WEIGHT_BITS+:WEIGHT_BITS]),
        .weight_out(weights[(r+1)*WEIGHT_BITS+:WEIGHT_BITS]),
        .activation_in(activations_in[r*ACTIVATION_BITS+:ACTIVATION_BITS]),
        .activation_out(activations_out[r*ACTIVATION_BITS+:ACTIVATION_BITS]),
        .sum_in(sums[r*SUM_BITS+:SUM_BITS]),
        .sum_out(sums[(r+1)*SUM_BITS+:SUM_BITS])
    );
  end
endmodule
