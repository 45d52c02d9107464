#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What each choice of a recipe is worth: the demo's network on Fashion-MNIST in 2 bits, one choice
# changed at a time, several seeds. Trains what is missing under out/ablation, where a run's folder is
# called after its settings (remove it where the code has changed), and prints the table.
#   recipes/ablation.sh 1 2 3        # the seeds
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: recipes/ablation.sh SEED.." >&2; exit 2; }
cd "$(dirname "$0")/.."
pact=$PWD/build/release/pact
out=$PWD/out/ablation
mkdir -p "$out"
table=$(mktemp -d)
trap 'rm -rf "$table"' EXIT

# Names, and what they change in recipes/demo-w4a4.toml. START is the float network of the seed.
variants=(
  'base'
  'gradient: the paper'\''s|quantize.gradient=pact'
  'weights: SAWB|quantize.weights=sawb'
  'weights: DoReFa|quantize.weights=dorefa|quantize.granularity=tensor'
  'one scale of weights a layer|quantize.granularity=tensor'
  'alpha learns at a tenth|optimizer.alpha_rate=0.1'
  'no decay of alpha|optimizer.alpha_decay=0'
  'ten times the decay of alpha|optimizer.alpha_decay=2e-3'
  'steps instead of a cosine|schedule.kind=step|schedule.milestones=[1, 2]'
  'batch norm of the last weights|norm_batches=100'
  'shortcuts of 8 bits|quantize.shortcut_bits=8'
  'from float weights|START'
  'from float weights, a third of the rate|START|optimizer.learning_rate=0.03'
  'from float weights, shortcuts of 8 bits|START|quantize.shortcut_bits=8'
  'from float weights, distilled|START|distill.temperature=4.0'
  'PACT as in the paper|quantize.weights=dorefa|quantize.granularity=tensor|quantize.gradient=pact|quantize.alpha=10.0'
  'DoReFa alone: clips stay at 1|quantize.weights=dorefa|quantize.granularity=tensor|quantize.alpha=1.0|optimizer.alpha_rate=0'
)

# train RECIPE SETTINGS..: unless it is there; its folder is then in $folder.
train() {
  local recipe=$1 arguments=() setting
  shift
  folder=$out/$(printf '%s\n' "$@" | cat "$recipe" - | sha256sum | cut -c1-16)
  [ -f "$folder.done" ] && return
  rm -rf "$folder"
  for setting in threads=1 "$@"; do arguments+=(--set "$setting"); done
  "$pact" train "$recipe" --out "$folder" "${arguments[@]}" >"$folder.log" 2>&1 || { tail -n 3 "$folder.log"; exit 1; }
  touch "$folder.done"
}

top1() { tail -n 1 "$1/log.jsonl" | grep -o '"validation_top1":[0-9.]*' | cut -d: -f2; }

# Mean, lowest and highest of the lines of the standard input, in percent.
summary() {
  awk '{ v = 100 * $1; sum += v; if (NR == 1 || v < low) low = v; if (NR == 1 || v > high) high = v }
       END { printf "%.2f | %.2f to %.2f", sum / NR, low, high }'
}

for seed in "$@"; do
  train recipes/demo-float.toml "seed=$seed"
  start=$folder/checkpoint.safetensors
  top1 "$folder" >>"$table/float"
  for i in "${!variants[@]}"; do
    IFS='|' read -ra fields <<<"${variants[i]}"
    settings=("seed=$seed" quantize.weight_bits=2 quantize.activation_bits=2)
    for field in "${fields[@]:1}"; do
      if [ "$field" = START ]; then
        settings+=("start=\"$start\"" 'quantize.calibrate={ method = "mse", batches = 8 }')
      else
        settings+=("$field")
      fi
    done
    train recipes/demo-w4a4.toml "${settings[@]}"
    top1 "$folder" >>"$table/$i"
  done
done

printf '| 2 bits, %d seeds | integer top-1, %% | lowest to highest |\n|---|---|---|\n' $#
printf '| float | %s |\n' "$(summary <"$table/float")"
for i in "${!variants[@]}"; do
  printf '| %s | %s |\n' "${variants[i]%%|*}" "$(summary <"$table/$i")"
done
