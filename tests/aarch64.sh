#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the runtime, its kernels and their tests for 64-bit ARM and runs them under emulation.
# aarch64.sh BUILD_FOLDER, whose generated headers it uses. Skipped (77) without the tools.
set -euo pipefail
build=$1
source=$(cd "$(dirname "$0")/.." && pwd)
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool (apt-get install g++-aarch64-linux-gnu qemu-user)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Headers of libraries, without the rest of this machine's.
mkdir "$work/include"
for library in flatbuffers nlohmann gtest gmock; do ln -s "/usr/include/$library" "$work/include/"; done
google=/usr/src/googletest
compiler=(aarch64-linux-gnu-g++ -std=c++20 -O1 -ffp-contract=off -Wall -Wextra -Wno-missing-field-initializers
  "-I$source" "-I$build/generated" -isystem "$work/include" "-I$google/googletest" "-I$google/googlemock")
if command -v ccache >/dev/null; then compiler=(ccache "${compiler[@]}"); fi

cd "$source/pact"
sources=$(ls {base,numeric,format,kernels,graph,models,lower,runtime}/*.cpp | grep -v -e _test.cpp -e _avx -e _amx)
tests="$(ls {kernels,runtime}/*_test.cpp | grep -v session_test)"
libraries="$google/googletest/src/gtest-all.cc $google/googlemock/src/gmock-all.cc $google/googlemock/src/gmock_main.cc"
for file in $sources $tests $libraries; do
  case $file in
    *_neon.cpp) echo "-march=armv8.2-a+dotprod -c $file -o $work/${file//\//_}.o" ;;
    *) echo "-c $file -o $work/${file//\//_}.o" ;;
  esac
done | xargs -P "$(nproc)" -L 1 "${compiler[@]}"
aarch64-linux-gnu-g++ -static "$work"/*.o -o "$work/tests" 2>&1 | grep -v -e getaddrinfo -e MakeConnection || true
# Levels that the emulator lacks would be left out of the tests.
"${compiler[@]}" -static -o "$work/level" "$work"/base_cpu.cpp.o -x c++ - <<'END'
#include "pact/base/cpu.h"
int main() { return pact::available_isas().back() == pact::Isa::NeonDot ? 0 : 1; }
END
qemu-aarch64 "$work/level" || { echo "the emulated processor has no dot products"; exit 1; }
qemu-aarch64 "$work/tests" --gtest_brief=1
