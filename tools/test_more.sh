#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The slower checks: command line, installation, sanitizers, fuzzing, clang-tidy. After `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {
  local preset=$1
  shift
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log"; exit 1; }
  cmake --build --preset "$preset" "$@" >"build/$preset.log" 2>&1 || { tail -n 50 "build/$preset.log"; exit 1; }
}

tests/command_line.sh build/release/pact
tests/install.sh
build asan
PACT_PARITY_IMAGES=1 ctest --preset asan
tests/sanitized_path.sh build/asan/pact
build tsan --target pact_base_test pact_data_test pact_runtime_test
ctest --preset tsan -R '^(base|data|runtime)$'
build fuzz
tests/fuzz.sh 60
git ls-files 'pact/*.cpp' 'cli/*.cpp' |
  grep -vE '_test\.cpp$|^pact/(quantizers|nn)/|pact/train/(trainer|optimizer|evaluate)\.cpp' |
  xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/release --header-filter="^$PWD/(pact|cli)/.*" 2>/dev/null
