import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Random } from '../../../src/simulation/random';
import { familyNames, isCorrect, sampleGenerators, type FamilyName } from '../../../src/simulation/samples';

interface Variant {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  readonly accuracy: number;
  readonly accuracySamples: number;
  readonly accuracySeed: number;
  readonly parameters: number;
  readonly macs: number;
  readonly bytes: number;
  readonly latencyMs: { readonly median: number; readonly machine: string };
}

interface Card {
  readonly schema: number;
  readonly family: string;
  readonly input: { readonly name: string; readonly type: string; readonly dims: readonly number[] };
  readonly output: { readonly name: string; readonly kind: string; readonly labels?: readonly string[] };
  readonly variants: readonly Variant[];
}

const MODELS = join(__dirname, '..', '..', '..', 'models');
/** Neither the trainer's seeds (1001 and up) nor the cards' (20261 and up). */
const FRESH_SEED = 555;
/**
 * Fresh samples by variant, heaviest first. In CI as many as it takes to tell a point of accuracy from chance; at a desk fewer,
 * so that the tests stay quick.
 */
const THOROUGH = process.env.CI !== undefined;
const FRESH_SAMPLES: readonly number[] = THOROUGH ? [2500, 8000, 8000, 8000] : [500, 1500, 2500, 2500];

describe('demonstration model families', function () {
  this.timeout(THOROUGH ? 600_000 : 120_000);

  it('together stay small enough for git and npm', () => {
    const bytes = familyNames.flatMap((family) =>
      readCard(family).variants.map((variant) => statSync(join(MODELS, family, variant.file)).size),
    );
    assert.equal(bytes.length, 12);
    assert.ok(bytes.reduce((sum, size) => sum + size, 0) < 10e6);
  });

  for (const family of familyNames) describe(family, () => describeFamily(family));
});

