// SPDX-License-Identifier: Apache-2.0
// Our whole network against ONNX Runtime's, 8-bit and float, in turn. Prints a JSON row for each.
//   node onnxruntime.mjs OUR_SIDE FOLDER NETWORK BITS THREADS BATCH
import {spawn} from 'child_process';
import fs from 'fs';
import {createRequire} from 'module';
import path from 'path';
import readline from 'readline';

const require = createRequire(new URL('../tools/onnx/package.json', import.meta.url));
const ort = require('onnxruntime-node');
// Its public interface waits for the event loop before each run: that would count against it.
const {binding, initOrt} = require(path.join(path.dirname(require.resolve('onnxruntime-node')), 'binding.js'));

const [ourSide, folder, network, bits, threadText, batchText] = process.argv.slice(2);
const [threads, batch] = [Number(threadText), Number(batchText)];
const kPairs = 21;
const kTurn = 10;  // runs of a side before it is the other's turn, as against oneDNN
const kWarmUp = 3;

fs.mkdirSync(folder, {recursive: true});
const server = spawn(ourSide, ['--network', network, '--bits', bits, '--threads', threads, '--batch', batch,
                               '--folder', folder], {stdio: ['pipe', 'pipe', 'inherit']});
const answers = readline.createInterface({input: server.stdout})[Symbol.asyncIterator]();
async function answer() {
  const {value, done} = await answers.next();
  if (done) throw new Error('our side stopped');
  return value;
}
async function runOurs() {
  server.stdin.write('run\n');
  return Number(await answer());
}

const [isa, ...shape] = (await answer()).split(' ').map((word, i) => (i === 0 ? word : Number(word)));
const count = batch * shape.reduce((a, b) => a * b);

initOrt();
function opponent(file, type, data) {
  const session = new binding.InferenceSession();
  session.loadModel(path.join(folder, file), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Between its runs it must not take the processor from ours.
    extra: {session: {intra_op: {allow_spinning: threads > 1 ? '1' : '0'}, force_spinning_stop: '1'}},
  });
  const feeds = {[session.inputMetadata[0].name]: new ort.Tensor(type, data, [batch, ...shape])};
  const fetches = {[session.outputMetadata[0].name]: null};
  return () => {
    const start = performance.now();
    session.run(feeds, fetches, {});
    return performance.now() - start;
  };
}
const opponents = {
  'ONNX Runtime int8': opponent('int8.onnx', 'uint8', Uint8Array.from({length: count}, (_, i) => (i * 73) % 256)),
  'ONNX Runtime fp32': opponent('fp32.onnx', 'float32', Float32Array.from({length: count}, (_, i) => (i % 17) / 17)),
};

const sorted = (values) => [...values].sort((a, b) => a - b);
const at = (values, part) => sorted(values)[Math.floor(part * values.length)];
for (const [name, run] of Object.entries(opponents)) {
  const pairs = [];
  for (let i = 0; i < kWarmUp + kPairs; ++i) {
    let ours = 0;
    let theirs = 0;
    for (let r = 0; r < kTurn; ++r) ours += await runOurs() / kTurn;
    for (let r = 0; r < kTurn; ++r) theirs += run() / kTurn;
    if (i >= kWarmUp) pairs.push({ours, theirs, ratio: theirs / ours});
  }
  const ratios = pairs.map((p) => p.ratio);
  console.log(JSON.stringify({
    network, batch, threads, isa, bits,
    ours_ms: at(pairs.map((p) => p.ours), 0.5),
    opponent: name,
    opponent_ms: at(pairs.map((p) => p.theirs), 0.5),
    ratio: at(ratios, 0.5),
    spread: (at(ratios, 0.75) - at(ratios, 0.25)) / 2 / at(ratios, 0.5),
  }));
}
server.stdin.end();
process.exit(0);
