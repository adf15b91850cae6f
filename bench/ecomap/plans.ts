import type { DeviceModel, Placement } from '../../src/simulation/devices';
import { servingUnits, networkOn, type ServingUnit } from '../../src/simulation/devices/workloads/families';
import type { MixTenant, Mix } from '../../src/simulation/devices/workloads/mixes';
import type { BoardPoint } from '../../src/simulation/devices/workloads/points';
import { PlanServing, type Served } from './serving';

/** What one tenant does in a plan. */
export interface Choice {
  /** Place in the family's list, 0 is the most accurate. */
  readonly variant: number;
  readonly unit: ServingUnit;
}

/** One operating point, a variant and a unit per tenant, with what it truly costs on the simulated board. */
export interface BenchPlan {
  readonly id: number;
  readonly point: number;
  readonly choices: readonly Choice[];
  /** Mean over the tenants of the accuracy given up against the most accurate variants, 0 to 1. */
  readonly loss: number;
  /** Mean power for the work on offer, idle included. */
  readonly powerW: number;
  /** Inferences per second over those of each tenant alone on its best unit, when all of them run without a pause. */
  readonly capacity: number;
  /** Worst of the tenants: how far the latency that one request in a hundred exceeds is expected to be over its limit. */
  readonly tailRatio: number;
  /** Over all requests, by mean values. */
  readonly latencyMs: number;
}

const keyOf = (point: number, choices: readonly Choice[]): string =>
  `${point}|${choices.map(({ variant, unit }) => `${variant}${unit}`).join()}`;

/** The plans of one mix: built when asked for, each once. */
export class MixPlans {
  readonly all: BenchPlan[] = [];
  private readonly byKey = new Map<string, BenchPlan>();
  private readonly serving: PlanServing;
  /** Inferences per second of each tenant's most accurate variant alone at full clocks. */
  private readonly alonePerS: readonly number[];

  constructor(
    readonly model: DeviceModel,
    readonly points: readonly BoardPoint[],
    readonly mix: Mix,
  ) {
    this.serving = new PlanServing(model, mix);
    this.alonePerS = mix.tenants.map((tenant) =>
      Math.max(...this.choicesOf(tenant, 0).map((choice) => 1000 / (this.aloneMs(tenant, choice, 0) ?? Infinity))),
    );
  }

  get(point: number, choices: readonly Choice[]): BenchPlan {
    const key = keyOf(point, choices);
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const plan = this.build(point, choices);
    this.byKey.set(key, plan);
    this.all.push(plan);
    return plan;
  }

  /** What the tenants get of it: simulated once, with the mix's seed. */
  served(plan: BenchPlan): Served {
    return this.serving.of(plan.id, this.placements(plan.choices), this.points[plan.point] ?? this.first);
  }

  /** Units that can run a variant. */
  choicesOf(tenant: MixTenant, variant: number): Choice[] {
    const found = tenant.family.variants[variant];
    return servingUnits
      .filter((unit) => found !== undefined && networkOn(found, unit) !== null)
      .map((unit) => ({ variant, unit }));
  }

  aloneMs(tenant: MixTenant, choice: Choice, point: number): number | null {
    const variant = tenant.family.variants[choice.variant];
    const network = variant === undefined ? null : networkOn(variant, choice.unit);
    return network === null
      ? null
      : this.model.latencyMs(network, choice.unit, (this.points[point] ?? this.first).clocks);
  }

  lossOf(choices: readonly Choice[]): number {
    const { tenants } = this.mix;
    return tenants.reduce((sum, tenant, at) => sum + tenantLoss(tenant, choices[at]?.variant ?? 0), 0) / tenants.length;
  }

  networkOf(tenant: MixTenant, { variant: place, unit }: Choice): string {
    const variant = tenant.family.variants[place];
    const network = variant === undefined ? null : networkOn(variant, unit);
    if (network === null) throw new RangeError(`${tenant.name} has no variant ${place} for ${unit}`);
    return network;
  }

