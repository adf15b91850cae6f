import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProfileStore } from '../mapping/profiles/store';
import { ProfileTable } from '../mapping/profiles/table';
import { describeMachine } from '../power/describe-machine';
import { detectMachine } from '../power/detect';
import { createDevice } from '../power/device';
import { EcomapError, messageOf } from '../signals/errors';
import { beforeAfter, beforeAfterLine, type DayPair } from './before-after';
import { alwaysMax, calibrated, ecomap, type DayPolicy } from './day-policy';
import type { DayFigures } from './day-watch';
import { playDay } from './demo';
import { calibrateForDemo, calibrationLine, type DemoCalibration } from './demo-calibration';
import { profiledTenants } from './demo-preparation';
import { replayForDemo } from './demo-replay';
import { demoTable } from './demo-table';
import { demonstrationTenants } from './demo-tenants';
import type { Arrivals } from '../simulation/devices/workloads/mixes';
import { playableBoard, type PlayableBoard } from './simulated-board/board';
import { boardTables, playBoard } from './simulated-board/comparison';

const usage =
  'usage: npm run demo -- [--seconds 60] [--seed 1] [--calibrate 160 [--pairs 1]] [--estimator auto|analytic] [--record FILE] [--json]\n' +
  '       npm run demo -- --board agx-xavier [--seed 1] [--pairs 1] [--calibrate 160] [--arrivals poisson|bursty]\n' +
  '         [--estimator auto|analytic] [--json]\n' +
  '       npm run demo -- --replay FILE [--json]';

interface Options {
  readonly seconds: number;
  readonly seed: number;
  /** Co-locations to measure before another day; 0: none. */
  readonly calibrate: number;
  /** How many days are played both without and with what was learned. */
  readonly pairs: number;
  /** Plans by the queueing model alone. */
  readonly analytic: boolean;
  /** A simulated board to play on in simulated time, instead of this machine; null: this machine. */
  readonly board: PlayableBoard | null;
  /** On a board. */
  readonly arrivals: Arrivals;
  /** File for the day of the loop; null: not recorded. */
  readonly record: string | null;
  /** A recorded day to run again instead; null: none. */
  readonly replay: string | null;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      board: { type: 'string' },
      arrivals: { type: 'string', default: 'poisson' },
      seed: { type: 'string', default: '1' },
      calibrate: { type: 'string', default: '0' },
      pairs: { type: 'string', default: '1' },
      estimator: { type: 'string', default: 'auto' },
      record: { type: 'string' },
      replay: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const board = values.board === undefined ? null : playableBoard(values.board);
  if (board !== null && (values.seconds ?? values.record ?? values.replay) !== undefined) {
    const what = 'days on a board pass in simulated time, as fast as they can, and are not recorded';
    throw new EcomapError('INVALID_CONFIG', `${what}; ${usage}`);
  }
  const seconds = Number(values.seconds ?? 60);
  const seed = Number(values.seed);
  if (!(seconds >= 20 && seconds <= 86_400))
    throw new EcomapError('INVALID_CONFIG', `--seconds must be 20 to 86400; ${usage}`);
  if (!Number.isInteger(seed)) throw new EcomapError('INVALID_CONFIG', `--seed must be a whole number; ${usage}`);
  const calibrate = Number(values.calibrate);
  if (calibrate !== 0 && !(Number.isInteger(calibrate) && calibrate >= 40 && calibrate <= 1000))
    throw new EcomapError('INVALID_CONFIG', `--calibrate must be 40 to 1000 co-locations; ${usage}`);
  const pairs = Number(values.pairs);
  if (!(Number.isInteger(pairs) && pairs >= 1 && pairs <= 100))
    throw new EcomapError('INVALID_CONFIG', `--pairs must be 1 to 100 days; ${usage}`);
  if (pairs > 1 && calibrate === 0 && board === null)
    throw new EcomapError('INVALID_CONFIG', `--pairs compares days without and with --calibrate; ${usage}`);
  const { estimator, arrivals, record = null, replay = null, json } = values;
  if (arrivals !== 'poisson' && arrivals !== 'bursty')
    throw new EcomapError('INVALID_CONFIG', `--arrivals must be poisson or bursty; ${usage}`);
  if (arrivals === 'bursty' && board === null)
    throw new EcomapError('INVALID_CONFIG', `--arrivals is for days on a --board; ${usage}`);
  if (estimator !== 'auto' && estimator !== 'analytic')
    throw new EcomapError('INVALID_CONFIG', `--estimator must be auto or analytic; ${usage}`);
  if (record !== null && existsSync(record))
    throw new EcomapError(
      'INVALID_CONFIG',
      `--record: there is a file ${record} already; remove it, or choose another`,
    );
  return { seconds, seed, calibrate, pairs, analytic: estimator === 'analytic', board, arrivals, record, replay, json };
}

interface PlannedDay {
  readonly policy: DayPolicy;
  readonly seed: number;
}

