#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that `make test` checks, one step after the other; stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# Tests run in other folders, so a relative data root is made absolute.
if [ -n "${PACT_DATA:-}" ]; then PACT_DATA=$(realpath -m "$PACT_DATA"); export PACT_DATA; fi

started=$SECONDS

step() {
  printf '\n== %s (%d s so far)\n' "$1" $((SECONDS - started))
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
cmake --preset release >build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
cmake --build --preset release >build/release.log 2>&1 || { tail -n 50 build/release.log; exit 1; }
ctest --preset release
skipped build/release

printf '\nall checks passed in %d s\n' $((SECONDS - started))