function describeFamily(family: FamilyName): void {
  const card = readCard(family);
  const sessions: InferenceSession[] = [];

  before(async () => {
    for (const variant of card.variants) {
      const path = join(MODELS, family, variant.file);
      sessions.push(await InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1 }));
    }
  });

  after(async () => {
    for (const session of sessions) await session.release();
  });

  it('ships the files its card describes', () => {
    assert.equal(card.schema, 1);
    assert.equal(card.family, family);
    assert.deepEqual(
      card.variants.map((variant) => variant.name),
      ['large', 'medium', 'small', 'tiny'],
    );
    for (const variant of card.variants) {
      const bytes = readFileSync(join(MODELS, family, variant.file));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), variant.sha256, variant.file);
      assert.equal(bytes.length, variant.bytes);
    }
  });

  it('generates the same samples from the same seed, and other samples from another', () => {
    const bytesOf = (seed: number): Buffer => {
      const random = new Random(seed);
      return Buffer.concat([1, 2, 3].map(() => Buffer.from(sampleGenerators[family](random).data.buffer)));
    };
    assert.deepEqual(bytesOf(5), bytesOf(5));
    assert.notDeepEqual(bytesOf(5), bytesOf(6));
    assert.deepEqual(sampleGenerators[family](new Random(5)).dims, card.input.dims);
  });

  it('generates every answer equally often', () => {
    const random = new Random(9);
    const binCount = card.output.labels?.length ?? 5;
    const counts = new Array<number>(binCount).fill(0);
    const total = 1500;
    for (let index = 0; index < total; index += 1) {
      const { truth } = sampleGenerators[family](random);
      if (truth.kind === 'class') assert.equal(truth.label, card.output.labels?.[truth.index]);
      const bin = truth.kind === 'class' ? truth.index : Math.floor(truth.value * binCount);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    // Four standard deviations of a fair draw.
    const share = 1 / binCount;
    const slack = 4 * Math.sqrt(total * share * (1 - share));
    for (const count of counts) assert.ok(Math.abs(count - total * share) < slack, counts.join(' '));
  });

  it('takes batches of any size and answers each sample as if it were alone', async () => {
    const random = new Random(21);
    const samples = [1, 2, 3].map(() => sampleGenerators[family](random));
    const joined = Float32Array.from(samples.flatMap((sample) => [...sample.data]));
    const answerLength = card.output.labels?.length ?? 1;
    for (const session of sessions) {
      assert.deepEqual(session.inputNames, [card.input.name]);
      assert.deepEqual(session.outputNames, [card.output.name]);
      const [metadata] = session.inputMetadata;
      assert.ok(metadata?.isTensor);
      assert.deepEqual(metadata.shape, ['batch', ...card.input.dims.slice(1)]);
      const together = await run(session, joined, [3, ...card.input.dims.slice(1)]);
      assert.equal(together.length, 3 * answerLength);
      for (const [index, sample] of samples.entries()) {
        const alone = await run(session, sample.data, sample.dims);
        alone.forEach((value, position) => {
          assert.ok(Math.abs(value - (together[index * answerLength + position] ?? NaN)) < 1e-4);
        });
        if (answerLength > 1) assert.ok(Math.abs(alone.reduce((sum, score) => sum + score, 0) - 1) < 1e-4);
      }
    }
  });

  it('is as accurate on fresh samples as its card says', async () => {
    const correct = sessions.map(() => 0);
    const random = new Random(FRESH_SEED);
    for (let count = 0; count < Math.max(...FRESH_SAMPLES); count += 1) {
      const sample = sampleGenerators[family](random);
      for (const [index, session] of sessions.entries()) {
        if (count >= (FRESH_SAMPLES[index] ?? 0)) continue;
        if (isCorrect(sample, await run(session, sample.data, sample.dims))) correct[index] = (correct[index] ?? 0) + 1;
      }
    }
    for (const [index, variant] of card.variants.entries()) {
      const samples = FRESH_SAMPLES[index] ?? 1;
      const accuracy = (correct[index] ?? 0) / samples;
      const difference = Math.abs(accuracy - variant.accuracy);
      // A point; with few samples also what chance alone moves them (three standard errors). No seed is chosen to please.
      const variance = variant.accuracy * (1 - variant.accuracy) * (1 / samples + 1 / variant.accuracySamples);
      const tolerance = THOROUGH ? 0.01 : Math.max(0.01, 3 * Math.sqrt(variance));
      assert.ok(difference <= tolerance, `${variant.name}: ${accuracy.toFixed(4)}, the card says ${variant.accuracy}`);
    }
  });

  it('loses accuracy with every cheaper variant', async () => {
    const medians = await measureMedians(sessions, card);
    for (let index = 1; index < card.variants.length; index += 1) {
      const heavier = card.variants[index - 1];
      const lighter = card.variants[index];
      assert.ok(heavier !== undefined && lighter !== undefined);
      assert.ok(lighter.accuracy < heavier.accuracy, lighter.name);
      assert.ok(lighter.macs < heavier.macs, lighter.name);
      assert.ok(lighter.latencyMs.median < heavier.latencyMs.median, lighter.name);
      assert.ok((medians[index] ?? NaN) < (medians[index - 1] ?? NaN), medians.join(' '));
    }
    const first = card.variants[0];
    const last = card.variants[card.variants.length - 1];
    assert.ok(first !== undefined && last !== undefined);
    assert.ok(first.macs / last.macs >= 10);
    assert.ok(first.latencyMs.median / last.latencyMs.median >= 10);
    // Other work on the machine disturbs a short measurement, hence less than the card's ten.
    assert.ok((medians[0] ?? 0) / (medians[medians.length - 1] ?? Infinity) >= 7, medians.join(' '));
  });
}

function readCard(family: FamilyName): Card {
  return JSON.parse(readFileSync(join(MODELS, family, 'family.json'), 'utf8')) as Card;
}

async function run(session: InferenceSession, data: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const results = await session.run({ [session.inputNames[0] ?? '']: new Tensor('float32', data, dims) });
  const output = results[session.outputNames[0] ?? '']?.data;
  assert.ok(output instanceof Float32Array);
  return output;
}

/** Rounds over the variants in turn, so that a disturbance hits them alike. */
async function measureMedians(sessions: readonly InferenceSession[], card: Card): Promise<number[]> {
  const data = new Float32Array(card.input.dims.reduce((product, size) => product * size, 1)).fill(0.5);
  const latenciesMs = sessions.map((): number[] => []);
  for (let round = 0; round < 17; round += 1) {
    for (const [index, session] of sessions.entries()) {
      const started = performance.now();
      await run(session, data, card.input.dims);
      if (round >= 2) latenciesMs[index]?.push(performance.now() - started);
    }
  }
  return latenciesMs.map((values) => [...values].sort((first, second) => first - second)[7] ?? NaN);
}
