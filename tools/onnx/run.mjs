// SPDX-License-Identifier: Apache-2.0
// Runs a network on images in ONNX Runtime, as its users do:
//   node run.mjs NETWORK.onnx PIXELS BYTES_BEFORE_EACH_IMAGE SIZE MEAN STD RESULTS
// PIXELS holds images of 3 planes of SIZE x SIZE bytes; MEAN and STD have three numbers each, with
// commas; RESULTS gets 32-bit floats.
import fs from 'fs';
import ort from 'onnxruntime-node';

const [network, pixelFile, skipText, sizeText, meanText, stdText, resultFile] = process.argv.slice(2);
const [skip, size] = [Number(skipText), Number(sizeText)];
const mean = meanText.split(',').map((v) => Math.fround(Number(v)));
const std = stdText.split(',').map((v) => Math.fround(Number(v)));
const plane = size * size;
const pixels = fs.readFileSync(pixelFile);
const images = pixels.length / (skip + 3 * plane);
const batch = Math.min(images, 100);
const session = await ort.InferenceSession.create(network, { intraOpNumThreads: 1 });
const results = [];
for (let first = 0; first < images; first += batch) {
  const x = new Float32Array(batch * 3 * plane);
  for (let i = 0; i < x.length; ++i) {
    const image = Math.floor(i / (3 * plane));
    const at = i % (3 * plane);
    const c = Math.floor(at / plane);
    const unit = Math.fround(pixels[(first + image) * (skip + 3 * plane) + skip + at] / 255);
    x[i] = Math.fround(Math.fround(unit - mean[c]) / std[c]);
  }
  const tensor = new ort.Tensor('float32', x, [batch, 3, size, size]);
  const outputs = await session.run({ [session.inputNames[0]]: tensor });
  const y = outputs[session.outputNames[0]].data;
  results.push(Buffer.from(y.buffer, y.byteOffset, y.byteLength));
}
fs.writeFileSync(resultFile, Buffer.concat(results));
