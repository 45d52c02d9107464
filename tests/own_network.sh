#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A network from elsewhere: the commands of examples/bring-your-own-network.md as they stand there, what
# they leave, and what goes wrong. Usage: tests/own_network.sh PACT
set -uo pipefail
cd "$(dirname "$0")/.."
pact=$(realpath "$1")
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. tests/check.sh
ln -s "$root/examples" "$root/recipes" "$work"/
cd "$work"
PATH=$(dirname "$pact"):$PATH

while read -r -a command; do
  check "${command[*]}" 0 "." "${command[@]}"
done < <(sed -n '/^```sh$/,/^```$/p' examples/bring-your-own-network.md | grep -v '^```')

top1() { pact eval "$1" --data fashion-mnist --json | grep -o '"top1":[0-9.]*'; }
at_least() { awk -v found="$(top1 "$1" | cut -d: -f2)" -v least="$2" 'BEGIN { exit !(found >= least) }'; }
check "names survive" 0 "^%conv1 = conv2d" cat out/fashion-cnn.txt
check "8 bits without training" 0 "" at_least out/cnn8/model.pact 0.88
check "4 bits with training" 0 "" at_least out/cnn4/model.pact 0.875
check "the same network comes back from QDQ" 0 "$(top1 out/cnn4/model.pact)" top1 out/cnn4/back.pact
{ pact import out/cnn4/qonnx.onnx --out qonnx.safetensors && pact lower qonnx.safetensors --out qonnx.pact; } >/dev/null
check "and from QONNX" 0 "$(top1 out/cnn4/model.pact)" top1 qonnx.pact
check "bit-exact" 0 "outputs that differ between runtime and evaluator: 0" \
  pact lower out/cnn4/checkpoint.safetensors --check 50 --data fashion-mnist
check "and of the file that comes back" 0 "imported != integer" \
  pact lower out/cnn4/back.safetensors --check 50 --data fashion-mnist
check "from the checkpoint" 0 "saved c.onnx" pact export out/cnn4/checkpoint.safetensors --format qdq --out c.onnx
check "the same bytes" 0 "" cmp out/cnn4/qdq.onnx c.onnx
check "float, through ONNX and back" 0 "saved f.onnx" pact export out/cnn4/network.safetensors --format float --out f.onnx
check "reads it" 0 "saved f.safetensors" pact import f.onnx --out f.safetensors
check "the same accuracy" 0 "$(top1 out/cnn4/network.safetensors)" top1 f.safetensors

check "no overwriting of a run" 2 "is there already" \
  pact quantize examples/fashion-cnn.onnx --mean 0.286 --std 0.353 --data fashion-mnist --out out/cnn4
check "neither data nor recipe" 2 "expected --data or --recipe" pact quantize examples/fashion-cnn.onnx --out x
check "quantized already" 2 "quantized already" \
  pact quantize out/cnn4/back.safetensors --data fashion-mnist --out x
check "float export of a quantized network" 5 "a float file cannot hold" \
  pact export out/cnn4/checkpoint.safetensors --format float --out no.onnx
check "text for an ONNX file" 4 "recipes/finetune.toml: expected an ONNX model" pact import recipes/finetune.toml
check "nothing was made" 1 "" test -e x/checkpoint.safetensors
finish 25
