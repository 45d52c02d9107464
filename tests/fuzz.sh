#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the reader of packed files. Usage: tests/fuzz.sh SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=build/fuzz/corpus
mkdir -p "$corpus"
cp tests/golden/*.pact "$corpus"/
build/fuzz/fuzz/pact_reader_fuzz -max_total_time="$1" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
  -print_final_stats=1 "$corpus" 2>&1 | tail -n 4
