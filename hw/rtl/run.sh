#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Simulates the array on the layers of the zoo networks, then synthesises it and prints areas beside
# the paper's. Writes out/rtl/simulation.txt, area.json and tables.md. Usage: hw/rtl/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
out=out/rtl
preset=runtime-only
mkdir -p "$out" build

for bits in 2 4 8 16; do
  wide=()
  [ "$bits" -le 8 ] || wide=(-GCODE_BITS=16 -GTOTAL_BITS=80)
  verilator --lint-only -Wall --top-module array "-GACTIVATION_BITS=$bits" "-GWEIGHT_BITS=$bits" \
    "-GSUM_BITS=$((2 * bits + 13))" "${wide[@]}" hw/rtl/*.sv
done
cmake --preset "$preset" >"build/$preset.log"
cmake --build --preset "$preset" --target pact_rtl_test >>"build/$preset.log" ||
  { tail -n 50 "build/$preset.log"; exit 1; }
{ verilator --version && "build/$preset/hw/rtl/pact_rtl_test" --gtest_brief=1; } | tee "$out/simulation.txt"
echo
python3 hw/rtl/synthesize.py "$out"
