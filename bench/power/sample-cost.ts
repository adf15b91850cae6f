import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Machine } from '../../src/power/machine/machine';
import { openRailSensor } from '../../src/power/meters/sensors/rail-sensor';

export interface SampleCost {
  /** CPU time of the main thread per sample of all rails, mean, ms. */
  readonly sampleMainThreadMs: number;
  /** From asking to the answer, mean, ms. */
  readonly sampleLatencyMs: number;
  readonly rails: number;
}

/** CPU time of the main thread, ms: other than wall time it does not count what other processes take from it. Linux. */
function mainThreadMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/**
 * What one reading of all rails costs the main thread of Node.js, asked every `intervalMs` as a meter does; the cost of waiting
 * the same time without asking is taken off.
 */
export async function measureSampleCost(machine: Machine, samples = 100, intervalMs = 20): Promise<SampleCost> {
  const { sensor } = await openRailSensor(machine.files);
  if (sensor === null) throw new Error('there are no rails to read');
  let rails = 0;
  let waitedMs = 0;
  const round = async (work: () => Promise<void>): Promise<number> => {
    for (let warm = 0; warm < 20; warm += 1) await work();
    const from = mainThreadMs();
    for (let count = 0; count < samples; count += 1) {
      await work();
      await pause(intervalMs);
    }
    return (mainThreadMs() - from) / samples;
  };
  const withoutMs = await round(() => Promise.resolve());
  const withMs = await round(async () => {
    const from = performance.now();
    const sample = await sensor.sample();
    waitedMs += performance.now() - from;
    if (sample.powerW === null) throw new Error('a sample had no total');
    rails = sample.rails.length;
  });
  await sensor.close();
  return { sampleMainThreadMs: withMs - withoutMs, sampleLatencyMs: waitedMs / (samples + 20), rails };
}
