// SPDX-License-Identifier: Apache-2.0
// A weight-stationary systolic array: one input of a filter a row, one output channel a column.
// Weights are loaded once for a pass; activations stream from left to right, partial sums from top
// to bottom, and at the foot of each column they become codes of the next layer's activations.
//
// A weight code q stands for the level lowest + step * q, step 1 or 2 (pact/numeric/grid.h), so
//
//   sum(a * level) = step * sum(a * q) + lowest * sum(a)
//
// The second sum is the same for all columns. A column of adders on the left makes it; it follows
// the wave along the foot of the array. That way one unsigned multiplier serves every grid.
//
// Vectors hold row r, or column c, at [r * bits +: bits]. To load: `load` for ROWS cycles, the weights
// of the last row first. A vector of activations enters skewed, row r in cycle t + r. What belongs
// to it goes in, or comes out before the clock rises, in cycle
//
//   activation_sum_in    t                  sums_in[c]     t + 1 + c
//   activation_sum_out   t + ROWS           sums_out[c]    t + 1 + c + ROWS
//   residuals[c]         t + 1 + c + ROWS   codes[c]       t + 2 + c + ROWS
//
// Filters longer than ROWS take several passes: the sums that come out are the sums in of the next,
// and the codes of the last pass count. The constants of layer and columns hold still meanwhile.
// Codes and residuals have CODE_BITS whatever the array multiplies: a shortcut may have more bits
// than the layers beside it.
module array #(
    parameter int unsigned ROWS = 16,
    parameter int unsigned COLUMNS = 16,
    parameter int unsigned ACTIVATION_BITS = 4,
    parameter int unsigned WEIGHT_BITS = 4,
    parameter int unsigned SUM_BITS = 21,
    parameter int unsigned CODE_BITS = 8,
    parameter int unsigned TOTAL_BITS = 64
) (
    input logic clock,
    input logic load,
    input logic [COLUMNS*WEIGHT_BITS-1:0] weights,
    input logic [ROWS*ACTIVATION_BITS-1:0] activations,
    input logic [SUM_BITS-1:0] activation_sum_in,
    output logic [SUM_BITS-1:0] activation_sum_out,
    input logic [COLUMNS*SUM_BITS-1:0] sums_in,
    output logic [COLUMNS*SUM_BITS-1:0] sums_out,
    // Of the layer: the grid of the weights, the shift of the requantization, its highest code.
    input logic step_is_two,
    input logic signed [WEIGHT_BITS:0] lowest,
    input logic [5:0] shift,
    input logic [CODE_BITS-1:0] highest,
    // Of the columns: what requantize.sv reads.
    input logic [COLUMNS*CODE_BITS-1:0] residuals,
    input logic [COLUMNS*32-1:0] multipliers,
    input logic [COLUMNS*32-1:0] residual_multipliers,
    input logic [COLUMNS*TOTAL_BITS-1:0] offsets,
    output logic [COLUMNS*CODE_BITS-1:0] codes
);
  localparam int unsigned VALUE_BITS = SUM_BITS + 1;
  localparam int unsigned WAVE_BITS = ROWS * ACTIVATION_BITS;

  // What enters column c, and its foot; the last is what leaves.
  logic [(COLUMNS+1)*WAVE_BITS-1:0] waves;
  logic [(COLUMNS+1)*VALUE_BITS-1:0] corrections;
  logic [COLUMNS*WEIGHT_BITS-1:0] unused_weights;
  logic [WAVE_BITS-1:0] unused_wave;
  logic [VALUE_BITS-1:0] unused_correction;

  assign unused_wave = waves[COLUMNS*WAVE_BITS+:WAVE_BITS];
  assign unused_correction = corrections[COLUMNS*VALUE_BITS+:VALUE_BITS];

  activation_sum #(
      .ROWS(ROWS),
      .ACTIVATION_BITS(ACTIVATION_BITS),
      .WEIGHT_BITS(WEIGHT_BITS),
      .SUM_BITS(SUM_BITS)
  ) left (
      .clock(clock),
      .activations_in(activations),
      .activations_out(waves[0+:WAVE_BITS]),
      .sum_in(activation_sum_in),
      .sum_out(activation_sum_out),
      .lowest(lowest),
      .correction(corrections[0+:VALUE_BITS])
  );

  for (genvar c = 0; c < COLUMNS; c = c + 1) begin : g_column
    column #(
        .ROWS(ROWS),
        .ACTIVATION_BITS(ACTIVATION_BITS),
        .WEIGHT_BITS(WEIGHT_BITS),
        .SUM_BITS(SUM_BITS)
    ) units (
        .clock(clock),
        .load(load),
        .weight_in(weights[c*WEIGHT_BITS+:WEIGHT_BITS]),
        .weight_out(unused_weights[c*WEIGHT_BITS+:WEIGHT_BITS]),
        .activations_in(waves[c*WAVE_BITS+:WAVE_BITS]),
        .activations_out(waves[(c+1)*WAVE_BITS+:WAVE_BITS]),
        .sum_in(sums_in[c*SUM_BITS+:SUM_BITS]),
        .sum_out(sums_out[c*SUM_BITS+:SUM_BITS])
    );

    foot #(
        .SUM_BITS(SUM_BITS),
        .CODE_BITS(CODE_BITS),
        .TOTAL_BITS(TOTAL_BITS)
    ) below (
        .clock(clock),
        .sum(sums_out[c*SUM_BITS+:SUM_BITS]),
        .step_is_two(step_is_two),
        .correction_in(corrections[c*VALUE_BITS+:VALUE_BITS]),
        .correction_out(corrections[(c+1)*VALUE_BITS+:VALUE_BITS]),
        .residual(residuals[c*CODE_BITS+:CODE_BITS]),
        .multiplier(multipliers[c*32+:32]),
        .residual_multiplier(residual_multipliers[c*32+:32]),
        .offset(offsets[c*TOTAL_BITS+:TOTAL_BITS]),
        .shift(shift),
        .highest(highest),
        .code(codes[c*CODE_BITS+:CODE_BITS])
    );
  end
endmodule
