// Makes models/estimator/estimator.onnx: generates samples of random simulated devices and trains the estimator on them.
//   node --import tsx training/pretrain-estimator.ts [SCRATCH_FOLDER]
// Stopped at any moment it goes on from the last epoch when it is started again. Its card: training/estimator-card.ts.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import os from 'node:os';
import { join } from 'node:path';
import { estimatorOnnx } from '../src/mapping/estimator/learned/estimator-onnx';
import { featuresVersion } from '../src/mapping/estimator/learned/features';
import { defaultShape, initialWeights } from '../src/mapping/estimator/learned/network-shape';
import { scalingOf } from '../src/mapping/estimator/learned/scaling';
import {
  joinSets,
  splitByWorkload,
  trainingSetOf,
  type TrainingSet,
} from '../src/mapping/estimator/learned/training-set';
import { loadJax } from '../src/mapping/training/jax';
import { pretraining, Trainer, type TrainingState } from '../src/mapping/training/trainer';
import { packageRoot } from '../src/models/package-root';
import { mostNetworks, pretrainingPlan, pretrainingSamples } from '../src/simulation/co-location/pretraining-samples';
import { Random } from '../src/simulation/random';

const settings = { ...pretraining, epochs: 14, batch: 128 };
/** Every so many workloads of training are held out to watch it. */
const heldOutEvery = 20;

async function loaded<T>(path: string): Promise<T | null> {
  try {
    return deserialize(await readFile(path)) as T;
  } catch {
    return null;
  }
}

async function save(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.tmp`, serialize(value));
  await rename(`${path}.tmp`, path);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function generate(): TrainingSet {
  const sets: TrainingSet[] = [];
  for (const samples of pretrainingSamples(pretrainingPlan)) {
    sets.push(trainingSetOf(samples, mostNetworks));
    if (sets.length % 10 === 0) console.log(`${sets.length} of ${pretrainingPlan.devices} devices`);
  }
  return joinSets(sets);
}

async function main(): Promise<void> {
  const scratch = process.argv[2] ?? '/tmp/ecomap-training/estimator';
  await mkdir(scratch, { recursive: true });
  const beganMs = Date.now();
  const earlier = await loaded<{ plan: string; set: TrainingSet; cpuMs?: number }>(join(scratch, 'samples'));
  const plan = JSON.stringify({ ...pretrainingPlan, featuresVersion });
  const set = earlier?.plan === plan ? earlier.set : generate();
  if (earlier?.plan !== plan) await save(join(scratch, 'samples'), { plan, set, cpuMs: cpuMs() });
  console.log(`${set.count} samples after ${Math.round((Date.now() - beganMs) / 1000)} s`);

  const { kept: train, heldOut } = splitByWorkload(set, (workload) => workload % heldOutEvery === 0);
  const random = new Random(pretrainingPlan.seed);
  const network = {
    shape: defaultShape,
    scaling: scalingOf(train),
    weights: initialWeights(defaultShape, () => random.uniform()),
  };
  const statePath = join(scratch, 'state');
  const recipe = JSON.stringify({ pretrainingPlan, settings, featuresVersion });
  const stopped = await loaded<{ recipe: string; state: TrainingState; cpuMs: number }>(statePath);
  const resume = stopped?.recipe === recipe ? stopped.state : null;
  // Of the processes that this one goes on from.
  const earlierMs = (resume === null ? null : stopped?.cpuMs) ?? (earlier?.plan === plan ? earlier.cpuMs : null) ?? 0;
  let heldOutLoss = Number.POSITIVE_INFINITY;
  const trained = await new Trainer(await loadJax(), network).train({
    train,
    heldOut,
    settings,
    ...(resume && { resume }),
    onEpoch: async (report, state) => {
      heldOutLoss = Math.min(heldOutLoss, report.heldOutLoss ?? heldOutLoss);
      await save(statePath, { recipe, state: state(), cpuMs: earlierMs + cpuMs() });
      const elapsed = ((Date.now() - beganMs) / 60_000).toFixed(1);
      console.log(
        JSON.stringify({ ...report, heldOut: undefined, elapsed, rssMB: Math.round(process.memoryUsage().rss / 1e6) }),
      );
    },
  });
  const folder = join(packageRoot(), 'models', 'estimator');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'estimator.onnx'), estimatorOnnx(trained, { 'ecomap.pretraining': plan }));
  const minutes = (ms: number): number => Number((ms / 60_000).toFixed(1));
  const made = {
    plan: pretrainingPlan,
    settings,
    samples: train.count,
    cpuMinutes: minutes(earlierMs + cpuMs()),
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    heldOutLoss,
  };
  await writeFile(join(folder, 'pretraining.json'), `${JSON.stringify(made, null, 2)}\n`);
  await rm(statePath, { force: true });
  console.log(`models/estimator/estimator.onnx after ${((Date.now() - beganMs) / 60_000).toFixed(1)} minutes`);
}

void main();
