import { expectedPowerW } from '../expected-power';
import type { ClockStep } from './clock-domain';

/** One combination of upper limits; null where the machine has no such clock. */
export interface Rung {
  readonly gpu: ClockStep | null;
  readonly cpu: ClockStep | null;
}

/** More would only make choosing slower: neighbours differ by few percent. */
const mostRungs = 24;

/** Neighbours closer than this share of expected power are one. */
const leastGap = 0.03;

interface Weighed extends Rung {
  readonly powerW: number;
  readonly speed: number;
}

/**
 * Combinations of GPU and CPU limits worth using, highest power first: each step down saves power, and none is both slower and
 * hungrier than another. Speed is judged for work that at full clock spends half of its time on each, power by
 * {@link expectedPowerW}.
 *
 * @param gpuSteps ascending; empty when there is none
 * @param cpuSteps ascending; empty when there is none
 * @param cores cores that are on, for the CPU's weight
 */
export function ladderOf(
  gpuSteps: readonly ClockStep[],
  cpuSteps: readonly ClockStep[],
  { cores, gpuUnits }: { readonly cores: number | null; readonly gpuUnits: number | null },
): Rung[] {
  if (gpuSteps.length === 0 && cpuSteps.length === 0) return [];
  const orNone = (steps: readonly ClockStep[]): readonly (ClockStep | null)[] => (steps.length === 0 ? [null] : steps);
  const slowness = (step: ClockStep | null, steps: readonly ClockStep[]): number =>
    step === null ? 0 : (steps.at(-1)?.mhz ?? step.mhz) / step.mhz;
  const weighed: Weighed[] = orNone(gpuSteps).flatMap((gpu) =>
    orNone(cpuSteps).map((cpu) => ({
      gpu,
      cpu,
      powerW: expectedPowerW({ gpuMhz: gpu?.mhz ?? 0, cpuMhz: cpu?.mhz ?? 0, emcMhz: null, cores, gpuUnits }),
      speed: 1 / (slowness(gpu, gpuSteps) + slowness(cpu, cpuSteps)),
    })),
  );
  return thinOut(paretoFront(weighed)).map(({ gpu, cpu }) => ({ gpu, cpu }));
}

function paretoFront(weighed: readonly Weighed[]): Weighed[] {
  const front: Weighed[] = [];
  // From fast to slow, what does not save power against everything faster is of no use.
  for (const candidate of weighed.toSorted((a, b) => b.speed - a.speed || a.powerW - b.powerW)) {
    const cheapest = front.at(-1);
    if (cheapest === undefined || candidate.powerW < cheapest.powerW) front.push(candidate);
  }
  return front;
}

/** Keeps both ends, and between them what is far enough apart. */
function thinOut(front: readonly Weighed[]): Weighed[] {
  const top = front[0];
  const bottom = front.at(-1);
  if (top === undefined || bottom === undefined || top === bottom) return [...front];
  const gap = Math.max(leastGap, 1 - (bottom.powerW / top.powerW) ** (1 / (mostRungs - 1)));
  const kept = [top];
  for (const rung of front.slice(1, -1)) {
    const last = kept.at(-1) ?? top;
    if (rung.powerW <= last.powerW * (1 - gap)) kept.push(rung);
  }
  return [...kept, bottom];
}

/** E.g. `GPU 905 MHz, CPU 1.19 GHz`. */
export function rungName({ gpu, cpu }: Rung): string {
  const parts = [];
  if (gpu !== null) parts.push(`GPU ${Math.round(gpu.mhz)} MHz`);
  if (cpu !== null) parts.push(`CPU ${(cpu.mhz / 1000).toFixed(2)} GHz`);
  return parts.join(', ');
}
