import { ArmProcess } from '../../arms/arm-process';
import type { ClosedLoop, LoadFigures } from '../../arms/closed-loop';
import { rounded } from '../../report';
import { componentsOn, interleaved, median, type BenchContext, type PartResult } from '../context';
import type { ExecutorOptions } from '../executor-arm';
import type { Measuring } from '../measuring';

const tightLimitMs = 10;
const big: ClosedLoop = { tenant: 'big', inFlight: 2 };
const smallOne: ClosedLoop = { tenant: 'small', inFlight: 1, thinkMs: 25 };

/** What a small tenant waits beside a big one that uses the same core all the time. */
export async function measureHeadOfLine(context: BenchContext): Promise<PartResult> {
  const components = componentsOn(context.cores.slice(0, 1));
  const options = (latencyLimitMs: number): ExecutorOptions => ({
    tenants: [
      { name: 'big', model: context.model('residual') },
      { name: 'small', model: context.model('narrow'), latencyLimitMs },
    ],
    components,
  });
  const tight = await ArmProcess.start<Measuring>('executor', options(tightLimitMs));
  const loose = await ArmProcess.start<Measuring>('executor', options(60_000));
  const { warmUpS } = context;
  const seconds = 2 * context.seconds;
  const measure = (arm: ArmProcess<Measuring>, loops: readonly ClosedLoop[]) => (): Promise<LoadFigures> =>
    arm.call('measure', { loops, seconds, warmUpS });
  context.say('head of line: a small tenant beside a big one, with a tight and with a loose limit');
  const measured = await interleaved(context.rounds, {
    alone: measure(tight, [smallOne]),
    tight: measure(tight, [big, smallOne]),
    loose: measure(loose, [big, smallOne]),
  });
  await Promise.all([tight.close(), loose.close()]);
  const of = (rounds: readonly LoadFigures[], tenant: string, figure: 'p50Ms' | 'p99Ms' | 'perS') =>
    rounded(median(rounds.map((round) => round[tenant]?.[figure] ?? NaN)));
  return {
    figures: {
      headOfLineP50Ms: of(measured.tight, 'small', 'p50Ms'),
      headOfLineP99Ms: of(measured.tight, 'small', 'p99Ms'),
      headOfLineLooseP50Ms: of(measured.loose, 'small', 'p50Ms'),
      headOfLineLooseP99Ms: of(measured.loose, 'small', 'p99Ms'),
      headOfLineAloneP50Ms: of(measured.alone, 'small', 'p50Ms'),
      headOfLineBigPerS: of(measured.tight, 'big', 'perS'),
      headOfLineBigLoosePerS: of(measured.loose, 'big', 'perS'),
    },
    setup: {
      headOfLine:
        `latency of narrow (one request about every 25 ms) beside residual at full load (two under way) on one core, through ` +
        `the executor: with a latency limit of ${tightLimitMs} ms, with one of a minute (Loose), and by itself (Alone)`,
    },
  };
}
