import {
  boardFamilies,
  servingUnits,
  networkOn,
  type BoardFamily,
  type ServingUnit,
} from '../../src/simulation/devices/workloads/families';
import { boardPoints, type BoardPoint } from '../../src/simulation/devices/workloads/points';
import { Loop } from '../../src/loop/loop';
import { MappingPlanner, type PlanningRound } from '../../src/mapping/planner';
import { ProfileTable } from '../../src/mapping/profiles/table';
import { createDevice } from '../../src/power/device';
import { PowerCap, type PolicyConfig } from '../../src/power/power-cap';
import { VariantSelector } from '../../src/selection/selector';
import type { Cap } from '../../src/signals/cap';
import type { CarbonReading } from '../../src/signals/carbon';
import type { Component, OperatingPoint } from '../../src/signals/device';
import type { DeviceDescription } from '../../src/signals/device-description';
import type { Plan } from '../../src/signals/plan';
import { gramsOf } from '../../src/signals/quantities';
import type { Receipt } from '../../src/signals/receipt';
import type { Telemetry, TenantTelemetry } from '../../src/signals/telemetry';
import type { Tenant } from '../../src/signals/tenant';
import type { Variants } from '../../src/signals/variants';
import { DeviceModel, type DeviceOutcome, type Placement } from '../../src/simulation/devices';
import { Random } from '../../src/simulation/random';
import { FakeHost, ManualClock, reading } from '../unit/power/fakes';
import { profile, telemetry, tenant, tenantWindow } from './planning-fixtures';

export const hourS = 3600;
const beginMs = Date.UTC(2026, 0, 5);

/** The truth: what networks cost on it, alone and together, at every clock. The planner knows each network alone, no more. */
const xavier = new DeviceModel('agx-xavier');
const points = boardPoints(xavier);

const units: readonly Component[] = [
  { name: 'gpu', kind: 'gpu', cores: [], threads: 1, componentClass: 'gpu' },
  { name: 'dla0', kind: 'dla', cores: [], threads: 1, componentClass: 'dla0' },
];

function pointOf({ name, clocks, idleW }: BoardPoint): OperatingPoint {
  const fullMs = xavier.latencyMs('resnet50-fp16', 'gpu', xavier.mode('MAXN')) ?? 1;
  return {
    name,
    speed: Math.min(1, fullMs / (xavier.latencyMs('resnet50-fp16', 'gpu', clocks) ?? fullMs)),
    idleW,
    activeW: {
      gpu: xavier.powerW(clocks, { gpu: 1 }) - idleW,
      dla0: xavier.powerW(clocks, { dlas: 1 }) - idleW,
    },
    limits: 'clock',
  };
}

function familyOf(name: string): BoardFamily {
  const family = boardFamilies.find((one) => one.name === name);
  if (family === undefined) throw new RangeError(`no family ${name}`);
  return family;
}

/** A tenant with the variants of a family whose accuracy is published and whose cost was measured. */
export function xavierTenant(name: string, family: string, more: Partial<Tenant> = {}): Tenant {
  const rows = familyOf(family).variants.map((variant) => [variant.name, variant.accuracy, 0] as const);
  return { ...tenant(name, rows, more), family };
}

export const threeTenants: readonly Tenant[] = [
  xavierTenant('inspect', 'resnet', { priority: 1, arrivalRatePerS: 20, latencyLimitMs: 80 }),
  xavierTenant('gauge', 'densenet', { priority: 2, arrivalRatePerS: 8, latencyLimitMs: 250 }),
  xavierTenant('vibration', 'vgg', { priority: 3, arrivalRatePerS: 15, latencyLimitMs: 120 }),
];

function profilesOf(tenants: readonly Tenant[]): ProfileTable {
  const table = new ProfileTable();
  for (const { name, family } of tenants) {
    for (const variant of familyOf(family).variants) {
      for (const unit of servingUnits) {
        const network = networkOn(variant, unit);
        const runMs = network === null ? null : xavier.latencyMs(network, unit, xavier.mode('MAXN'));
        if (runMs !== null) table.set(name, variant.name, profile(runMs, { componentClass: unit, cpuMs: 0 }));
      }
    }
  }
  return table;
}

/** What the board really does under a plan, at these rates. */
function outcomeOf(plan: Plan, tenants: readonly Tenant[], ratePerS: ReadonlyMap<string, number>): DeviceOutcome {
  const clocks = points.find(({ name }) => name === plan.operatingPoint.name)?.clocks ?? xavier.mode('MAXN');
  const placements = plan.tenants.map(({ tenant: name, variant, stages }): Placement => {
    const unit = (stages[0]?.component ?? 'gpu') as ServingUnit;
    const family = familyOf(tenants.find((one) => one.name === name)?.family ?? '');
    const found = family.variants.find((one) => one.name === variant);
    const network = found === undefined ? null : networkOn(found, unit);
    if (network === null) throw new RangeError(`${name} ${variant} does not run on ${unit}`);
    return { network, stages: [{ unit }], ratePerS: ratePerS.get(name) ?? 0 };
  });
  return xavier.run(placements, clocks);
}

