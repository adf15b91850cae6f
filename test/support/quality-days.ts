import { QualityPolicy } from '../../src/power/policies/quality';
import type { AccountState } from '../../src/selection/price/account';
import { VariantSelector } from '../../src/selection/selector';
import type { CarbonReading } from '../../src/signals/carbon';
import type { Quality } from '../../src/signals/quality';
import type { Tenant } from '../../src/signals/tenant';
import type { Violated } from '../../src/signals/violated';
import { reading } from '../unit/power/fakes';
import { telemetry, tenantWindow } from './planning-fixtures';

export const hourMs = 3_600_000;
export const beginMs = Date.UTC(2026, 0, 5);

/** A tenant with the energy above idle of one inference of each variant, J. */
export interface Worker {
  readonly tenant: Tenant;
  readonly energyJ: Readonly<Record<string, number>>;
  readonly ratePerS: (hour: number) => number;
}

export interface Grid {
  /** What the grid really is in an hour since the beginning, g/kWh; null: the reading does not know. */
  readonly actual: (hour: number) => number | null;
  /** What the forecast made now says of a later hour; null: no forecast. */
  readonly forecast: ((hour: number, nowHour: number) => number) | null;
}

export interface DayResult {
  readonly lossPt: number;
  readonly grams: number;
}

export interface Played {
  readonly days: readonly DayResult[];
  readonly lossPt: number;
  readonly grams: number;
  /** What the most accurate variants would have emitted. */
  readonly alwaysMaxG: number;
  /** What the best constant mix of variants of the same mean accuracy would have emitted. */
  readonly constantMixG: number;
  readonly swapsPerTenantHour: number;
  readonly reasons: readonly string[];
}

export const idleW = 5;
const noLimit = { minimumW: 10, maximumW: 30 };

function readingAt(grid: Grid, hour: number): CarbonReading {
  const validFrom = (h: number): string => new Date(beginMs + h * hourMs).toISOString();
  const slot = Math.floor(hour * 2) / 2;
  const forecast =
    grid.forecast === null
      ? []
      : Array.from({ length: 48 }, (_, ahead) => ({
          validFrom: validFrom(slot + ahead + 0.5),
          validTo: validFrom(slot + ahead + 1.5),
          intensityGPerKwh: Math.max(0, grid.forecast?.(slot + ahead + 0.5, slot) ?? 0),
        }));
  const fields = { validFrom: validFrom(slot), validTo: validFrom(slot + 0.5), forecast };
  return reading(grid.actual(slot), fields);
}

