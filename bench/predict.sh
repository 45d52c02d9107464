#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench/predict.sh PACT MACHINE: times of layers as `pact hw` predicts them beside those that `pact
# bench` measures, on one thread. Of each network's runs, the one with the fastest median counts: what
# else runs on the machine only adds. Prints the last line of every comparison.
set -eu
pact=$1
machine=$2
repeats=${REPEATS:-12}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

median() { sed -n 's/.*"median_ms":\([0-9.]*\).*/\1/p' "$1"; }

for network in resnet18 resnet50 alexnet cifar-resnet20-v1; do
  for bits in 8 4 2; do
    rm -f "$work/best.json"
    for _ in $(seq "$repeats"); do
      "$pact" bench --network "$network" --bits "$bits/$bits" --runs 10 --json >"$work/run.json"
      if [ ! -e "$work/best.json" ] ||
        [ "$(printf '%s\n%s\n' "$(median "$work/run.json")" "$(median "$work/best.json")" | sort -g | head -n 1)" = "$(median "$work/run.json")" ]; then
        mv "$work/run.json" "$work/best.json"
      fi
    done
    "$pact" hw --network "$network" --bits "$bits" --machine "$machine" --measured "$work/best.json" | tail -n 1
  done
done
