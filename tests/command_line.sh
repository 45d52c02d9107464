#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command as a user meets it: a small training run, killed and resumed, then every subcommand,
# then what goes wrong. Usage: tests/command_line.sh PACT
set -uo pipefail
cd "$(dirname "$0")/.."
pact=$(realpath "$1")
work=$(mktemp -d)
trap 'umount "$work/small_disk" 2>/dev/null; rm -rf "$work"' EXIT
. tests/check.sh

cat >"$work/small.toml" <<'TOML'
network = "demo-resnet"
epochs = 1
batch_size = 500
threads = 1
checkpoint_seconds = 1
[data]
set = "fashion-mnist"
[optimizer]
learning_rate = 0.05
[quantize]
alpha = 6.0
TOML

check "ablation of nothing" 2 "^usage: recipes/ablation.sh SEED" recipes/ablation.sh
check "help has examples" 0 "pact train out/w4a4/recipe.toml" "$pact" train --help
check "version" 0 "^pact [0-9]" "$pact" --version
check "unknown command" 2 "expected a command, found 'frobnicate'" "$pact" frobnicate
printf '"a\\nb" = 1\n' >"$work/key.toml"
check "messages of one line" 2 "unknown key 'a\?b'" "$pact" train "$work/key.toml" --out "$work/key"
check "no command" 2 "^pact: A subcommand is required; see pact --help" "$pact"
check "no images" 2 "^pact run: images is required; see pact run --help" "$pact" run model.pact
check "nothing to do" 2 "lower: expected --out, --text or --check" "$pact" lower checkpoint.safetensors
check "bits of no network" 2 "^pact bench: --bits requires --network" "$pact" bench model.pact --bits 2/2
check "operator set of no choice" 2 "^pact: --opset: expected --format qdq, found float" "$pact" export net.safetensors --format float --opset 15 --out "$work/f.onnx"
check "a file and a network" 2 "eval: expected a file .* or --network" "$pact" eval model.pact --network demo-resnet --weights w.safetensors --data mnist
check "a network without weights" 2 "eval: --network requires --weights" "$pact" eval checkpoint.safetensors --network demo-resnet --data mnist
check "data that nothing is checked on" 2 "lower: --data requires --check" "$pact" lower checkpoint.safetensors --out x.pact --data mnist
check "mean of what has its own" 2 "net.safetensors: --input, --mean, --std and --classes are for ONNX files and --network" \
  "$pact" quantize net.safetensors --mean 0.5 --std 0.2 --data mnist --out "$work/quantized"
check "help that nothing takes" 6 "standard output: cannot write" bash -c "'$pact' train --help >/dev/full"
check "output that nothing takes" 6 "standard output: cannot write" bash -c "'$pact' data >/dev/full"

# Killed without warning, resumed, and compared with a run that was left alone.
check "train" 0 "test [0-9.]+ % \(integer\)" "$pact" train "$work/small.toml" --out "$work/whole"
"$pact" train "$work/small.toml" --out "$work/killed" >/dev/null 2>&1 &
child=$!
for _ in $(seq 200); do
  [ -e "$work/killed/checkpoint.safetensors" ] && break
  sleep 0.1
done
kill -9 "$child"
wait "$child" 2>/dev/null
check "resume after kill -9" 0 "epoch 1/1" "$pact" train "$work/killed/recipe.toml" --out "$work/killed" --resume
check "same weights as an uninterrupted run" 0 "" cmp "$work/whole/model.pact" "$work/killed/model.pact"
"$pact" train "$work/small.toml" --out "$work/interrupted" >"$work/interrupted.log" 2>&1 &
child=$!
sleep 3
kill -INT "$child"
wait "$child"
check "Ctrl-C ends with 130" 0 "^130$" echo $?
check "Ctrl-C says how to go on" 0 "--resume" cat "$work/interrupted.log"
check "no silent overwriting" 2 "is there already; go on with .*--resume" "$pact" train "$work/small.toml" --out "$work/whole"

model=$work/whole/model.pact
check "lower, bit-exact" 0 "outputs that differ between runtime and evaluator: 0" \
  "$pact" lower "$work/whole/checkpoint.safetensors" --check 100 --data fashion-mnist
check "eval packed" 0 '"top1":0\.[6-9]' "$pact" eval "$model" --data fashion-mnist --json
check "eval checkpoint" 0 "top-1 [6-9]" "$pact" eval "$work/whole/checkpoint.safetensors" --data fashion-mnist
mkdir -p "$work/zeros/cifar-10-batches-bin"
truncate -s 30730000 "$work/zeros/cifar-10-batches-bin/test_batch.bin"
check "eval with another data set" 2 "reads 1x28x28 images" env PACT_DATA="$work/zeros" \
  "$pact" eval "$model" --data cifar10
