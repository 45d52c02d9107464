#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our runtime against oneDNN, ONNX Runtime and itself, one row a pair: installs and builds what that
# needs, writes out/bench/summary.json, tables.md and superlinear.svg. Usage: bench/run.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
out=out/bench
# A pool of threads that spins while it waits takes the other side's cores.
export OMP_WAIT_POLICY=passive
mkdir -p "$out"
missing=()
dpkg-query -W libdnnl-dev >/dev/null 2>&1 || missing+=(libdnnl-dev)
command -v npm >/dev/null || missing+=(nodejs npm)
if [ ${#missing[@]} -gt 0 ]; then
  sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
  $sudo apt-get install -y --no-install-recommends "${missing[@]}"
fi
[ -d tools/onnx/node_modules ] || npm ci --prefix tools/onnx --no-fund --no-audit
cmake -S . -B "$build" >/dev/null
cmake --build "$build" --target pact_against_onednn pact_against_onnxruntime pact_against_ourselves \
  pact_train_step >/dev/null

# network, bits, threads, batch, instruction set of both
onednn="resnet18 8/8 1 1 best
resnet18 4/4 1 1 best
resnet18 2/2 1 1 best
resnet50 4/4 1 1 best
resnet50 2/2 1 1 best
cifar-resnet20-v1 4/4 1 1 best
alexnet 4/4 1 1 best
alexnet 2/2 1 1 best
mobilenet-v2 4/4 1 1 best
resnet18 4/4 2 1 best
resnet18 4/4 1 8 best
resnet18 4/4 1 1 avx2
resnet18 2/2 1 1 avx2
alexnet 4/4 1 1 avx2
mobilenet-v2 4/4 1 1 avx2"
# Where the best is tiles, also on what most machines have.
if grep -qw amx_int8 /proc/cpuinfo; then
  onednn+=$'\n'$(sed -n 's/ 1 1 best$/ 1 1 avx512vnni/p' <<<"$onednn")
fi
if grep -qw avx_vnni /proc/cpuinfo; then
  onednn+=$'\n'$(sed -n '/^resnet18/s/ 1 1 best$/ 1 1 avxvnni/p' <<<"$onednn")
fi
declare -A onednn_names=([avx2]=AVX2 [avxvnni]=AVX2_VNNI [avx512vnni]=AVX512_CORE_VNNI)
# network, bits
onnxruntime="resnet18 8/8
resnet18 4/4
resnet18 2/2
resnet50 4/4
resnet50 2/2
cifar-resnet20-v1 4/4
alexnet 4/4"
# network; bits, threads, batch of ours; the same of the other; runs in a turn, many where weights
# are to be found in a cache that could hold them; least bits of first and last layer
ourselves="resnet18 4/4 2 1 4/4 1 1 10 8
resnet50 4/4 2 1 4/4 1 1 10 8
resnet18 4/4 1 8 4/4 1 1 1 8
resnet50 4/4 1 8 4/4 1 1 1 8
alexnet 4/4 1 1 8/8 1 1 1 8
alexnet 2/2 1 1 8/8 1 1 1 8
lfc 4/4 1 1 8/8 1 1 200 8
lfc 2/2 1 1 8/8 1 1 200 8
lfc 4/4 1 1 8/8 1 1 200 1
lfc 2/2 1 1 8/8 1 1 200 1"
{
  while read -r network bits threads batch isa; do
    unset PACT_ISA ONEDNN_MAX_CPU_ISA
    [ "$isa" = best ] || export PACT_ISA="$isa" ONEDNN_MAX_CPU_ISA="${onednn_names[$isa]}"
    "$build/bench/pact_against_onednn" --network "$network" --bits "$bits" --threads "$threads" \
      --batch "$batch" --turn 10
  done <<<"$onednn"
  unset PACT_ISA ONEDNN_MAX_CPU_ISA
  while read -r network bits; do
    node bench/onnxruntime.mjs "$build/bench/pact_against_onnxruntime" "$out/files" "$network" "$bits" 1 1
  done <<<"$onnxruntime"
  while read -r network bits threads batch other_bits other_threads other_batch turn first_last; do
    "$build/bench/pact_against_ourselves" --network "$network" --bits "$bits" --threads "$threads" --batch "$batch" \
      --other-bits "$other_bits" --other-threads "$other_threads" --other-batch "$other_batch" --turn "$turn" --first-last "$first_last"
  done <<<"$ourselves"
} | tee "$out/rows.jsonl" >&2
for threads in 1 2; do
  "$build/bench/pact_train_step" --threads "$threads"
done | tee "$out/training.jsonl" >&2
{
  second=$(getconf LEVEL2_CACHE_SIZE)
  echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) threads, second-level cache $((second / 2 ** 20)) MiB, last-level cache" \
    "$(getconf LEVEL3_CACHE_SIZE | awk '{print $1 / 2^20 " MiB"}'); $(c++ --version | head -1);" \
    "oneDNN $(dpkg-query -W -f='${Version}' libdnnl-dev);" \
    "ONNX Runtime $(node -p "require('./tools/onnx/node_modules/onnxruntime-node/package.json').version")"
  node bench/tables.mjs "$out"
} >"$out/tables.md"
cat "$out/tables.md"
