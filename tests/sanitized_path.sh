#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Train, lower, pack, evaluate, run with a command built under sanitizers.
# Usage: tests/sanitized_path.sh PACT
set -euo pipefail
cd "$(dirname "$0")/.."
pact=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# LibTorch keeps memory until the process ends.
export ASAN_OPTIONS=detect_leaks=0

cat >"$work/small.toml" <<'TOML'
network = "demo-resnet"
epochs = 1
batch_size = 1000
threads = 2
[data]
set = "fashion-mnist"
pad_crop = 2
flip = "horizontal"
[optimizer]
learning_rate = 0.05
[quantize]
alpha = 6.0
calibrate = { batches = 1 }
TOML

"$pact" train "$work/small.toml" --out "$work/run"
"$pact" lower "$work/run/checkpoint.safetensors" --check 50 --data fashion-mnist | tail -n 1
"$pact" eval "$work/run/model.pact" --data fashion-mnist
"$pact" inspect "$work/run/model.pact" >/dev/null
"$pact" report "$work/run" --out "$work/report.html" --images 50