/** Answers and refusals of a window under a plan: what waits is taken as exponential, what cannot be served is refused. */
function windowOf(plan: Plan, { networks }: DeviceOutcome, offeredBy: ReadonlyMap<string, number>, durationS: number) {
  return plan.tenants.map(({ tenant: name, variant, latencyLimitMs }, index): TenantTelemetry => {
    const offered = offeredBy.get(name) ?? 0;
    const { latencyMs, throughputPerS } = networks[index] ?? { latencyMs: null, throughputPerS: 0 };
    const served = latencyMs === null ? Math.min(offered, Math.floor(throughputPerS * durationS)) : offered;
    const rejected = offered - served;
    const meanMs = latencyMs ?? latencyLimitMs;
    const late = Math.round(served * Math.min(1, Math.exp((-2 * latencyLimitMs) / meanMs)));
    const quantiles = { mean: meanMs, p50: 0.8 * meanMs, p95: 2 * meanMs, p99: 3 * meanMs, maximum: 4 * meanMs };
    return tenantWindow(name, {
      variant,
      latencyLimitMs,
      offered,
      served,
      late,
      rejected,
      reasons: rejected > 0 ? { QUEUE_FULL: rejected } : {},
      latencyMs: served > 0 ? quantiles : null,
      byVariant: [
        { variant, accuracy: plan.tenants[index]?.accuracy ?? 0, served, inTime: served - late, energyJ: null },
      ],
    });
  });
}

export interface Grid {
  /** What the grid really is, g/kWh; null: nobody knows. */
  readonly actual: (hour: number) => number | null;
  /** What the forecast made now says of a later hour; absent: no forecast. */
  readonly forecast?: (hour: number, nowHour: number) => number;
  /** What is told in place of the truth; absent: the truth. */
  readonly told?: (hour: number) => number | null;
  /** As providers have it; half an hour where absent. */
  readonly slotS?: number;
}

/** Clean at noon, dirty in the evening. */
export const sunny = (hour: number): number => 330 + 200 * Math.sin(((hour - 12) / 24) * 2 * Math.PI);

export interface DayOptions {
  readonly tenants?: readonly Tenant[];
  readonly policy?: PolicyConfig;
  readonly grid?: Grid;
  readonly hours?: number;
  /** Time between two steps of the loop, and length of a window. */
  readonly stepS?: number;
  readonly rateFactor?: (hour: number) => number;
  /** Components that there are, by hour. */
  readonly componentsAt?: (hour: number) => readonly string[];
}

/** A plan that differs from the one before it in what the executor acts on. */
export interface ChangedPlan {
  readonly hour: number;
  readonly plan: Plan;
  readonly cap: Cap;
  /** What the selector said since the plan before. */
  readonly said: readonly Variants[];
}

export interface PlayedDay {
  readonly grams: number;
  /** Of the most accurate variants at full power, for the same requests on the same grid. */
  readonly alwaysMaxG: number;
  /** By tenant and hour. */
  readonly swaps: ReadonlyMap<string, readonly number[]>;
  readonly changes: readonly ChangedPlan[];
  readonly caps: readonly Cap[];
  readonly last: PlanningRound;
  readonly errors: readonly string[];
  readonly selector: VariantSelector;
}

const essenceOf = ({ tenants, operatingPoint, feasible }: Plan): string =>
  JSON.stringify([
    tenants.map(({ tenant: name, variant, stages }) => [name, variant, stages]),
    operatingPoint.name,
    feasible,
  ]);

/**
 * A day of the whole loop on a simulated AGX Xavier: power cap, planner and selector as they are, a clock that is moved on, requests
 * at random, and a board whose networks disturb each other.
 */
