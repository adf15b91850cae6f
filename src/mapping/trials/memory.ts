import type { Plan } from '../../signals/plan';
import type { Telemetry } from '../../signals/telemetry';
import { mappingKey } from './essence';
import type { MeasuredPlan } from './measured-plan';

/** What was measured longer ago, or at rates that differ by more than this share, may be otherwise now. */
const freshMs = 15 * 60_000;
const sameRate = 0.3;
/** Rates below this differ by chance. */
const trickle = 0.5;
const mostKept = 64;

interface Remembered {
  readonly measured: MeasuredPlan;
  readonly atMs: number;
}

/** What mappings did when they were in force, so that none is tried twice for the same. */
export class TrialMemory {
  private readonly known = new Map<string, Remembered>();
  private rates: ReadonlyMap<string, number> = new Map();

  /** @param clock milliseconds on a clock that never jumps */
  constructor(private readonly clock: () => number) {}

  /** The requests that arrive now. */
  observe({ tenants, durationS }: Telemetry): void {
    if (durationS > 0) this.rates = new Map(tenants.map(({ tenant, offered }) => [tenant, offered / durationS]));
  }

  keep(plan: Plan, measured: MeasuredPlan): void {
    const key = mappingKey(plan);
    this.known.delete(key);
    this.known.set(key, { measured, atMs: this.clock() });
    for (const oldest of [...this.known.keys()].slice(0, -mostKept)) this.known.delete(oldest);
  }

  /** What this mapping did, where that still holds; else null. */
  recall(plan: Plan): MeasuredPlan | null {
    const known = this.known.get(mappingKey(plan));
    if (known === undefined || this.clock() - known.atMs > freshMs) return null;
    const isSame = [...known.measured.tenants].every(([tenant, { offeredPerS }]) => {
      const difference = Math.abs((this.rates.get(tenant) ?? offeredPerS) - offeredPerS);
      return difference <= trickle || difference <= sameRate * Math.max(offeredPerS, trickle);
    });
    return isSame ? known.measured : null;
  }
}
