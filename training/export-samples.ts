/**
 * Writes generated samples for the trainer: `npx tsx training/export-samples.ts FAMILY COUNT SEED FOLDER`.
 * FOLDER/FAMILY-SEED.x.f32 holds the inputs one after the other, FOLDER/FAMILY-SEED.y.f32 one number per sample
 * (class index, or reading), both little-endian float32. For `inspect` there is also .map.f32: which of 12 x 12 cells
 * show the defect.
 */
import { mkdirSync, openSync, writeSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../src/simulation/random';
import { familyNames, sampleGenerators } from '../src/simulation/samples';
import { generateInspectWithMap } from '../src/simulation/samples/inspect';

const [familyArgument, countArgument, seedArgument, folder] = process.argv.slice(2);
const family = familyNames.find((name) => name === familyArgument);
const count = Number(countArgument);
const seed = Number(seedArgument);
if (family === undefined || !Number.isInteger(count) || !Number.isInteger(seed) || folder === undefined) {
  throw new Error('usage: export-samples.ts FAMILY COUNT SEED FOLDER');
}

mkdirSync(folder, { recursive: true });
const random = new Random(seed);
const answers = new Float32Array(count);
const inputs = openSync(join(folder, `${family}-${seed}.x.f32`), 'w');
const maps = family === 'inspect' ? openSync(join(folder, `${family}-${seed}.map.f32`), 'w') : undefined;
const started = performance.now();
for (let index = 0; index < count; index += 1) {
  const mapped = family === 'inspect' ? generateInspectWithMap(random) : undefined;
  const { data, truth } = mapped?.sample ?? sampleGenerators[family](random);
  writeSync(inputs, bytesOf(data));
  if (mapped !== undefined && maps !== undefined) writeSync(maps, bytesOf(mapped.map));
  answers[index] = truth.kind === 'class' ? truth.index : truth.value;
}
closeSync(inputs);
if (maps !== undefined) closeSync(maps);
writeFileSync(join(folder, `${family}-${seed}.y.f32`), bytesOf(answers));
const millisecondsEach = (performance.now() - started) / count;
console.log(`${family}: ${count} samples, seed ${seed}, ${millisecondsEach.toFixed(3)} ms each`);

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
