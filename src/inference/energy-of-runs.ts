import type { EnergyReader, Profile } from '../signals/profile';
import type { TaskHost } from './hosting/task-host';

/** Wall time this far above CPU time per thread means that something else ran on the cores. */
const contentionRatio = 1.3;

/** Runs without a pause for so long before and while energy is read: sensors are read every 10 to 100 ms, and mean over some. */
const energyWarmUpMs = 200;
const energyMs = 1000;

/** Only one thread computes all the time that the run takes; several may wait for each other, which is no contention. */
export function isContended(wallMs: number, cpuMs: number, threads: number): boolean {
  return threads === 1 && cpuMs > 0 && wallMs / cpuMs > contentionRatio;
}

/**
 * Above idle, of one inference. Null where the meter models it or does not know, or finds nothing above idle; and where something
 * else competed for the cores, before or meanwhile: a sensor sees the whole device, so part of that energy is not this model's. What
 * computes on other cores is not noticed here.
 * @param contended whether something competed while the latencies were measured
 */
export async function energyOfRuns(
  host: Pick<TaskHost, 'rerun'>,
  meter: EnergyReader,
  threads: number,
  contended: boolean,
): Promise<Profile['energy']> {
  if (meter.readEnergy().source === 'modelled' || contended) return null;
  await host.rerun(energyWarmUpMs, false);
  meter.readEnergy();
  const { runs, p50Ms, cpuP50Ms } = await host.rerun(energyMs, false);
  const { totalJ, idleJ, source } = meter.readEnergy();
  if (isContended(p50Ms, cpuP50Ms, threads)) return null;
  const aboveIdleJ = totalJ === null || idleJ === null ? 0 : totalJ - idleJ;
  return aboveIdleJ > 0 ? { perInferenceJ: aboveIdleJ / runs, source } : null;
}