check "inspect" 0 "layer1.0.conv1 +conv 3x3 +16x14x14 +odd4" "$pact" inspect "$model"
check "inspect as JSON" 0 '"operation":"requantize"' "$pact" inspect "$model" --json
check "data" 0 "fashion-mnist .* good" "$pact" data

# A page of one run, of two, and without the data.
cat >"$work/tags.awk" <<'AWK'
# Ends with 1 unless every tag is closed in order.
BEGIN { RS = "<" }
NR > 1 {
  tag = substr($0, 1, index($0, ">") - 1)
  if (tag ~ /^!/ || tag ~ /\/$/) next
  if (tag ~ /^\//) { if (depth == 0 || open[depth--] != substr(tag, 2)) exit wrong = 1 }
  else { split(tag, words, /[ \n]/); open[++depth] = words[1] }
}
END { exit wrong || depth != 0 || NR < 100 }
AWK
check "report" 0 "saved .*page.html" "$pact" report "$work/whole" --out "$work/page.html" --images 20
check "report is well-formed" 0 "" awk -f "$work/tags.awk" "$work/page.html"
check "report shows layers" 0 "layer1.0.conv1, weights" cat "$work/page.html"
check "report shows activations" 0 "layer1.0.relu1, activations" cat "$work/page.html"
check "report needs nothing else" 1 "^0$" grep -cE '<script|src=|url\(|https?://[^w]' "$work/page.html"
check "report of two runs" 0 "saved" "$pact" report "$work/whole" "$work/killed" --out "$work/pages.html" --images 20
check "two runs are well-formed" 0 "" awk -f "$work/tags.awk" "$work/pages.html"
check "report without images" 0 "saved" "$pact" report "$work/whole" --out "$work/page.html" --images 0
check "the page says so" 0 "No activations: no images were asked for" cat "$work/page.html"

check "run a picture" 0 "[0-9.]+ %  [A-Z]" "$pact" run "$model" tests/data/pattern.png
check "the pictures behind a bad one" 5 "^tests/data/pattern.png$" "$pact" run "$model" README.md tests/data/pattern.png
check "each bad picture" 5 "^pact: LICENSE: expected the first bytes" "$pact" run "$model" LICENSE tests/data/pattern.png README.md
check "bad pictures in JSON" 5 '"error":"README.md: expected' "$pact" run "$model" README.md --json
check "run as JSON" 0 '"probability":' "$pact" run "$model" tests/data/pattern.png --json
check "bench" 0 "layer1.0.relu1 +(dot|winograd)_" "$pact" bench "$model" --runs 2
check "bench as JSON" 0 '"isa":"scalar","layers":.*"gmacs_per_second":[0-9.]+' "$pact" bench "$model" --runs 1 --isa scalar --json
check "hw: the paper's figure" 0 "^ +32 +4 +[0-9.]+ +3432 +[0-9.-]+ %" "$pact" hw --network resnet50-original \
  --machine hw/pact-2018.toml --bandwidth 32
check "hw: packed file" 0 "layer1.0.conv1 +4 " "$pact" hw "$model" --machine hw/bit-fusion.toml
check "hw: factors" 0 "linear +speed-up" "$pact" hw --network resnet18 --machine hw/loom.toml --bits 8,2/4 --plot "$work/hw.svg"
check "hw: picture" 0 "^</svg>" cat "$work/hw.svg"
check "hw: JSON" 0 '"speed_up":' "$pact" hw --network alexnet --machine hw/stripes.toml --json
"$pact" bench "$model" --runs 2 --json >"$work/bench.json"
check "hw: against bench" 0 "8 layers: rank correlation" "$pact" hw "$model" --machine hw/xeon-vnni.toml --measured "$work/bench.json"
"$pact" bench "$model" --runs 2 --isa scalar --json >"$work/scalar.json"
check "hw: benches of two kinds" 2 "scalar.json: expected a measurement on .*, threads 1 as in .*, found scalar, threads 1" \
  "$pact" hw "$model" --machine hw/xeon-vnni.toml --measured "$work/bench.json" "$work/scalar.json"
"$pact" bench --network resnet18 --runs 1 --json >"$work/shortcuts.json"
check "hw: bench of other bits" 2 "expected a measurement of --network resnet18 --bits 2/2 .*, found one of --network resnet18 --bits 4/4" \
  "$pact" hw --network resnet18 --bits 2 --machine hw/xeon-vnni.toml --measured "$work/shortcuts.json"
sed 's/"macs":[1-9][0-9]*/"macs":0/' "$work/bench.json" >"$work/fewer.json"
check "hw: bench without a layer" 2 "fewer.json: expected the time of layer 'conv1', found none" \
  "$pact" hw "$model" --machine hw/xeon-vnni.toml --measured "$work/fewer.json"
check "hw: shortcuts that run with their sums" 0 "layer2.0.conv2 \\+ layer2.0.downsample.0|layer2.0.downsample.0 " \
  "$pact" hw --network resnet18 --bits 4/4 --machine hw/xeon-vnni.toml --measured "$work/shortcuts.json"
sed 's/relu1/none/' "$work/bench.json" >"$work/other.json"
sed 's/^clock_hz.*/clock_hz = "170 MHz"/' hw/gap8.toml >"$work/gap8.toml"
check "hw: bench of other layers" 2 "other.json: expected a measurement of" \
  "$pact" hw "$model" --machine hw/xeon-vnni.toml --measured "$work/other.json"
check "hw: not a bench" 4 "expected the JSON of" "$pact" hw "$model" --machine hw/xeon-vnni.toml --measured README.md
check "hw: machine in other units" 2 "gap8.toml:[0-9]+: clock_hz: expected a number of hertz .* found '170 MHz'" \
  "$pact" hw "$model" --machine "$work/gap8.toml"
check "hw: no such machine" 3 "none.toml: cannot open" "$pact" hw "$model" --machine "$work/none.toml"
check "hw: bits beyond the machine" 2 "expected at most 8 bits, which GAP8" "$pact" hw "$model" --machine hw/gap8.toml --bits 16
check "hw: bandwidth in words" 2 "expected gigabytes a second" "$pact" hw "$model" --machine hw/gap8.toml --bandwidth fast
check "hw: no bits" 2 "expected 1 to 16 bits" "$pact" hw "$model" --machine hw/gap8.toml --bits 4/
check "hw: bits of what is measured" 2 "^pact: --bits: expected none with --measured" "$pact" hw "$model" --machine hw/xeon-vnni.toml --measured "$work/bench.json" --bits 4
check "hw: ends of what has its own bits" 2 "^pact: --first-last: expected --bits, too" "$pact" hw "$model" --machine hw/gap8.toml --first-last 4
check "hw: ends that do not run" 2 "^pact: --first-last: expected at most 8 bits" \
  "$pact" hw --network resnet18 --bits 4 --first-last 16 --machine hw/xeon-vnni.toml --measured "$work/bench.json"
check "bench: bits of the ends" 0 '"bits":"2/2".*"first_last":2' "$pact" bench --network demo-resnet --bits 2/2 --first-last 2 --runs 1 --json
check "hw: nothing" 2 "expected a file or --network" "$pact" hw --machine hw/gap8.toml
check "bench of impossible bits" 2 "expected 1 to 8 bits, or weights/activations as 4/8, found '9/4'" \
  "$pact" bench --network demo-resnet --bits 9/4
check "bench of nothing" 2 "expected a file or --network" "$pact" bench
check "unknown instruction set" 2 "expected one of scalar, avx2, avxvnni" env PACT_ISA=sse9 \
  "$pact" eval "$model" --data fashion-mnist

# Bad input: one line, a status other than 0.
check "missing data" 3 "PACT_DATA" env PACT_DATA="$work/none" "$pact" eval "$model" --data mnist
mkdir -p "$work/data/cifar-10-batches-bin"
head -c 1000 /dev/zero >"$work/data/cifar-10-batches-bin/test_batch.bin"
check "CIFAR-10 of a wrong size" 4 "expected 30730000 bytes" env PACT_DATA="$work/data" \
  "$pact" eval "$model" --data cifar10
head -c 500 "$model" >"$work/cut.pact"
check "truncated network" 4 "damaged|expected a packed network" "$pact" inspect "$work/cut.pact"
check "no network" 3 "No such file" "$pact" inspect "$work/none.pact"
check "text for a network" 4 "expected a packed network" "$pact" inspect README.md
sed 's/epochs/epoch/' "$work/small.toml" >"$work/typo.toml"
check "unknown key" 2 "typo.toml:2: unknown key 'epoch'" "$pact" train "$work/typo.toml" --out "$work/x"
sed 's/batch_size = 500/batch_size = -1/' "$work/small.toml" >"$work/value.toml"
check "setting of an unknown key" 2 "small.toml \(with --set\):[0-9]+: unknown key 'data.sets'" "$pact" train "$work/small.toml" --out "$work/x" --set data.sets=mnist
check "missing SVHN" 3 "missing .*svhn/test_32x32.mat \(md5 eb5a983b" env PACT_DATA="$work/none" \
  "$pact" train recipes/paper/svhn-7conv.toml --out "$work/x" --set data.set=svhn-extra
check "unknown device" 2 "device: expected 'cpu', 'cuda' or 'cuda:' and a number, found 'gpu'" "$pact" train "$work/small.toml" --out "$work/x" --device gpu
check "missing ImageNet" 3 "imagenet: missing .*imagenet/val" env PACT_DATA="$work/none" "$pact" train recipes/paper/resnet18.toml --out "$work/x"
check "impossible value" 2 "batch_size: expected a whole number from 2" "$pact" train "$work/value.toml" --out "$work/x"
sed 's/demo-resnet/cifar-resnet20-v1/' "$work/small.toml" >"$work/other.toml"
check "checkpoint of another network" 2 "of another network" "$pact" train "$work/other.toml" --out "$work/whole" --resume
check "packed network for a checkpoint" 4 "expected a file of tensors" "$pact" lower "$model" --out "$work/x.pact"
check "layers in integers" 0 "[0-9]+ of [0-9]+ layers in integers" "$pact" lower "$work/whole/checkpoint.safetensors" --out "$work/x.pact"
check "weights that do not fit" 4 "parameter '[a-z0-9.]+'" "$pact" eval --network demo-resnet \
  --weights "$work/whole/checkpoint.safetensors" --data fashion-mnist
printf 'not a picture' >"$work/bad.png"
check "corrupt picture" 5 "bad.png: expected the first bytes of a PNG or JPEG" "$pact" run "$model" "$work/bad.png"

# Weights without their structure.
weights=${PACT_DATA:-data}/weights/pytorch_resnet_cifar10/resnet20.safetensors
if [ -e "$weights" ]; then
  check "weights of a known network" 0 "0.271 M parameters" \
    "$pact" import "$weights" --network cifar-resnet20-v1 --mean 0.5 0.5 0.5 --std 0.2 0.2 0.2 --out "$work/resnet20.safetensors"
  check "is a network" 0 "saved .*.onnx" "$pact" export "$work/resnet20.safetensors" --format float --out "$work/resnet20.onnx"
  check "weights of another network" 4 "resnet20.safetensors: parameter" "$pact" import "$weights" --network demo-resnet
  check "weights of no network" 2 "expected one of|known" "$pact" import "$weights" --network resnet21
  check "weights alone" 4 "found tensors alone \(name the network\)" "$pact" import "$weights"
else
  echo "skipped: weights without their structure (no $weights)"
fi
check "a network of an ONNX file" 2 "fashion-cnn.onnx: --network is for files of weights alone" \
  "$pact" import examples/fashion-cnn.onnx --network demo-resnet

# Reports of damaged folders: no page.
mkdir "$work/damaged"
cp "$work/whole"/*.* "$work/damaged"
report_fails() {
  check "$1" "$2" "$3" "$pact" report "$work/damaged" --out "$work/none.html" --images 20
  check "$1: no page" 1 "" test -e "$work/none.html"
  cp "$work/whole"/*.* "$work/damaged"
}
head -c 100 "$work/whole/log.jsonl" >"$work/damaged/log.jsonl"
report_fails "report of a cut log" 4 "log.jsonl:1: expected a JSON object"
sed -i 's/relu1/relu9/' "$work/damaged/log.jsonl"
report_fails "report of another log" 2 "log.jsonl:1: expected clips of the checkpoint's network"
printf '' >"$work/damaged/log.jsonl"
report_fails "report of an empty log" 4 "expected the 1 epochs of the checkpoint, found 0"
printf '# another\n' >>"$work/damaged/recipe.toml"
report_fails "report of another recipe" 2 "expected the checkpoint of .*recipe.toml, found one of another"
head -c 1000 "$work/whole/checkpoint.safetensors" >"$work/damaged/checkpoint.safetensors"
report_fails "report of a cut checkpoint" 4 "checkpoint.safetensors"
rm "$work/damaged/recipe.toml"
report_fails "report without a recipe" 3 "recipe.toml: cannot open"
check "report of no folder" 3 "expected the folder of a training run, found nothing" "$pact" report "$work/nowhere"

# A disk that is full while saving: an error, and the old file as it was.
if mkdir "$work/small_disk" && mount -t tmpfs -o size=32k tmpfs "$work/small_disk" 2>/dev/null; then
  check "full disk" 6 "No space left" "$pact" lower "$work/whole/checkpoint.safetensors" --out "$work/small_disk/m.pact"
  printf 'old' >"$work/small_disk/old.pact"
  check "full disk, old file" 6 "No space left" "$pact" lower "$work/whole/checkpoint.safetensors" --out "$work/small_disk/old.pact"
  check "old file intact" 0 "^old$" cat "$work/small_disk/old.pact"
  check "nothing half-written" 0 "^old.pact$" ls "$work/small_disk"
  umount "$work/small_disk"
else
  echo "skipped: a full disk (needs the right to mount a tmpfs)"
fi

finish 95
