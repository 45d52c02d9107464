#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that `make test` checks, one step after the other; stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
started=$SECONDS

step() {
  printf '\n== %s (%d s so far)\n' "$1" $((SECONDS - started))
}

configure_and_build() {
  cmake --preset "$1" >"build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log"; exit 1; }
  cmake --build --preset "$1" -- ${2:-} | { grep -E 'error|warning|FAILED' || true; }
  cmake --build --preset "$1" -- ${2:-} >/dev/null
}

# Tests that had nothing to work on, with their reasons.
skipped() {
  grep -hA1 'Skipped$' "$1/Testing/Temporary/LastTest.log" | grep -vE '^--|Skipped$' | sort | uniq -c |
    sed 's/^ */skipped: /' || true
}

mkdir -p build

step "format"
make --no-print-directory check-format

step "rules of the tree"
cmake -DROOT="$PWD" -P tools/check_layers.cmake
cmake -DROOT="$PWD" -P tools/check_tree.cmake

step "build and test: release"
configure_and_build release
ctest --preset release
skipped build/release

step "the demo's path and the command line, on a small scale"
tests/command_line.sh build/release/pact

step "runtime only: no LibTorch; installed package; example"
tests/install.sh

step "plain C++ side under ASan and UBSan"
configure_and_build asan
PACT_PARITY_IMAGES=1 ctest --preset asan

step "plain C++ side under TSan"
configure_and_build tsan "pact_base_test pact_data_test pact_runtime_test"
ctest --preset tsan -R '^(base|data|runtime)$'

step "fuzz the reader of packed files, one minute"
configure_and_build fuzz
tests/fuzz.sh 60

step "the whole path under ASan and UBSan"
tests/sanitized_path.sh build/asan/pact

step "clang-tidy"
git ls-files 'pact/*.cpp' 'cli/*.cpp' | grep -vE '_test\.cpp$|^pact/(quantizers|nn)/|pact/train/(trainer|optimizer|evaluate)\.cpp' |
  xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/release --header-filter="^$PWD/(pact|cli)/.*" 2>/dev/null

printf '\nall checks passed in %d s\n' $((SECONDS - started))
