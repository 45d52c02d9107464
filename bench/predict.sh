#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench/predict.sh PACT MACHINE [NETWORK..]: times of layers as `pact hw` predicts them beside those
# that `pact bench` measures, on one thread with AVX-512 VNNI; of REPEATS measurements the fastest of each layer. Prints
# the last line of every comparison.
set -eu
pact=$1
machine=$2
shift 2
[ $# -gt 0 ] || set -- resnet18 resnet50 alexnet cifar-resnet20-v1
repeats=${REPEATS:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for network; do
  for bits in 8 4 2; do
    for i in $(seq "$repeats"); do
      "$pact" bench --network "$network" --bits "$bits/$bits" --isa avx512vnni --runs 4 --json >"$work/$i.json"
    done
    "$pact" hw --network "$network" --bits "$bits" --machine "$machine" --measured "$work"/*.json | tail -n 1
  done
done
