#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the reader of packed files for PACT_FUZZ_SECONDS, 60 without it. Usage: tests/fuzz.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=$1/corpus
mkdir -p "$corpus"
cp tests/golden/*.pact "$corpus"/
"$1/fuzz/pact_reader_fuzz" -max_total_time="${PACT_FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=10 \
  -max_len=65536 -print_final_stats=1 "$corpus"