  placements(choices: readonly Choice[]): Placement[] {
    return this.mix.tenants.map((tenant, at): Placement => {
      const choice = choices[at];
      if (choice === undefined) throw new RangeError(`nothing is chosen for ${tenant.name}`);
      return {
        network: this.networkOf(tenant, choice),
        stages: [{ unit: choice.unit }],
        ratePerS: tenant.ratePerS,
      };
    });
  }

  private get first(): BoardPoint {
    const [first] = this.points;
    if (first === undefined) throw new Error('no operating point');
    return first;
  }

  private build(point: number, choices: readonly Choice[]): BenchPlan {
    const { clocks } = this.points[point] ?? this.first;
    const placements = this.placements(choices);
    const flatOut = this.model.run(
      placements.map((placement) => ({ ...placement, ratePerS: null })),
      clocks,
    );
    const capacity = flatOut.networks.reduce(
      (sum, { throughputPerS }, at) => sum + throughputPerS / (this.alonePerS[at] ?? 1),
      0,
    );
    return {
      id: this.all.length,
      point,
      choices,
      loss: this.lossOf(choices),
      powerW: this.model.run(placements, clocks).powerW,
      capacity,
      ...expectedLatency(this.mix, choices, (at, choice) => this.aloneMs(this.tenant(at), choice, point) ?? Infinity),
    };
  }

  tenant(at: number): MixTenant {
    const tenant = this.mix.tenants[at];
    if (tenant === undefined) throw new RangeError(`no tenant ${at}`);
    return tenant;
  }
}

export function tenantLoss({ family: { variants } }: MixTenant, variant: number): number {
  return variants[0].accuracy - (variants[variant]?.accuracy ?? 0);
}

/** Bursts wait this much longer than arrivals at random; set on the simulation of single requests. */
const burstFactor = 3;
/** What an overloaded unit counts as, times how busy it would be. */
export const overloadedRatio = 10;
/** Share of requests that may wait longer than the bound. */
const tailShare = 0.01;

/**
 * Mean latency over all requests, and a bound of the slowest percent, from mean values: a unit computes for its tenants in turns, so that a request takes
 * S / (1 - share of the others); its own tenant's queue is that of M/D/1 with an exponential tail.
 */
export function expectedLatency(
  { tenants, arrivals }: Mix,
  choices: readonly Choice[],
  aloneMs: (tenant: number, choice: Choice) => number,
): { readonly tailRatio: number; readonly latencyMs: number } {
  const serviceS = choices.map((choice, at) => aloneMs(at, choice) / 1000);
  const busy: Record<ServingUnit, number> = { gpu: 0, dla0: 0, cpu: 0 };
  choices.forEach(({ unit }, at) => (busy[unit] += (tenants[at]?.ratePerS ?? 0) * (serviceS[at] ?? 0)));
  let worst = 0;
  let sumMs = 0;
  choices.forEach(({ unit }, at) => {
    const tenant = tenants[at];
    const service = serviceS[at] ?? 0;
    if (tenant === undefined) return;
    const own = tenant.ratePerS * service;
    const others = busy[unit] - own;
    if (busy[unit] >= 0.97) {
      worst = Math.max(worst, overloadedRatio * busy[unit]);
      sumMs += tenant.ratePerS * tenant.latencyLimitMs;
      return;
    }
    const turns = service / (1 - others);
    const load = Math.min(0.98, tenant.ratePerS * turns);
    const waitS = ((load * turns) / (2 * (1 - load))) * (arrivals === 'bursty' ? burstFactor : 1);
    sumMs += tenant.ratePerS * 1000 * (turns + waitS);
    const tailS = turns * (1 + others) + Math.max(0, (waitS / load) * Math.log(load / tailShare));
    worst = Math.max(worst, (1000 * tailS) / tenant.latencyLimitMs);
  });
  return { tailRatio: worst, latencyMs: sumMs / tenants.reduce((sum, { ratePerS }) => sum + ratePerS, 0) };
}
