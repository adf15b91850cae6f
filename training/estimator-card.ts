// Writes models/estimator/README.md and card.json: what the default estimator was made from and how good it is, measured here.
//   node --import tsx training/estimator-card.ts
import { readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import os from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { z } from 'zod';
import { featureNames, featuresVersion } from '../src/mapping/estimator/learned/features';
import { elements, weightShapes } from '../src/mapping/estimator/learned/network-shape';
import { readEstimator } from '../src/mapping/estimator/learned/read-estimator';
import { trainingSetOf } from '../src/mapping/estimator/learned/training-set';
import { EstimatorSession } from '../src/mapping/planner/estimator-session';
import { packageRoot } from '../src/models/package-root';
import type { CoLocationSample } from '../src/signals/co-location';
import { randomDevice, randomJetson, referenceDevice } from '../src/simulation/co-location/device';
import { jetsonSamples } from '../src/simulation/co-location/jetson-samples';
import { mostNetworks } from '../src/simulation/co-location/pretraining-samples';
import { coLocationSamples, networkPool } from '../src/simulation/co-location/samples';
import { Random } from '../src/simulation/random';

const folder = join(packageRoot(), 'models', 'estimator');
const pretrainingSchema = z.object({
  plan: z.record(z.string(), z.number()),
  settings: z.record(z.string(), z.number().nullable()),
  samples: z.number(),
  cpuMinutes: z.number(),
  cpu: z.string(),
  heldOutLoss: z.number(),
});

interface Row {
  readonly devices: string;
  readonly samples: number;
  readonly additivePct: number;
  readonly meanValuePct: number;
  readonly latencyPct: number;
  readonly powerPct: number;
}

/** Devices that pretraining did not see. */
function families(): [string, CoLocationSample[]][] {
  const on = (make: (random: Random) => typeof referenceDevice, seed: number, many: number): CoLocationSample[] =>
    Array.from({ length: many }, (_, index) => {
      const random = new Random(seed + index);
      const device = make(random);
      const pool = networkPool(device, 14, random);
      return coLocationSamples(device, pool, { workloads: 60, perWorkload: 5 }, random);
    }).flat();
  const boards = (['agx-xavier', 'agx-orin'] as const).flatMap((board, index) =>
    jetsonSamples(board, { workloads: 100, perWorkload: 5 }, new Random(960_000 + index)),
  );
  return [
    ['the reference device', on(() => referenceDevice, 930_000, 1)],
    ['10 random devices of the make of a Jetson', on(randomJetson, 940_000, 10)],
    ['10 random devices of any make', on(randomDevice, 950_000, 10)],
    ['AGX Xavier and AGX Orin in another simulator (mean values, published networks)', boards],
  ];
}

async function main(): Promise<void> {
  const bytes = await readFile(join(folder, 'estimator.onnx'));
  const { shape } = readEstimator(bytes);
  const session = await EstimatorSession.open(bytes);
  const rows: Row[] = [];
  for (const [devices, samples] of families()) {
    const set = trainingSetOf(samples, mostNetworks);
    const { latency, power } = await session.run(set.features, set.mask, set.count, set.slots);
    const mape = (guess: (cell: number) => number): number => {
      const errors = Array.from(set.mask).flatMap((present, cell) =>
        present === 1 ? Math.abs(Math.expm1(guess(cell) - (set.lnLatencyRatio[cell] ?? 0))) : [],
      );
      return Number(((100 * errors.reduce((sum, error) => sum + error, 0)) / errors.length).toFixed(1));
    };
    const powerErrors = Array.from(set.lnPowerRatio, (truth, row) => Math.abs(Math.expm1((power[row] ?? 0) - truth)));
    rows.push({
      devices,
      samples: set.count,
      additivePct: mape((cell) => -(set.lnSharedOverAlone[cell] ?? 0)),
      meanValuePct: mape(() => 0),
      latencyPct: mape((cell) => latency[cell] ?? 0),
      powerPct: Number(((100 * powerErrors.reduce((sum, error) => sum + error, 0)) / set.count).toFixed(1)),
    });
  }
  await session.close();
  const pretraining = pretrainingSchema.parse(JSON.parse(await readFile(join(folder, 'pretraining.json'), 'utf8')));
  const parameters = weightShapes(shape).reduce((sum, [, dims]) => sum + elements(dims), 0);
  const card = {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    parameters,
    shape,
    featuresVersion,
    source: 'simulated',
    pretraining,
    withoutCalibration: rows,
    measuredOn: `${os.cpus()[0]?.model.trim() ?? 'unknown'}, Node.js ${process.version}`,
  };
  await writeFile(join(folder, 'card.json'), `${JSON.stringify(card, null, 2)}\n`);
  await writeFile(join(folder, 'README.md'), await format(readme(card), { parser: 'markdown', printWidth: 120 }));
}

function readme(card: {
  readonly parameters: number;
  readonly bytes: number;
  readonly pretraining: z.infer<typeof pretrainingSchema>;
  readonly withoutCalibration: readonly Row[];
}): string {
  const { plan, settings, samples, cpuMinutes, cpu } = card.pretraining;
  const table = card.withoutCalibration
    .map(
      (row) =>
        `| ${row.devices} | ${row.samples} | ${row.additivePct} % | ${row.meanValuePct} % | ${row.latencyPct} % | ${row.powerPct} % |`,
    )
    .join('\n');
  return `# The default estimator

Predicts how much several networks slow each other down on one device, and what the device then draws, from profiles of each
network alone. A transformer with one token per network (${card.parameters} parameters, ${Math.round(card.bytes / 1000)} kB); it corrects an
analytic model, mean value analysis of queues. It is where calibration on your device begins, and stands in until then.

**Everything it knows is simulated.** It has never seen a real device: expect larger errors on yours, and calibrate.

## Errors without calibration

Mean absolute relative error of latency, and of power, on simulated devices that it never saw:

| devices | samples | additive model | mean value analysis | this estimator | power |
| --- | --- | --- | --- | --- | --- |
${table}

After calibration: \`npm run bench -- estimator\`.

## Data and training

${samples} co-locations on ${plan.devices ?? 0} random devices, half of them of the make of a Jetson (cores, GPU, DLA), half of any make (one to four
sets of cores, with or without a GPU and DLAs, units that share or queue); ${plan.networksPerDevice ?? 0} random networks on each, sets of one to eight, any
mapping and operating point, a third of them with pauses, a third without measured sensitivities, two fifths of the devices without a
power cap of their own, profiles with 1.5 % of noise. Seed ${plan.seed ?? 0}. The simulator is
\`src/simulation/co-location/\`; every figure in it is an assumption.

${settings.epochs ?? 0} epochs of AdamW on a Huber loss in Node.js (\`@jax-js/jax\`): ${cpuMinutes} minutes of processor time on one
core of an ${cpu}. \`training/README.md\` says how to repeat it.

## Input and output

- \`features\`: float32 [batch, networks, ${featureNames.length}], see \`src/mapping/estimator/learned/features.ts\`; \`mask\`: float32 [batch, networks], 1 for a
  network, 0 for padding. Any number of networks; it was trained with one to eight.
- \`ln_latency_ratio\` [batch, networks] and \`ln_power_ratio\` [batch]: natural logarithms of what to multiply the analytic model with.
`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
