#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the readers of packed files, ONNX files and checkpoints side by side, each for
# PACT_FUZZ_SECONDS, 60 without it. Usage: tests/fuzz.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1

corpus() {
  mkdir -p "$build/corpus/$1"
  echo "$build/corpus/$1"
}

fuzz() {
  "$build/fuzz/pact_$1_fuzz" -max_total_time="${PACT_FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=10 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/corpus/$1-" "$(corpus "$1")"
}

cp tests/golden/*.pact "$(corpus reader)"
cp tests/golden/*.onnx "$(corpus importer)"
cp tests/golden/*.safetensors "$(corpus checkpoint)"

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
for name in reader importer checkpoint; do fuzz "$name" & done
for name in reader importer checkpoint; do wait -n; done
