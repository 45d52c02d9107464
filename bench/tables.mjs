// SPDX-License-Identifier: Apache-2.0
// FOLDER/{rows,training}.jsonl -> FOLDER/summary.json, FOLDER/superlinear.svg, and tables on standard output.
//   node tables.mjs FOLDER
import fs from 'fs';
import path from 'path';

const folder = process.argv[2];
const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const rows = read('rows.jsonl');

function write(name, content) {
  fs.writeFileSync(path.join(folder, `${name}.new`), content);
  fs.renameSync(path.join(folder, `${name}.new`), path.join(folder, name));
}
write('summary.json', `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);

const groups = [
  ['oneDNN', 'oneDNN int8, layers alone, ms'],
  ['ONNX Runtime int8', 'ONNX Runtime int8, ms'],
  ['ONNX Runtime fp32', 'ONNX Runtime fp32, ms'],
];
const ms = (time) => time.toFixed(time < 1 ? 3 : 2);
const columns = '| network | W/A | instruction set | threads | batch | ours, ms |';
for (const [prefix, title] of groups) {
  console.log(`\n${columns} ${title} | ratio | spread |\n|---|---|---|---|---|---|---|---|---|`);
  for (const r of rows.filter((row) => row.opponent.startsWith(prefix))) {
    console.log(`| ${r.network} | ${r.bits} | ${r.isa} | ${r.threads} | ${r.batch} | ${ms(r.ours_ms)} | ` +
      `${ms(r.opponent_ms)} | ${r.ratio.toFixed(2)} | ${(100 * r.spread).toFixed(0)}% |`);
  }
}
console.log(`\n${columns} against | ms | ratio, an image | spread |\n|---|---|---|---|---|---|---|---|---|---|`);
for (const r of rows.filter((row) => row.opponent.startsWith('ours'))) {
  console.log(`| ${r.network} | ${r.bits}${r.first_last < 8 ? ', every layer' : ''} | ${r.isa} | ${r.threads} | ${r.batch} | ${ms(r.ours_ms)} | ` +
    `${r.opponent} | ${ms(r.opponent_ms)} | ${r.ratio.toFixed(2)} | ${(100 * r.spread).toFixed(0)}% |`);
}

console.log('\n| training step of | bits | batch | threads | float, ms | PACT, ms | PACT in bf16, ms | composed operations, ms | ' +
  'PACT / float | spread | composed / PACT | PACT / in bf16 |\n|---|---|---|---|---|---|---|---|---|---|---|---|');
const bf16 = (value, digits) => value === undefined ? '' : value.toFixed(digits);
for (const r of read('training.jsonl')) {
  console.log(`| ${r.network} | ${r.bits} | ${r.batch} | ${r.threads} | ${r.float_ms.toFixed(0)} | ${r.pact_ms.toFixed(0)} | ` +
    `${bf16(r.bf16_ms, 0)} | ${r.composed_ms.toFixed(0)} | ${r.pact_to_float.toFixed(2)} | ${(100 * r.spread).toFixed(0)}% | ` +
    `${r.composed_to_pact.toFixed(2)} | ${bf16(r.pact_to_bf16, 2)} |`);
}

// Speed against precision: 8-bit is one, the line is what the ratio of bits promises.
const speedsOf = (network, everyLayer) => [[8, 1], ...rows.filter((r) => r.network === network &&
  r.opponent.startsWith('ours, 8/8') && r.first_last < 8 === everyLayer).map((r) => [Number(r.bits.split('/')[0]), r.ratio])];
const [width, height, left, bottom] = [520, 320, 60, 50];
const x = (bits) => left + 40 + (Math.log2(8 / bits) / 2) * (width - left - 100);
const y = (speed) => height - bottom - 20 - (Math.log2(speed) / 2.4) * (height - bottom - 40);
const label = (atX, atY, text, anchor = 'middle') =>
  `<text x="${atX.toFixed(1)}" y="${atY.toFixed(1)}" text-anchor="${anchor}">${text}</text>`;
const line = (points) => points.map(([bits, speed]) => `${x(bits).toFixed(1)},${y(speed).toFixed(1)}`).join(' ');
write('superlinear.svg', [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
  `<rect width="${width}" height="${height}" fill="white"/>`,
  ...[1, 2, 4].map((s) => `<line x1="${left}" x2="${width - 20}" y1="${y(s)}" y2="${y(s)}" stroke="#ddd"/>` +
    label(left - 8, y(s) + 4, `${s}x`, 'end')),
  ...[8, 4, 2].map((bits) => label(x(bits), height - bottom + 22, `${bits} bits`)),
  `<polyline points="${line([[8, 1], [4, 2], [2, 4]])}" fill="none" stroke="#888" stroke-dasharray="6 4"/>`,
  label(x(4) + 30, y(2) + 6, 'linear', 'start'),
  ...[['lfc', true, 'LFC, every layer', '#3f7d20', -10], ['lfc', false, 'LFC', '#0b62a4', 22],
    ['alexnet', false, 'AlexNet', '#c2410c', 22]].flatMap(([network, everyLayer, title, color, below]) => [
    `<polyline points="${line(speedsOf(network, everyLayer))}" fill="none" stroke="${color}" stroke-width="3"/>`,
    ...speedsOf(network, everyLayer).slice(1).map(([bits, speed]) => `<circle cx="${x(bits)}" cy="${y(speed)}" r="5" fill="${color}"/>` +
      label(x(bits) - 10, y(speed) + below, `${title} ${speed.toFixed(2)}x`))]),
  label(width / 2, height - 8, 'batch 1, one thread: speed against 8 bits'),
  '</svg>', ''].join('\n'));
