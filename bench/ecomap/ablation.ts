import { DeviceModel } from '../../src/simulation/devices';
import { printReport, rounded } from '../report';
import { average, byZone, changePct } from './figures';
import { prepared as preparedWeek } from './imported/run';
import { seededMixes } from '../../src/simulation/devices/workloads/mixes';
import { boardPoints } from '../../src/simulation/devices/workloads/points';
import type { BenchOptions } from './options';
import * as mixRuns from './run-mix';
import type { Aim, Knowing, PreparedMix, PreparedWeek, Settings } from './run-mix';
import { markdown } from './tables';
import { zoneWeeks } from './zones';

interface Case extends Knowing {
  readonly name: string;
  readonly aim: Aim;
}

/** Our policy with more and more of what it cannot know; each against constant and oracle that weigh delay as it does. */
const cases: readonly Case[] = [
  { name: 'ours', aim: 'same', costs: 'learned', grid: 'expected' },
  { name: 'true costs', aim: 'same', costs: 'true', grid: 'expected' },
  { name: 'true grid', aim: 'same', costs: 'learned', grid: 'true' },
  { name: 'both true', aim: 'same', costs: 'true', grid: 'true' },
  { name: 'grams alone', aim: 'grams', costs: 'learned', grid: 'expected' },
  { name: 'grams alone, both true', aim: 'grams', costs: 'true', grid: 'true' },
];

interface Ablated {
  readonly zone: string;
  /** Change against the best constant plan of the same accuracy, %, by case. */
  readonly ours: readonly number[];
  /** The oracle's, likewise. */
  readonly oracle: readonly number[];
}

/** What of the distance between our policy and the oracle is due to what, without the other policies. */
export function runAblation(options: BenchOptions, settings: Settings, firstSeed: number): Promise<void> {
  const which = options.tuning ? 'tuning' : 'test';
  return zoneWeeks(which, options.quick ? 1 : 3, options.quick ? 2 : 7).then(({ weeks: all, skipped }) => {
    const weeks = all.map(preparedWeek);
    const model = new DeviceModel('agx-xavier');
    const mixes = mixRuns.feasibleMixes(
      model,
      boardPoints(model),
      (count) => seededMixes(model, count, firstSeed),
      options.mixes ?? (options.quick ? 3 : 30),
      settings,
    ).ready;
    const rows = mixes.flatMap((mix) => weeks.map((week) => ablated(mix, week, settings)));
    const lines = [...byZone(rows, ({ zone }) => zone)].map(([zone, some]) => meanOf(zone, some));
    const total = meanOf('mean', lines);
    printLines([...lines, total], mixes.length, weeks.length);
    printReport({
      bench: 'ecomap',
      figures: {
        ablation: Object.fromEntries(
          cases.map(({ name }, at) => [
            name,
            {
              vsBestConstantPct: rounded(total.ours[at] ?? Number.NaN),
              oracleVsBestConstantPct: rounded(total.oracle[at] ?? Number.NaN),
            },
          ]),
        ),
      },
      setup: { weeks: which, mixes: mixes.length, zoneWeeks: weeks.map(({ week }) => week.label), settings, skipped },
    });
  });
}

function ablated(mix: PreparedMix, week: PreparedWeek, { allowancePt }: Settings): Ablated {
  const pairs = cases.map(({ aim, ...knowing }) => {
    const { carbonG, accuracyLostPt } = mixRuns.ourScore(mix, week, allowancePt, aim, knowing);
    const constantG = mixRuns.bestConstantG(mix, week, accuracyLostPt, aim);
    const oracleG = mixRuns.oracleG(mix, week, accuracyLostPt, aim);
    return [changePct(carbonG, constantG), changePct(oracleG, constantG)] as const;
  });
  return { zone: week.week.zone, ours: pairs.map(([ours]) => ours), oracle: pairs.map(([, oracle]) => oracle) };
}

function meanOf(zone: string, some: readonly Ablated[]): Ablated {
  const mean = (of: (row: Ablated) => readonly number[]): number[] =>
    cases.map((_, at) => average(some.map((row) => of(row)[at] ?? Number.NaN)));
  return { zone, ours: mean(({ ours }) => ours), oracle: mean(({ oracle }) => oracle) };
}

function printLines(lines: readonly Ablated[], mixes: number, weeks: number): void {
  console.log(`${mixes} mixes x ${weeks} weeks; % against the best constant plan of the same accuracy\n`);
  const signed = (value = Number.NaN): string => `${value > 0 ? '+' : ''}${value.toFixed(2)}`;
  const columns = cases.map(({ name }, at): [string, (line: Ablated) => string] => [
    name,
    ({ ours }) => signed(ours[at]),
  ]);
  const table = markdown<Ablated>(
    [
      ['zone', ({ zone }) => zone],
      ...columns.slice(0, 4),
      ['oracle', ({ oracle }) => signed(oracle[0])],
      ...columns.slice(4),
      ['oracle, grams alone', ({ oracle }) => signed(oracle[4])],
    ],
    lines,
  );
  for (const line of table) console.log(line);
  console.log('');
}
