import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Random } from '../src/simulation/random';
import { SimulatedXavier } from './power/simulated-xavier';
import { figuresOf, type TraceSecond } from './power/trace';
import { printReport, rounded } from './report';

const steps: readonly (readonly [number, number])[] = [
  [60, 15],
  [15, 25],
  [25, 20],
  [20, 10],
  [10, 30],
  [30, 12],
  [12, 18],
];
const weights: readonly number[] = [1, 0.85, 1.15];
const holdS = 40;
const warmUp = 20;

/** Caps up and down under full load, by networks that draw what the model says, less, and more. */
async function stepResponses() {
  const found: { weight: number; fromW: number; toW: number; settleS: number | null; overshootPct: number }[] = [];
  const all: TraceSecond[][] = [];
  for (const weight of weights) {
    const xavier = await SimulatedXavier.create(1);
    xavier.load = { demand: () => 1, weight };
    await xavier.run(5);
    for (const [fromW, toW] of steps) {
      await xavier.cap(toW);
      const trace = await xavier.run(holdS);
      const { settleS, overshootPct } = figuresOf(trace);
      found.push({ weight, fromW, toW, settleS, overshootPct });
      all.push(trace);
    }
    await xavier.close();
  }
  return { found, all };
}

/** Half a minute of nothing and half a minute of full load, under a cap that full load exceeds. */
async function loadSteps() {
  const xavier = await SimulatedXavier.create(2);
  xavier.load = { demand: (atS) => (Math.floor(atS / 30) % 2 === 0 ? 0.1 : 1), weight: 1 };
  await xavier.cap(18);
  const trace = await xavier.run(600);
  await xavier.close();
  const overshoot = trace.flatMap(({ atS, powerW, capW }) => (atS % 30 < 1 ? [] : [(powerW / capW - 1) * 100]));
  return { overshootPct: Math.max(0, ...overshoot), figures: figuresOf(trace) };
}

/** An hour of requests that come irregularly. */
async function noisyHour(seed: number, mean: number, spread: number, minutes: number) {
  const random = new Random(seed);
  let level = 0;
  const demands = Array.from({ length: minutes * 60 + 60 }, () => {
    level = 0.8 * level + 0.6 * spread * random.normal();
    return Math.min(1, Math.max(0.05, mean + level));
  });
  const xavier = await SimulatedXavier.create(seed);
  xavier.load = { demand: (atS) => demands[Math.floor(atS)] ?? mean, weight: 1.05 };
  await xavier.cap(18);
  const trace = await xavier.run(minutes * 60);
  const changes = xavier.hardwareChanges;
  await xavier.close();
  const { oscillations, violationPct } = figuresOf(trace);
  const meanW = trace.reduce((sum, { powerW }) => sum + powerW, 0) / trace.length;
  return { mean, spread, oscillationsPerHour: (oscillations * 60) / minutes, violationPct, meanW, changes };
}

/** CPU time that the main thread has used, ms; Linux only. */
const mainThreadMs = (): number =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

/** Main-thread time of one sample of six rails at 5 Hz, from real files. */
async function sampleCost(samples: number): Promise<number> {
  const xavier = await SimulatedXavier.create(3);
  const sampled = async (count: number): Promise<number> => {
    const before = mainThreadMs();
    for (let sample = 0; sample < count; sample += 1) {
      await xavier.meter.ask();
      await setTimeout(200);
    }
    return (mainThreadMs() - before) / count;
  };
  await sampled(warmUp);
  const cost = await sampled(samples);
  await xavier.close();
  return cost;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '60' }, samples: { type: 'string', default: '50' } },
  });
  const minutes = Number(values.minutes);
  const tell = (what: string): void => void process.stderr.write(`${what}\n`);
  tell('main-thread time of a sample');
  const sampleMainThreadMs = await sampleCost(Number(values.samples));
  tell('steps of the cap');
  const { found, all } = await stepResponses();
  tell('steps of the load');
  const load = await loadSteps();
  const noisy = [];
  for (const [seed, mean, spread] of [
    [11, 0.8, 0.1],
    [12, 0.6, 0.2],
  ] as const) {
    tell(`${minutes} minutes of noisy load: ${mean} +- ${spread}`);
    noisy.push(await noisyHour(seed, mean, spread, minutes));
  }
  const settled = found.map(({ settleS }) => settleS ?? Number.POSITIVE_INFINITY);
  const above = all.flat().filter(({ powerW, capW }) => powerW > capW * 1.02).length / all.flat().length;
  printReport({
    bench: 'power',
    figures: {
      settleS: rounded(Math.max(...settled)),
      overshootPct: rounded(Math.max(load.overshootPct, ...found.map(({ overshootPct }) => overshootPct))),
      oscillationsPerHour: rounded(Math.max(...noisy.map(({ oscillationsPerHour }) => oscillationsPerHour))),
      violationPct: rounded(
        Math.max(above * 100, load.figures.violationPct, ...noisy.map(({ violationPct }) => violationPct)),
      ),
      sampleMainThreadMs: rounded(sampleMainThreadMs, 3),
      steps: found.map(({ settleS, overshootPct, ...step }) => ({
        ...step,
        settleS: settleS === null ? null : rounded(settleS),
        overshootPct: rounded(overshootPct),
      })),
      noisy: noisy.map((one) => ({ ...one, violationPct: rounded(one.violationPct), meanW: rounded(one.meanW) })),
      loadSteps: { overshootPct: rounded(load.overshootPct), violationPct: rounded(load.figures.violationPct) },
    },
    setup: {
      device: 'simulated AGX Xavier (JetPack 5, MAXN) as a file tree, simulated time, sensor noise 2 % per rail',
      meter: 'INA3221, six rails, 5 Hz',
      actuator: 'clocks, with pauses of the hosts between its steps',
      method:
        'sample: CPU time of the main thread; true power of each second; settled: within 5 % of the cap from then on; overshoot: after the first second of a step of ' +
        'cap or load; violation: seconds more than 2 % above the cap; oscillation: the setting up and down again by more than 5 % of the cap',
      minutes,
      weights,
      holdS,
    },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
