#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our runtime against oneDNN, one row a network: installs and builds what that needs, writes
# out/bench/summary.json and out/bench/tables.md. Usage: bench/run.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
out=out/bench
mkdir -p "$out"
if ! dpkg-query -W libdnnl-dev >/dev/null 2>&1; then
  sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
  $sudo apt-get install -y --no-install-recommends libdnnl-dev
fi
cmake -S . -B "$build" >/dev/null
cmake --build "$build" --target pact_against_onednn >/dev/null

# network, bits, threads, batch, instruction set of both
rows="resnet18 8/8 1 1 best
resnet18 4/4 1 1 best
resnet18 2/2 1 1 best
resnet50 4/4 1 1 best
resnet50 2/2 1 1 best
cifar-resnet20-v1 4/4 1 1 best
alexnet 4/4 1 1 best
resnet18 4/4 2 1 best
resnet18 4/4 1 8 best
resnet18 4/4 1 1 avx2
resnet18 2/2 1 1 avx2"
while read -r network bits threads batch isa; do
  unset PACT_ISA ONEDNN_MAX_CPU_ISA
  [ "$isa" = best ] || export PACT_ISA="$isa" ONEDNN_MAX_CPU_ISA="${isa^^}"
  "$build/bench/pact_against_onednn" --network "$network" --bits "$bits" --threads "$threads" \
    --batch "$batch"
done <<<"$rows" | tee "$out/rows.jsonl" >&2
{
  echo "["
  sed '$!s/$/,/' "$out/rows.jsonl"
  echo "]"
} >"$out/summary.json.new"
mv "$out/summary.json.new" "$out/summary.json"
{
  echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) threads, last-level cache" \
    "$(getconf LEVEL3_CACHE_SIZE | awk '{print $1 / 2^20 " MiB"}'); $(c++ --version | head -1);" \
    "oneDNN $(dpkg-query -W -f='${Version}' libdnnl-dev)"
  echo
  echo "| network | W/A | instruction set | threads | batch | ours, ms | oneDNN int8, layers alone, ms | ratio | spread |"
  echo "|---|---|---|---|---|---|---|---|---|"
  python3 - "$out/summary.json" <<'PY'
import json, sys
for r in json.load(open(sys.argv[1])):
    print('| {network} | {bits} | {isa} | {threads} | {batch} | {ours_ms:.2f} | {opponent_ms:.2f} | {ratio:.2f} | {spread:.0%} |'.format(**r))
PY
} >"$out/tables.md"
cat "$out/tables.md"
