import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { seededMixes, type Arrivals, type Mix } from '../../simulation/devices/workloads/mixes';
import { Random } from '../../simulation/random';
import { beforeAfter, beforeAfterLine, type BeforeAfter, type DayPair } from '../before-after';
import { alwaysMax, calibrated, ecomap, type DayPolicy } from '../day-policy';
import type { DayFigures } from '../day-watch';
import { calibrationLine, type DemoCalibration } from '../demo-calibration';
import { demoTable } from '../demo-table';
import { LoopBoard, tenantsOf, type PlayableBoard } from './board';
import { calibrateBoard } from './calibration';
import { playBoardDay, type BoardDaySurroundings } from './day';
import { boardProfiles } from './profiles';

export interface BoardDemoOptions {
  readonly board: PlayableBoard;
  readonly seed: number;
  /** Mixes of tenants, each with days of its own. */
  readonly mixes: number;
  /** How requests come. The bounds of all estimators take them to come at random. */
  readonly arrivals: Arrivals;
  /** Co-locations to measure of each mix before its days are played again; 0: none. */
  readonly calibrate: number;
  /** Plans by the queueing model alone. */
  readonly analytic: boolean;
  readonly stateDirectory: string;
  readonly say: (line: string) => void;
}

export interface MixDays {
  readonly mix: { readonly seed: number; readonly arrivals: string; readonly tenants: readonly string[] };
  readonly days: readonly DayFigures[];
  readonly calibration: DemoCalibration | null;
}

export interface BoardDemo {
  readonly mixes: readonly MixDays[];
  /** What calibrating changed, by the policy whose days are compared; empty without calibration. */
  readonly changes: Readonly<Record<string, BeforeAfter>>;
}

const quality: DayPolicy = { name: 'quality', cap: () => ({ kind: 'quality' }), swaps: true };

/** Policies that plan, as they are before and after a calibration. */
const compared: readonly { readonly before: DayPolicy; readonly after: DayPolicy }[] = [
  { before: ecomap, after: calibrated },
  { before: quality, after: { ...quality, name: 'quality, calibrated' } },
];

/**
 * Days of the loop on a simulated board: for each mix of tenants one per policy; where it is to be calibrated, the policies that plan
 * play the same day once more with what was learned.
 */
export async function playBoard(options: BoardDemoOptions): Promise<BoardDemo> {
  const board = new LoopBoard(options.board);
  const mixes: MixDays[] = [];
  for (const mix of seededMixes(board.model, options.mixes, options.seed))
    mixes.push(await playMix(board, { ...mix, arrivals: options.arrivals }, options));
  const changes = Object.fromEntries(
    compared.flatMap(({ before, after }) => {
      const pairs = mixes.flatMap(({ days }) => pairOf(days, before, after));
      return pairs.length === 0 ? [] : [[before.name, beforeAfter(pairs, options.seed)]];
    }),
  );
  return { mixes, changes };
}

async function playMix(board: LoopBoard, mix: Mix, options: BoardDemoOptions): Promise<MixDays> {
  const { calibrate: samples, analytic, say } = options;
  const tenants = tenantsOf(mix);
  const told = tenants.map(
    ({ name, latencyLimitMs, arrivalRatePerS }) =>
      `${name} ${arrivalRatePerS.toFixed(1)}/s within ${latencyLimitMs.toFixed(0)} ms`,
  );
  say(`${mix.name} (seed ${mix.seed}), ${mix.arrivals} arrivals: ${told.join(', ')}`);
  const stateDirectory = join(options.stateDirectory, `mix-${mix.seed}`);
  await mkdir(stateDirectory, { recursive: true });
  const { operatingPoints } = board.describe();
  const profiles = boardProfiles(board, tenants, operatingPoints, new Random(mix.seed));
  const around: BoardDaySurroundings = { board, mix, tenants, profiles, stateDirectory, say };
  const before = analytic ? { ...around, estimator: { kind: 'analytic' } as const } : around;
  const days: DayFigures[] = [await playBoardDay(alwaysMax, before)];
  for (const policy of compared) days.push(await playBoardDay(policy.before, before));
  const described = { seed: mix.seed, arrivals: mix.arrivals, tenants: told };
  if (samples === 0) return { mix: described, days, calibration: null };
  const calibration = await calibrateBoard({ board, tenants, profiles, stateDirectory, say, samples, seed: mix.seed });
  say(calibrationLine(calibration));
  for (const policy of compared)
    days.push(await playBoardDay(policy.after, { ...around, estimator: calibration.estimator }));
  return { mix: described, days, calibration };
}

function pairOf(days: readonly DayFigures[], before: DayPolicy, after: DayPolicy): DayPair[] {
  const dayOf = ({ name }: DayPolicy): DayFigures | undefined => days.find(({ policy }) => policy === name);
  const [first, second] = [dayOf(before), dayOf(after)];
  return first === undefined || second === undefined ? [] : [{ before: first, after: second }];
}

/** The days of each mix as a table, and what calibrating changed, for people. */
export function boardTables({ mixes, changes }: BoardDemo): string {
  const tables = mixes.map(({ mix, days }) => `seed ${mix.seed}: ${mix.tenants.join(', ')}\n${demoTable(days)}`);
  const lines = compared.flatMap(({ before, after }) => {
    const change = changes[before.name];
    return change === undefined ? [] : [beforeAfterLine(change, [after.name, before.name])];
  });
  return [...tables, ...lines].join('\n\n');
}
