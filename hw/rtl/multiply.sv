// SPDX-License-Identifier: Apache-2.0
// The product of an activation code and a weight code, both unsigned.
module multiply #(
    parameter int unsigned ACTIVATION_BITS = 4,
    parameter int unsigned WEIGHT_BITS = 4,
    localparam int unsigned PRODUCT_BITS = ACTIVATION_BITS + WEIGHT_BITS
) (
    input logic [ACTIVATION_BITS-1:0] activation,
    input logic [WEIGHT_BITS-1:0] weight,
    output logic [PRODUCT_BITS-1:0] product
);
  assign product = PRODUCT_BITS'(activation) * PRODUCT_BITS'(weight);
endmodule
