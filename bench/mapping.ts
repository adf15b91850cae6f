// How good and how fast decisions are, on simulated devices: which stage of which network runs on which unit, under a cap. The
// event-loop simulator is the truth; the estimator, search and baselines see only what profiles tell.
//   npm run bench -- mapping [--seed N] [--device N] [--quick]
//     --device  another device than the reference: number N of any make, unlike those that the estimator was pretrained on or not
//     --quick   a few instances, to see that it runs
import { randomDevice, referenceDevice } from '../src/simulation/co-location/device';
import { networkPool } from '../src/simulation/co-location/samples';
import { Random } from '../src/simulation/random';
import { quantile } from '../src/signals/statistics';
import { drawInstance, type Instance, type InstanceSize } from './mapping/instance';
import { learn, type Predictor } from './mapping/learning';
import { evaluations, methodsOf, ours, searchWith, shipped } from './mapping/methods';
import { judge, type Judged } from './mapping/regret';
import { printReport, rounded } from './report';

const seedAt = process.argv.indexOf('--seed');
const seed = seedAt < 0 ? 1 : Number(process.argv[seedAt + 1]);
const deviceAt = process.argv.indexOf('--device');
const deviceNumber = deviceAt < 0 ? null : Number(process.argv[deviceAt + 1]);
const device = deviceNumber === null ? referenceDevice : randomDevice(new Random(910_000 + deviceNumber));
const quick = process.argv.includes('--quick');
const say = (text: string): void => console.error(text);

const scale = quick
  ? { instances: 2, searchRuns: 300, otherDevices: 2, timings: 2 }
  : { instances: 20, searchRuns: 1500, otherDevices: 60, timings: 20 };

/** Small: every mapping can be tried. Large: none of the searches gets far. */
const sizes: Readonly<Record<'small' | 'large', InstanceSize>> = {
  small: { networks: [2, 3], stages: [5, 6] },
  large: { networks: [5, 5], stages: [14, 20] },
};

/** Networks that calibration measures, and others. */
const poolSizes = { seen: 22, unseen: 8 } as const;
/** Power over the cap that a meter would notice, %. */
const noticeablePct = 3;

interface Row {
  readonly method: string;
  readonly meanPct: number;
  readonly medianPct: number;
  readonly p90Pct: number;
  readonly unmeasuredPct: number;
  readonly overCap: number;
}

function rowOf(method: string, all: readonly Judged[]): Row {
  const own = all.filter((one) => one.method === method);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const regrets = own.map(({ regretPct }) => regretPct);
  return {
    method,
    meanPct: rounded(mean(regrets)),
    medianPct: rounded(quantile(regrets, 0.5) ?? Number.NaN),
    p90Pct: rounded(quantile(regrets, 0.9) ?? Number.NaN),
    unmeasuredPct: rounded(mean(own.map(({ unmeasuredPct }) => unmeasuredPct))),
    overCap: own.filter(({ capExcessPct }) => capExcessPct > noticeablePct).length,
  };
}

function printTable(title: string, rows: readonly Row[]): void {
  console.log(title);
  console.log(
    `${'regret, %'.padEnd(36)}${['mean', 'median', 'p90', 'unmeasured', 'over cap'].map((head) => head.padStart(11)).join('')}`,
  );
  for (const { method, meanPct, medianPct, p90Pct, unmeasuredPct, overCap } of rows) {
    const cells = [...[meanPct, medianPct, p90Pct, unmeasuredPct].map((value) => value.toFixed(1)), String(overCap)];
    console.log(`${method.padEnd(36)}${cells.map((cell) => cell.padStart(11)).join('')}`);
  }
}

/** Time of one decision before anything is measured, features and network included; medians, ms. */
async function timings(
  predictor: Predictor,
  instances: readonly Instance[],
): Promise<{ wallMs: number; cpuMs: number }> {
  const [walls, cpus]: [number[], number[]] = [[], []];
  for (const instance of instances) {
    const [beganMs, cpu] = [performance.now(), process.cpuUsage()];
    await searchWith(predictor, instance);
    const { user, system } = process.cpuUsage(cpu);
    walls.push(performance.now() - beganMs);
    cpus.push((user + system) / 1000);
  }
  return {
    wallMs: rounded(quantile(walls, 0.5) ?? Number.NaN, 0),
    cpuMs: rounded(quantile(cpus, 0.5) ?? Number.NaN, 0),
  };
}

async function main(): Promise<void> {
  const random = new Random(seed);
  const seen = networkPool(device, poolSizes.seen, random.fork());
  const unseen = networkPool(device, poolSizes.unseen, random.fork());
  const learned = await learn(device, seen, scale.otherDevices, seed, random.fork());
  say(`calibrated: ${JSON.stringify({ ...learned.calibration.after, kept: learned.calibration.kept })}`);
  const methods = methodsOf(learned);
  const draw = random.fork();
  const results: Record<string, readonly Row[]> = {};
  const large: Instance[] = [];
  let simulations = 0;
  for (const [name, size] of Object.entries(sizes)) {
    const all: Judged[] = [];
    for (let index = 0; index < scale.instances; index += 1) {
      const instance = drawInstance(device, [...seen, ...unseen], size, draw);
      if (name === 'large') large.push(instance);
      const verdict = await judge(instance, methods, scale.searchRuns);
      all.push(...verdict.judged);
      simulations += verdict.simulations;
      say(`${name} ${index + 1} of ${scale.instances}: ${verdict.judged.at(-1)?.regretPct.toFixed(1)} %`);
    }
    const rows = methods.map(({ name: method }) => rowOf(method, all));
    results[name] = rows;
    printTable(
      `${name}: ${scale.instances} instances, ${size.networks.join('-')} networks, ${size.stages.join('-')} stages`,
      rows,
    );
  }
  const time = await timings(learned.calibrated, large.slice(0, scale.timings));
  await learned.close();

  const mine = (of: string): Row | undefined => results[of]?.find(({ method }) => method === ours);
  const shippedRow = (of: string): Row | undefined => results[of]?.find(({ method }) => method === shipped);
  printReport({
    bench: 'mapping',
    figures: {
      regretPct: mine('large')?.meanPct,
      regretMedianPct: mine('large')?.medianPct,
      regretP90Pct: mine('large')?.p90Pct,
      regretUnmeasuredPct: mine('large')?.unmeasuredPct,
      regretSmallPct: mine('small')?.meanPct,
      shippedRegretPct: shippedRow('large')?.meanPct,
      shippedRegretSmallPct: shippedRow('small')?.meanPct,
      overCap: (mine('large')?.overCap ?? 0) + (mine('small')?.overCap ?? 0),
      decisionMs: time.wallMs,
      decisionCpuMs: time.cpuMs,
    },
    setup: {
      source: 'simulated',
      seed,
      device: {
        number: deviceNumber,
        units: device.units.map(({ kind, queued }) => `${kind}, ${queued ? 'one run at a time' : 'shared'}`),
      },
      quick,
      evaluations,
      instances: scale.instances,
      simulations,
      samples: learned.samples,
      calibration: {
        kept: learned.calibration.kept,
        epochs: learned.calibration.epochs,
        before: learned.calibration.before,
        after: learned.calibration.after,
      },
      tables: results,
    },
  });
}

void main();
