// Whether bounds of latency hold where requests come at random: on a simulated Jetson, random mappings of several mixes of networks, each
// served request by request by one host per unit as the executor does, against what the estimators promise nineteen of twenty answers.
//   npm run bench -- bounds [--mixes N] [--seed N] [--samples N] [--mappings N]
//     --samples   co-locations that a calibration measures
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LoopBoard, tenantsOf } from '../src/loop/simulated-board/board';
import { calibrateBoard } from '../src/loop/simulated-board/calibration';
import { boardProfiles } from '../src/loop/simulated-board/profiles';
import { seededMixes, type Arrivals } from '../src/simulation/devices/workloads/mixes';
import { Random } from '../src/simulation/random';
import { Bounds, type BoundFigures } from './bounds/bounds';
import { estimatorsWith } from './bounds/estimators';
import { printReport, rounded } from './report';

const { values } = parseArgs({
  options: {
    mixes: { type: 'string', default: '4' },
    seed: { type: 'string', default: '601' },
    samples: { type: 'string', default: '160' },
    mappings: { type: 'string', default: '60' },
  },
});
const [mixes, seed, samples, mappings] = [values.mixes, values.seed, values.samples, values.mappings].map(Number);
const arrivalKinds: readonly Arrivals[] = ['poisson', 'bursty'];

async function main(): Promise<void> {
  const board = new LoopBoard('agx-xavier');
  const { operatingPoints } = board.describe();
  const bounds = new Map(arrivalKinds.map((arrivals) => [arrivals, new Bounds(board, operatingPoints, arrivals)]));
  const directory = await mkdtemp(join(tmpdir(), 'ecomap-bench-bounds-'));
  const say = (): void => undefined;
  try {
    for (const mix of seededMixes(board.model, mixes ?? 1, seed ?? 1)) {
      const tenants = tenantsOf(mix);
      const profiles = boardProfiles(board, tenants, operatingPoints, new Random(mix.seed));
      const stateDirectory = join(directory, String(mix.seed));
      const calibration = await calibrateBoard({
        ...{ board, tenants, profiles, stateDirectory, say },
        samples: samples ?? 1,
        seed: mix.seed,
      });
      const { after } = calibration.summary;
      process.stderr.write(`${mix.name}, seed ${mix.seed}: calibrated, off by ${after.latencyMapePct.toFixed(1)} %\n`);
      const { estimators, close } = await estimatorsWith(calibration.estimator);
      for (const kind of bounds.values())
        await kind.hold({ tenants, profiles, estimators, mappings: mappings ?? 1, seed: mix.seed });
      await close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const tables = Object.fromEntries([...bounds].map(([arrivals, kind]) => [arrivals, kind.figures()]));
  for (const [arrivals, table] of Object.entries(tables)) printTable(arrivals, table);
  const of = (name: string) => {
    const row = tables['poisson']?.find(({ estimator }) => estimator === name);
    return {
      coveragePct: rounded(row?.coveragePct ?? Number.NaN, 1),
      overTruth: rounded(row?.overTruth.p50 ?? Number.NaN),
    };
  };
  printReport({
    bench: 'bounds',
    figures: {
      calibratedCoveragePct: of('calibrated').coveragePct,
      calibratedOverTruth: of('calibrated').overTruth,
      shippedCoveragePct: of('shipped').coveragePct,
      shippedOverTruth: of('shipped').overTruth,
      analyticCoveragePct: of('analytic').coveragePct,
      analyticOverTruth: of('analytic').overTruth,
    },
    setup: { source: 'simulated', board: board.name, seed, mixes, samples, mappings, tables },
  });
}

function printTable(arrivals: string, rows: readonly BoundFigures[]): void {
  console.log(
    `${arrivals} arrivals: tenants whose 95th percentile is within its upper bound; bound over 95th percentile`,
  );
  for (const { estimator, coveragePct, overTruth, tenants } of rows) {
    const { p10, p50, p90 } = overTruth;
    const spread = [p10, p50, p90].map((value) => rounded(value).toFixed(2)).join(' / ');
    console.log(`${estimator.padEnd(32)}${coveragePct.toFixed(1).padStart(6)} %   ${spread}   (${tenants})`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
