/**
 * Measures what the trainer made and writes the cards: `npx tsx training/measure.ts BUILD_FOLDER [FAMILY ...]`.
 * Copies BUILD_FOLDER/FAMILY/VARIANT.onnx to models/, and writes family.json and the table of README.md there.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import { format } from 'prettier';
import { Random } from '../src/simulation/random';
import { familyNames, isCorrect, sampleGenerators, type FamilyName } from '../src/simulation/samples';
import { cardTexts } from './card-texts';

const ACCURACY_SAMPLES = Number(process.env['ACCURACY_SAMPLES'] ?? 8000);
/** Far from the trainer's seeds (1001 and up), and a different stream for each family. */
const ACCURACY_SEEDS: Record<FamilyName, number> = { inspect: 20261, gauge: 20262, vibration: 20263 };
const VARIANTS = ['large', 'medium', 'small', 'tiny'] as const;
/** Latency is measured in blocks between accuracy samples, over minutes: on a shared machine one of them finds it quiet. */
const LATENCY_BLOCKS = 20;
const ROUNDS_PER_BLOCK = 25;

interface Cost {
  readonly parameters: number;
  readonly macs: number;
}

interface Loaded extends Cost {
  readonly name: string;
  readonly path: string;
  readonly session: InferenceSession;
  /** Median of each block. */
  readonly blockMediansMs: number[];
  correct: number;
}

const root = join(__dirname, '..');

async function main(): Promise<void> {
  const [buildFolder, ...chosen] = process.argv.slice(2);
  if (buildFolder === undefined) throw new Error('usage: measure.ts BUILD_FOLDER [FAMILY ...]');
  for (const family of familyNames) {
    if (chosen.length === 0 || chosen.includes(family)) await measureFamily(family, buildFolder);
  }
}

async function measureFamily(family: FamilyName, build: string): Promise<void> {
  const folder = join(root, 'models', family);
  mkdirSync(folder, { recursive: true });
  const loaded: Loaded[] = [];
  for (const name of VARIANTS) {
    const built = join(build, family, `${name}.onnx`);
    const path = join(folder, `${name}.onnx`);
    if (existsSync(built)) copyFileSync(built, path);
    const cost = JSON.parse(readFileSync(join(build, family, `${name}.json`), 'utf8')) as Cost;
    const session = await InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    loaded.push({ ...cost, name, path, session, blockMediansMs: [], correct: 0 });
  }
  await measureAccuracyAndLatency(family, loaded);
  for (const variant of loaded) await variant.session.release();
  const card = makeCard(family, loaded);
  writeFileSync(join(folder, 'family.json'), `${JSON.stringify(card, null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), await format(cardTexts[family](tableOf(card)), { parser: 'markdown' }));
  console.log(`${family}\n${tableOf(card)}`);
}

/** One block: rounds over all variants in turn, so that a disturbance of the machine hits them alike. */
async function measureLatencyBlock(family: FamilyName, loaded: Loaded[]): Promise<void> {
  const { data, dims } = sampleGenerators[family](new Random(1));
  const latenciesMs = loaded.map((): number[] => []);
  for (let round = -3; round < ROUNDS_PER_BLOCK; round += 1) {
    for (const [index, variant] of loaded.entries()) {
      const elapsedMs = await timeRun(variant.session, data, dims);
      if (round >= 0) latenciesMs[index]?.push(elapsedMs);
    }
  }
  for (const [index, variant] of loaded.entries()) variant.blockMediansMs.push(median(latenciesMs[index] ?? []));
}

async function timeRun(session: InferenceSession, data: Float32Array, dims: readonly number[]): Promise<number> {
  const started = performance.now();
  await run(session, data, dims);
  return performance.now() - started;
}

async function run(session: InferenceSession, data: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const results = await session.run({ [session.inputNames[0] ?? '']: new Tensor('float32', data, dims) });
  const output = results[session.outputNames[0] ?? '']?.data;
  if (!(output instanceof Float32Array)) throw new Error('the model did not return float32 numbers');
  return output;
}

async function measureAccuracyAndLatency(family: FamilyName, loaded: Loaded[]): Promise<void> {
  const random = new Random(ACCURACY_SEEDS[family]);
  const samplesPerBlock = Math.ceil(ACCURACY_SAMPLES / LATENCY_BLOCKS);
  for (let index = 0; index < ACCURACY_SAMPLES; index += 1) {
    if (index % samplesPerBlock === 0) await measureLatencyBlock(family, loaded);
    const sample = sampleGenerators[family](random);
    for (const variant of loaded) {
      const output = await run(variant.session, sample.data, sample.dims);
      if (isCorrect(sample, output)) variant.correct += 1;
    }
  }
}

function makeCard(family: FamilyName, loaded: Loaded[]) {
  const machine = `1 core of ${cpus()[0]?.model.trim() ?? 'unknown'}, onnxruntime ${env.versions.node ?? 'unknown'}`;
  const sample = sampleGenerators[family](new Random(1));
  const { title, input, output, accuracyMetric } = cardTexts.facts[family];
  // The same block for all variants, so that their ratios hold.
  const blockTotalsMs = Array.from({ length: LATENCY_BLOCKS }, (_, block) =>
    loaded.reduce((sum, variant) => sum + (variant.blockMediansMs[block] ?? Infinity), 0),
  );
  const quietest = blockTotalsMs.indexOf(Math.min(...blockTotalsMs));
  return {
    schema: 1,
    family,
    title,
    input: { name: input, type: 'float32', dims: sample.dims },
    output,
    accuracyMetric,
    variants: loaded.map((variant) => {
      const bytes = readFileSync(variant.path);
      return {
        name: variant.name,
        file: `${variant.name}.onnx`,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        accuracy: Math.round((10000 * variant.correct) / ACCURACY_SAMPLES) / 10000,
        accuracySamples: ACCURACY_SAMPLES,
        accuracySeed: ACCURACY_SEEDS[family],
        parameters: variant.parameters,
        macs: variant.macs,
        bytes: bytes.length,
        latencyMs: { median: Number(variant.blockMediansMs[quietest]?.toFixed(2)), machine },
      };
    }),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((first, second) => first - second);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function tableOf(card: ReturnType<typeof makeCard>): string {
  const rows = card.variants.map((variant) => {
    const percent = (100 * variant.accuracy).toFixed(1);
    const millions = (variant.macs / 1e6).toFixed(1);
    const kilobytes = Math.round(variant.bytes / 1000);
    return `| ${variant.name} | ${percent} % | ${variant.latencyMs.median} ms | ${millions} M | ${variant.parameters} | ${kilobytes} kB |`;
  });
  const machine = card.variants[0]?.latencyMs.machine ?? '';
  return [
    '| variant | accuracy | latency (median) | multiply-accumulates | parameters | file |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `Accuracy: ${card.accuracyMetric}, ${card.variants[0]?.accuracySamples ?? 0} samples.`,
    `Latency: one sample at a time, one thread, ${machine}; the quietest of ${LATENCY_BLOCKS} blocks of\n${ROUNDS_PER_BLOCK} runs.`,
  ].join('\n');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
