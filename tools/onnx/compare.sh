#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Compares with ONNX Runtime: torchvision's networks and a decoder as they come in, zoo networks as
# they go out.
# Installs python3-torchvision (Debian) and onnxruntime-node (npm, tools/onnx/package-lock.json).
# Usage: tools/onnx/compare.sh BUILD_FOLDER; the tables go to out/onnx/tables.md
set -euo pipefail
cd "$(dirname "$0")/../.."
pact=$1/pact
compare=$1/tools/onnx/pact_onnx_compare
out=out/onnx
data=${PACT_DATA:-data}
mkdir -p "$out"

if ! python3 -c 'import torchvision' 2>/dev/null && ! /usr/bin/python3 -c 'import torchvision' 2>/dev/null; then
  sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
  $sudo apt-get install -y --no-install-recommends python3-torch python3-torchvision
fi
# The packages belong to the system's Python, which need not be the first in PATH.
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import torchvision' 2>/dev/null && echo "$p" && break; done)
[ -d tools/onnx/node_modules ] || npm ci --prefix tools/onnx --no-fund --no-audit

run() { node tools/onnx/run.mjs "$@"; }

[ -e "$out/decoder.onnx" ] || "$python" tools/onnx/fixtures.py "$out"
{
  echo "| network | nodes | float, relative difference | 8/8: codes that differ, file, float values | 4/4: the same |"
  echo "|---|---|---|---|---|"
  for file in resnet18 resnet50 mobilenet_v2 vgg16 squeezenet1_1 shufflenet_v2_x1_0 densenet121 efficientnet_b0 googlenet decoder; do
    run "$out/$file.onnx" "$out/pixels.u8" 0 224 0.485,0.456,0.406 0.229,0.224,0.225 "$out/$file.f32"
    "$compare" network "$out/$file.onnx" "$out/pixels.u8" "$out/$file.f32"
  done
  echo
  echo "| file | top-1, ours | ONNX Runtime | same class | bytes | float |"
  echo "|---|---|---|---|---|---|"
  printf '%s\n' 'network = "cifar-resnet20-v1"' 'epochs = 0' \
    'start = "weights/pytorch_resnet_cifar10/resnet20.safetensors"' '[data]' 'set = "cifar10"' >"$out/float.toml"
  rm -rf "$out/float"
  "$pact" train "$out/float.toml" --out "$out/float" >&2
  "$pact" export "$out/float/checkpoint.safetensors" --format float --out "$out/float.onnx" >&2
  for model in zoo/cifar10-resnet20-*.pact; do
    name=$(basename "$model" .pact)
    "$pact" export "$model" --format qdq --out "$out/$name.onnx" >&2
    run "$out/$name.onnx" "$data/cifar-10-batches-bin/test_batch.bin" 1 32 0.485,0.456,0.406 0.229,0.224,0.225 "$out/$name.f32"
    "$compare" classes "$model" "$out/$name.onnx" "$out/float.onnx" "$out/$name.f32"
  done
} | tee "$out/tables.md"