/** Policy, selector and a planner in which power is idle plus what each tenant's inferences take, played for some days. */
export function playQuality(
  workers: readonly Worker[],
  grid: Grid,
  days: number,
  options: {
    allowancePt?: number;
    stepMinutes?: number;
    tellTelemetry?: boolean;
    /** Whether Node-RED is started anew after an hour; all that is known is gone then, but what `keep` makes of the account. */
    restarts?: { readonly after: (hour: number) => boolean; keep(account: AccountState | null): AccountState | null };
  } = {},
): Played {
  const { allowancePt = 1, stepMinutes = 15, tellTelemetry = true, restarts } = options;
  let nowMs = 0;
  const tenants = workers.map(({ tenant }) => tenant);
  const start = () => ({
    policy: new QualityPolicy({ allowancePt, within: 'highest', holdUnknownS: 900 }),
    selector: new VariantSelector({ tenants, clock: () => nowMs }),
  });
  let { policy, selector } = start();
  let current = new Map(workers.map(({ tenant }) => [tenant.name, tenant.variants[0]?.name ?? '']));
  const reasons: string[] = [];
  const results: { requests: number; points: number; grams: number }[] = [];
  const kWhPerStepW = stepMinutes / 60 / 1000;
  let alwaysMaxG = 0;
  let swaps = 0;
  let weighted = 0;

  const energyOf = (worker: Worker, variant: string): number => worker.energyJ[variant] ?? 0;
  const powerOf = (chosen: ReadonlyMap<string, string>, hour: number): number =>
    workers.reduce(
      (sum, worker) => sum + worker.ratePerS(hour) * energyOf(worker, chosen.get(worker.tenant.name) ?? ''),
      idleW,
    );
  const violatedAt = (hour: number, quality: Quality | undefined): Violated => ({
    planId: 'p',
    capW: 30,
    violations: [],
    excess: 0,
    current: Object.fromEntries(current),
    expectedW: powerOf(current, hour),
    ratePerS: Object.fromEntries(workers.map((worker) => [worker.tenant.name, worker.ratePerS(hour)])),
    ...(quality === undefined ? {} : { quality }),
    alternatives: workers.flatMap(({ tenant }) =>
      tenant.variants
        .filter(({ name }) => name !== current.get(tenant.name))
        .map(({ name, accuracy }) => {
          const powerW = powerOf(new Map([...current, [tenant.name, name]]), hour);
          return {
            tenant: tenant.name,
            variant: name,
            accuracy,
            latencyMs: { expected: 20, lower: 10, upper: 40 },
            powerW: { expected: powerW, lower: powerW * 0.9, upper: powerW * 1.1 },
            feasible: true,
            excess: 0,
          };
        }),
    ),
  });

  for (let step = 0; step < (days * 24 * 60) / stepMinutes; step += 1) {
    const hour = (step * stepMinutes) / 60;
    nowMs = hour * hourMs;
    const { quality } = policy.decide(readingAt(grid, hour), noLimit, nowMs);
    for (let answers = 0; answers <= workers.length * 4; answers += 1) {
      const answer = selector.onViolated(violatedAt(hour, quality));
      if (answer === null) break;
      reasons.push(answer.reason);
      const next = new Map(answer.choices.map(({ tenant, chosen }) => [tenant, chosen]));
      swaps += [...next].filter(([name, variant]) => current.get(name) !== variant).length;
      current = next;
    }
    // What happens until the next step.
    const result = (results[Math.floor(hour / 24)] ??= { requests: 0, points: 0, grams: 0 });
    const intensity = grid.actual(Math.floor(hour * 2) / 2) ?? 0;
    for (const worker of workers) {
      const { tenant } = worker;
      const [best] = tenant.variants;
      const variant = tenant.variants.find(({ name }) => name === current.get(tenant.name));
      const requests = worker.ratePerS(hour) * stepMinutes * 60;
      result.requests += requests;
      result.points += requests * ((best?.accuracy ?? 0) - (variant?.accuracy ?? 0)) * 100;
      if (tellTelemetry && variant !== undefined && requests > 0) {
        const served = Math.round(requests);
        const byVariant = [
          { variant: variant.name, accuracy: variant.accuracy, served, inTime: served, energyJ: null },
        ];
        const window = tenantWindow(tenant.name, { variant: variant.name, offered: served, served, byVariant });
        selector.onTelemetry(telemetry([window], stepMinutes * 60));
      }
    }
    result.grams += powerOf(current, hour) * kWhPerStepW * intensity;
    alwaysMaxG +=
      powerOf(new Map(tenants.map(({ name, variants }) => [name, variants[0]?.name ?? ''])), hour) *
      kWhPerStepW *
      intensity;
    weighted += kWhPerStepW * intensity;
    if (restarts?.after(hour) === true) {
      const kept = restarts.keep(selector.accuracyAccount);
      ({ policy, selector } = start());
      if (kept !== null) selector.restoreAccuracyAccount(kept);
      current = new Map(tenants.map(({ name, variants }) => [name, variants[0]?.name ?? '']));
    }
  }
  const requests = results.reduce((sum, day) => sum + day.requests, 0);
  const points = results.reduce((sum, day) => sum + day.points, 0);
  const lossPt = requests > 0 ? points / requests : 0;
  return {
    days: results.map((day) => ({ lossPt: day.requests > 0 ? day.points / day.requests : 0, grams: day.grams })),
    lossPt,
    grams: results.reduce((sum, day) => sum + day.grams, 0),
    alwaysMaxG,
    constantMixG: constantMixW(workers, lossPt) * weighted,
    swapsPerTenantHour: swaps / workers.length / (days * 24),
    reasons,
  };
}

/** Least mean power of a mix of variants that never changes and loses so many points; rates as in the first hour. */
export function constantMixW(workers: readonly Worker[], lossPt: number): number {
  const total = workers.reduce((sum, { ratePerS }) => sum + ratePerS(0), 0);
  let powerW = idleW;
  // Steps along each tenant's lower convex hull, the most watts per point first.
  const steps: { points: number; savedW: number }[] = [];
  for (const { tenant, energyJ, ratePerS } of workers) {
    const rate = ratePerS(0);
    const [best] = tenant.variants;
    let at = { loss: 0, powerW: rate * (energyJ[best?.name ?? ''] ?? 0) };
    powerW += at.powerW;
    let rest = tenant.variants.slice(1).map(({ name, accuracy }) => ({
      loss: ((best?.accuracy ?? 0) - accuracy) * 100,
      powerW: rate * (energyJ[name] ?? 0),
    }));
    while (rest.length > 0) {
      const from = at;
      const slope = (to: typeof at): number => (from.powerW - to.powerW) / (to.loss - from.loss);
      const next = rest.reduce((most, to) => (slope(to) > slope(most) ? to : most));
      if (slope(next) <= 0) break;
      steps.push({ points: ((next.loss - from.loss) * rate) / total, savedW: from.powerW - next.powerW });
      rest = rest.filter(({ loss }) => loss > next.loss);
      at = next;
    }
  }
  let left = lossPt;
  for (const { points, savedW } of steps.sort((a, b) => b.savedW / b.points - a.savedW / a.points)) {
    const share = Math.min(1, left / points);
    powerW -= savedW * share;
    left -= points * share;
  }
  return powerW;
}
