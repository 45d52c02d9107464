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

# build_and_test TITLE PRESET [BUILD ARGUMENTS..] [-- CTEST ARGUMENTS..]
build_and_test() {
  local title=$1 preset=$2 arguments=()
  shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    arguments+=("$1")
    shift
  done
  [ $# -eq 0 ] || shift
  step "$title: build"
  cmake --preset "$preset" >"build/$preset.log" 2>&1 &&
    cmake --build --preset "$preset" "${arguments[@]}" >>"build/$preset.log" 2>&1 ||
    { tail -n 50 "build/$preset.log"; exit 1; }
  step "$title: test"
  ctest --preset "$preset" "$@"
  skipped "build/$preset"
}

mkdir -p build

step "format"
make --no-print-directory check-format

step "rules of the tree"
cmake -DROOT="$PWD" -P tools/check_layers.cmake
cmake -DROOT="$PWD" -P tools/check_tree.cmake

build_and_test "everything" release
hardware=()
if command -v verilator >/dev/null; then
  hardware=(pact_rtl_test)
else
  echo "skipped: hw/rtl is simulated where verilator is installed"
fi
build_and_test "without LibTorch, installed" runtime-only \
  --target pact pact_rules_test all_verify_interface_header_sets "${hardware[@]}" -- -R '^(rules|install|rtl)$'
# One picture there: the arithmetic is compared above, this looks for memory errors.
PACT_PARITY_IMAGES=1 build_and_test "plain C++ side and a minute of fuzzing under ASan and UBSan" asan
build_and_test "the whole path under ASan" asan-train --target pact -- -R '^sanitized_path$'
build_and_test "threads under TSan" tsan --target pact_base_test pact_data_test pact_runtime_test \
  -- -R '^(base|data|runtime)$'

step "clang-tidy"
# One call for each unity file of the plain C++ side; files that include LibTorch take minutes each.
{
  sed -n 's/^ *"file": "\(.*\)",*$/\1/p' build/asan/compile_commands.json | grep -vE '_test\b|/fuzz/|_verify_|cmake_pch|\.c$'
  ls pact/train/*.cpp | grep -vE '_test\.cpp$|/(trainer|optimizer|evaluate|distill|dropout)\.cpp$'
} | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p build/asan --header-filter="^$PWD/(pact|cli)/.*" 2>build/tidy.log

printf '\nall checks passed in %d s\n' $((SECONDS - started))
