import { rounded } from '../report';
import type { ExplainedFigures } from './explained-delay';
import type { Gap } from './gap-log';

export const causesMethod =
  "the kernel's counters at every timer: own CPU time, then steal of the cores the thread was on (told in steps of 10 ms, so right " +
  'on average), then waiting for a core, then an event loop without anything to do that was woken late; what is left, a turn stood ' +
  'still; StolenMs is of all cores for the whole time';

const roundedOrNull = (value: number | null): number | null => (value === null ? null : rounded(value));

/** The figures of one stretch of time, each name beginning with `window`. */
export function causeFigures(window: string, { causes }: ExplainedFigures): Record<string, unknown> {
  const gap = ({ phase, lateMs, ownCpuMs, waitedMs, stolenMs, oversleptMs }: Gap) => ({
    phase,
    lateMs: rounded(lateMs),
    ownCpuMs: roundedOrNull(ownCpuMs),
    waitedMs: roundedOrNull(waitedMs),
    stolenMs: roundedOrNull(stolenMs),
    oversleptMs: roundedOrNull(oversleptMs),
  });
  return {
    [`${window}WithoutStealMaxMs`]: roundedOrNull(causes.withoutStealMaximumMs),
    [`${window}BesidesStealMaxMs`]: roundedOrNull(causes.besidesStealMaximumMs),
    [`${window}OwnCpuMaxMs`]: roundedOrNull(causes.ownCpuMaximumMs),
    [`${window}LongestGaps`]: causes.longest.map(gap),
    [`${window}StolenMs`]: roundedOrNull(causes.stolenMs),
  };
}

export function gapLine({ phase, lateMs, ownCpuMs, waitedMs, stolenMs, oversleptMs }: Gap): string {
  const ms = (value: number | null) => (value === null ? 'unknown' : `${value.toFixed(1)} ms`);
  const stoodStillMs =
    ownCpuMs === null || waitedMs === null || stolenMs === null || oversleptMs === null
      ? null
      : lateMs - ownCpuMs - waitedMs - stolenMs - oversleptMs;
  return (
    `${phase}: late by ${ms(lateMs)}: own CPU time ${ms(ownCpuMs)}, waiting for a core ${ms(waitedMs)}, taken by the hypervisor ` +
    `${ms(stolenMs)}, woken late ${ms(oversleptMs)}, standing still ${ms(stoodStillMs)}`
  );
}
