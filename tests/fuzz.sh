#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the reader of packed files and the importer of ONNX files side by side, each for
# PACT_FUZZ_SECONDS, 60 without it. Usage: tests/fuzz.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."

fuzz() {
  local name=$1 seeds=$2 corpus=$3/corpus/$1
  mkdir -p "$corpus"
  cp tests/golden/*."$seeds" "$corpus"/
  "$3/fuzz/pact_${name}_fuzz" -max_total_time="${PACT_FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=10 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$3/corpus/$name-" "$corpus"
}

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
fuzz reader pact "$1" &
fuzz importer onnx "$1" &
for each in 1 2; do wait -n; done