/** The days before the calibration and those after it. Of a further pair now the one, now the other comes first: machines drift. */
function plannedDays({ seed, calibrate, pairs }: Options): { before: PlannedDay[]; after: PlannedDay[] } {
  const before = [alwaysMax, ecomap].map((policy) => ({ policy, seed }));
  if (calibrate === 0) return { before, after: [] };
  const further = Array.from({ length: pairs - 1 }, (_, index) => {
    const both = [ecomap, calibrated].map((policy) => ({ policy, seed: seed + 1 + index }));
    return index % 2 === 0 ? both.reverse() : both;
  });
  return { before, after: [{ policy: calibrated, seed }, ...further.flat()] };
}

/**
 * Profiles the models, then plays the same grid day once per policy, all within about the given time. With `calibrate` the estimator
 * then learns this machine (that takes as long as it takes), and the day is played once more; with `pairs` so are further days, each
 * without and with all that was learned, profiles included.
 */
async function demo(options: Options): Promise<void> {
  const { seconds, seed, calibrate, analytic, record, json } = options;
  const beganMs = Date.now();
  const say = (line: string) => {
    process.stderr.write(`${line}\n`);
  };
  const stateDirectory = await mkdtemp(join(tmpdir(), 'ecomap-demo-'));
  const device = createDevice(describeMachine(detectMachine()));
  try {
    const tenants = demonstrationTenants();
    const { description } = device;
    say(
      `${description.label}: ${device.components.map(({ name }) => name).join(', ')}; power is modelled: ${description.powerMethod}`,
    );
    const store = new ProfileStore({ directory: join(stateDirectory, 'profiles'), warn: say });
    const profiles = await profiledTenants({ device, tenants, store, stateDirectory, say });
    // Starting and stopping a policy takes about two seconds each.
    const left = seconds - (Date.now() - beganMs) / 1000 - 4;
    const planned = plannedDays(options);
    const dayS = Math.max(6, left / (planned.before.length + planned.after.length));
    const days: (PlannedDay & { readonly figures: DayFigures })[] = [];
    let learned: DemoCalibration | null = null;
    // The calibration adds to what is known of the variants alone: days without it do without that, too.
    const unlearned = new ProfileTable(profiles);
    const play = async (day: PlannedDay): Promise<void> => {
      const { policy } = day;
      say(`${policy.name}: a grid day in ${dayS.toFixed(0)} s`);
      const figures = await playDay(policy, dayS, {
        ...{ device, tenants, stateDirectory, seed: day.seed, say },
        profiles: policy === calibrated ? profiles : unlearned,
        ...(analytic && { estimator: { kind: 'analytic' } }),
        ...(policy === calibrated && learned && { estimator: learned.estimator }),
        ...(policy === ecomap && learned === null && record !== null && { recordTo: record }),
      });
      days.push({ ...day, figures });
    };
    for (const day of planned.before) await play(day);
    if (calibrate > 0) {
      const around = { device, tenants, profiles, store, stateDirectory, seed, say };
      learned = await calibrateForDemo({ ...around, samples: calibrate });
      say(calibrationLine(learned));
      for (const day of planned.after) await play(day);
    }
    const changes = beforeAfter(pairsOf(days), seed);
    if (json) {
      const requests = Object.fromEntries(
        tenants.map(({ name }) => [name, days.reduce((sum, { figures }) => sum + (figures.requests[name] ?? 0), 0)]),
      );
      const { points: _, ...summary } = learned?.summary ?? { points: [] };
      const calibration = learned === null ? null : { ...summary, loopDelayMs: learned.loopDelayMs, changes };
      const policies = days.map(({ figures }) => figures);
      console.log(JSON.stringify({ demo: { policies, requests, calibration } }));
    } else {
      console.log(demoTable(days.map(({ figures }) => figures)));
      if (learned !== null) console.log(`${calibrationLine(learned)}\n${beforeAfterLine(changes)}`);
    }
  } finally {
    await device.close();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

function pairsOf(days: readonly (PlannedDay & { readonly figures: DayFigures })[]): DayPair[] {
  return days.flatMap((day) => {
    const before = days.find(({ policy, seed }) => policy === ecomap && seed === day.seed);
    return day.policy === calibrated && before ? [{ before: before.figures, after: day.figures }] : [];
  });
}

async function boardDemo(board: PlayableBoard, options: Options): Promise<void> {
  const { pairs, json } = options;
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const stateDirectory = await mkdtemp(join(tmpdir(), 'ecomap-demo-'));
  try {
    const played = await playBoard({ ...options, board, mixes: pairs, stateDirectory, say });
    if (!json) return console.log(boardTables(played));
    const mixes = played.mixes.map(({ mix, days, calibration }) => {
      const { points: _, ...summary } = calibration?.summary ?? { points: [] };
      return { ...mix, policies: days, calibration: calibration === null ? null : summary };
    });
    console.log(JSON.stringify({ demo: { source: 'simulated', board, mixes, changes: played.changes } }));
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  try {
    const options = readOptions();
    if (options.board !== null) await boardDemo(options.board, options);
    else if (options.replay === null) await demo(options);
    else if (!(await replayForDemo(options.replay, options.json, (line) => console.log(line)))) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

void main();
