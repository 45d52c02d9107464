#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench/phases.sh PACT [NETWORK BITS ISA RUNS]..: where the time of a run goes, phase by phase, as
# rows of a table: samples of `perf` in the functions of each, after what it takes to make the network.
set -euo pipefail
pact=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- resnet18 4/4 amx 6000 resnet18 2/2 amx 6000 resnet50 2/2 amx 2000 \
  cifar-resnet20-v1 4/4 amx 150000 resnet18 2/2 avx2 1000 resnet18 4/4 avx512vnni 2000 \
  resnet18 2/2 avx512vnni 2000 resnet50 2/2 avx512vnni 800 cifar-resnet20-v1 4/4 avx512vnni 60000

echo '| network | W/A | instruction set | products | Winograd transforms | requantization | unpacking | pixels, pools, copies |'
echo '|---|---|---|---|---|---|---|---|'
while [ $# -gt 0 ]; do
  perf record --quiet --delay 4000 --output "$work/data" "$pact" bench --network "$1" --bits "$2" --isa "$3" --threads 1 --runs "$4" >/dev/null
  perf report --input "$work/data" --stdio --no-children --fields overhead,symbol 2>/dev/null |
    awk -v row="| $1 | $2 | $3 |" '
      /requantize|Requantizer|finish/ { of["requantization"] += $1; next }
      /(input|output)_vector|transform_(input|output)/ { of["transforms"] += $1; next }
      /dot_|multiply|tile|add_bytes|Words/ { of["products"] += $1; next }
      /kernels.*unpack/ { of["unpacking"] += $1; next }
      /maximum|look_up|lookup|run_block|frame|memmove|memset|Pool|floats/ { of["rest"] += $1 }
      END {
        for (phase in of) sum += of[phase]
        count = split("products transforms requantization unpacking rest", phases)
        for (i = 1; i <= count; ++i) row = row sprintf(" %.0f %% |", 100 * of[phases[i]] / sum)
        print row
      }'
  shift 4
done