export async function playLoop(options: DayOptions = {}): Promise<PlayedDay> {
  const { tenants = threeTenants, policy = { kind: 'linear' }, grid = { actual: sunny } } = options;
  const { hours = 24, stepS = 600, rateFactor = () => 1, componentsAt } = options;
  const slotS = grid.slotS ?? 1800;
  const clock = new ManualClock();
  const startMs = clock.monotonicMs();
  const secondNow = (): number => (clock.monotonicMs() - startMs) / 1000;
  const hourNow = (): number => secondNow() / hourS;
  /** Where the slot of the grid began that it is now, in hours. */
  const slotNow = (): number => (Math.floor(secondNow() / slotS) * slotS) / hourS;
  const description: DeviceDescription = {
    name: 'xavier',
    label: 'Jetson AGX Xavier',
    simulated: true,
    components: units,
    operatingPoints: points.map(pointOf),
    fingerprint: 'test-device',
    powerScope: 'module',
    powerMethod: 'simulated',
    powerAccuracy: null,
  };
  const device = createDevice(description, { clock });
  const hosts = units.map(({ name }) => new FakeHost(name));
  for (const host of hosts) await device.register(host);
  const seen = {
    get components() {
      const names = componentsAt?.(hourNow());
      return names === undefined ? units : units.filter(({ name }) => names.includes(name));
    },
    operatingPoints: device.operatingPoints,
    operatingPointInForce: () => device.operatingPointInForce(),
  };
  const profiles = profilesOf(tenants);
  const planningClock = () => beginMs + clock.monotonicMs();
  const planner = new MappingPlanner({ device: seen, tenants, profiles, clock: planningClock });
  const powerCap = new PowerCap({ device, policy, clock });
  const selector = new VariantSelector({ tenants, clock: () => clock.monotonicMs() });

  const unlimited = tenants.map((one) => ({ ...one, override: { mode: 'off' as const } }));
  const [fastest] = points;
  const maximum = new MappingPlanner({
    device: Object.create(seen, {
      operatingPointInForce: { value: () => pointOf(fastest ?? fail('no operating point')) },
    }) as typeof seen,
    tenants: unlimited,
    profiles,
    clock: planningClock,
  });
  let alwaysMax = (await maximum.replan()).plan;

  const errors: string[] = [];
  const changes: ChangedPlan[] = [];
  const caps: Cap[] = [];
  const swaps = new Map<string, number[]>();
  let said: Variants[] = [];
  const state = { inForce: null as Plan | null, last: null as PlanningRound | null };
  let current: Telemetry = telemetry([], stepS);
  const heard = (answer: Variants | null): Variants | null => {
    if (answer !== null) said.push(answer);
    return answer;
  };
  const apply = (plan: Plan): void => {
    const before = state.inForce;
    state.inForce = plan;
    const cap = caps.at(-1);
    if (cap !== undefined && (before === null || essenceOf(before) !== essenceOf(plan))) {
      changes.push({ hour: hourNow(), plan, cap, said });
      said = [];
    }
    for (const { tenant: name, variant } of plan.tenants) {
      const old = before?.tenants.find((one) => one.tenant === name)?.variant ?? variant;
      const byHour = swaps.get(name) ?? Array.from({ length: Math.ceil(hours) }, () => 0);
      swaps.set(name, byHour);
      const hour = Math.floor(hourNow());
      if (old !== variant) byHour[hour] = (byHour[hour] ?? 0) + 1;
    }
  };
  const toldNow = (): CarbonReading => {
    const slot = slotNow();
    const time = (hour: number): string => new Date(beginMs + hour * hourS * 1000).toISOString();
    const { forecast } = grid;
    return reading((grid.told ?? grid.actual)(slot), {
      validFrom: time(slot),
      validTo: time(slot + slotS / hourS),
      forecast:
        forecast === undefined
          ? []
          : Array.from({ length: 48 }, (_, ahead) => ({
              validFrom: time(slot + ahead / 2),
              validTo: time(slot + (ahead + 1) / 2),
              intensityGPerKwh: Math.min(1500, Math.max(0, forecast(slot + ahead / 2, slot))),
            })),
    });
  };
  const loop = new Loop(
    {
      source: { read: () => Promise.resolve(toldNow()) },
      powerCap,
      planner,
      selector: {
        onViolated: (violated) => heard(selector.onViolated(violated)),
        onTelemetry: (window) => heard(selector.onTelemetry(window)),
      },
      executor: {
        onCarbon: () => undefined,
        takeTelemetry: () => current,
        applyPlan: (plan) => {
          apply(plan);
          return Promise.resolve({ applied: true, swaps: 0, why: [] });
        },
      },
      ledger: { onCarbon: () => undefined, onTelemetry: () => ({}) as Receipt },
    },
    {
      onControl: (_, cap, round) => {
        caps.push(cap);
        state.last = round;
      },
      onError: (what, message) => errors.push(`${what}: ${message}`),
    },
  );

  const random = new Random(11);
  let grams = 0;
  let alwaysMaxG = 0;
  await loop.control();
  for (let step = 0; step < (hours * hourS) / stepS; step += 1) {
    const { inForce } = state;
    if (inForce === null) break;
    const factor = rateFactor(hourNow());
    const offered = new Map(
      tenants.map(({ name, arrivalRatePerS }) => {
        const mean = factor * arrivalRatePerS * stepS;
        return [name, Math.max(0, Math.round(random.normal(mean, Math.sqrt(mean))))];
      }),
    );
    const ratePerS = new Map([...offered].map(([name, count]) => [name, count / stepS]));
    const intensity = grid.actual(slotNow());
    const outcome = outcomeOf(inForce, tenants, ratePerS);
    grams += gramsOf(outcome.powerW * stepS, intensity) ?? 0;
    if (componentsAt !== undefined) alwaysMax = (await maximum.replan()).plan;
    alwaysMaxG += gramsOf(outcomeOf(alwaysMax, tenants, ratePerS).powerW * stepS, intensity) ?? 0;
    for (const host of hosts) host.cpuS += stepS * outcome.busy[host.component as ServingUnit];
    current = telemetry(windowOf(inForce, outcome, offered, stepS), stepS);
    clock.passS(stepS);
    await loop.window();
    await loop.control();
  }
  await loop.stop();
  await powerCap.release();
  await device.close();
  return { grams, alwaysMaxG, swaps, changes, caps, last: state.last ?? fail('no round'), errors, selector };
}

function fail(what: string): never {
  throw new Error(what);
}
