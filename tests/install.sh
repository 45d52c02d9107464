#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build, and builds the examples against what is installed and nothing else.
# Usage: tests/install.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$1" --prefix "$work/installed" >/dev/null

cp -r examples "$work/source"
cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/installed"
cmake --build "$work/build"
"$work/build/classify_cpp" tests/golden/demo-w4a4-v1.pact
"$work/build/classify_c" tests/golden/demo-w4a4-v1.pact
