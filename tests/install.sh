#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds without LibTorch, tests that, installs it, and builds the examples against what is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
prefix=$root/build/install
rm -rf "$prefix" build/example

cmake --preset runtime-only >build/runtime-only.log 2>&1 || { cat build/runtime-only.log; exit 1; }
cmake --build --preset runtime-only --target pact all_verify_interface_header_sets pact_rules_test pact_runtime_test |
  { grep -E 'error|FAILED' || true; }
ctest --preset runtime-only -R '^(rules|runtime)$'
cmake --install build/runtime-only --prefix "$prefix" >/dev/null

# The examples see the installed package and nothing of this tree.
cp -r examples build/example-source
trap 'rm -rf "$root/build/example-source"' EXIT
cmake -S build/example-source -B build/example -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >build/example.log 2>&1 ||
  { cat build/example.log; exit 1; }
cmake --build build/example | { grep -E 'error|FAILED' || true; }
build/example/classify_cpp tests/golden/demo-w4a4-v1.pact
build/example/classify_c tests/golden/demo-w4a4-v1.pact
