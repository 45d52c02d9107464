#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the readers of packed files, ONNX files, checkpoints, data sets and machines side by side, each
# for PACT_FUZZ_SECONDS, 60 without it. Usage: tests/fuzz.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1

corpus() {
  mkdir -p "$build/corpus/$1"
  echo "$build/corpus/$1"
}

fuzz() {
  "$build/fuzz/pact_$1_fuzz" -max_total_time="${PACT_FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=10 \
    -max_len=65536 -artifact_prefix="$build/corpus/$1-" "$(corpus "$1")" >"$build/corpus/$1.log" 2>&1
}

# The last lines of a fuzzer's log: what it found, or how many inputs it tried.
report() {
  tail -n "$1" "$build/corpus/$2.log" | sed "s/^/$2: /"
}

cp tests/golden/*.pact "$(corpus reader)"
cp tests/golden/*.onnx "$(corpus importer)"
cp tests/golden/*.safetensors "$(corpus checkpoint)"

# The first byte says what kind of file it is (fuzz/data_fuzz.cpp).
seed() {
  { printf '%b' "$2"; cat; } >"$(corpus data)/$1"
}
seed images '\x00\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x03abcdefghijkl' </dev/null
seed labels '\x01\x00\x00\x08\x01\x00\x00\x00\x03\x00\x01\x02' </dev/null
seed records '\x02\x01' < <(head -c 48 LICENSE)
seed picture '\x03' <tests/data/pattern.png
cp hw/*.toml "$(corpus machine)"

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
declare -A jobs=()
for name in reader importer checkpoint data machine; do
  fuzz "$name" &
  jobs[$name]=$!
done
for name in "${!jobs[@]}"; do
  wait "${jobs[$name]}" || { report 60 "$name"; exit 1; }
  report 1 "$name"
done
