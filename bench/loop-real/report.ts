import type { Tenant } from '../../src/signals/tenant';
import { rounded } from '../report';
import { changesBetween, type Comparison, type ComparedPolicy, type PlayedDay } from './comparison';
import { allowancePt } from './policies';
import type { PlayedRound } from './rounds';
import type { Paired, Spread } from '../../src/loop/paired-differences';
import type { PlayedZone } from './zones';

/** What a run was. */
export interface RunSetup {
  /** Days of each zone under each policy. */
  readonly rounds: number;
  readonly seconds: number;
  readonly seed: number;
  readonly load: number;
  readonly zones: readonly PlayedZone[];
  readonly skipped: readonly string[];
  readonly order: readonly PlayedRound[];
  readonly tenants: readonly Tenant[];
  /** How watts were obtained. */
  readonly method: string;
  readonly components: readonly string[];
  readonly tookS: number;
}

interface Named {
  readonly name: string;
}

/** Policies that are compared with each other besides. */
export interface ComparedNames {
  readonly ours: Named;
  readonly oursLinear: Named;
  readonly constantCap: Named;
  readonly published: Named;
}

export function reportOf(
  comparison: Comparison,
  days: readonly PlayedDay[],
  { ours, oursLinear, constantCap, published }: ComparedNames,
  setup: RunSetup,
): { figures: Record<string, unknown>; setup: Record<string, unknown> } {
  const { base, policies, energySource } = comparison;
  const between = (policy: Named, other: Named): Record<string, unknown> =>
    rounding({ ...changesBetween(days, policy.name, other.name, setup.seed) });
  const own = policies.find(({ policy }) => policy === ours.name);
  return {
    figures: {
      energySource,
      oursCarbonPct: meanOf(own?.changes?.carbonPct),
      oursSteadyCarbonPct: meanOf(own?.changes?.steadyCarbonPct),
      oursOpcdpPct: meanOf(own?.changes?.opCdpPct),
      oursDynamicEnergyPct: meanOf(own?.changes?.dynamicEnergyPct),
      oursServingCarbonPct: meanOf(own?.changes?.servingCarbonPct),
      oursAccuracyPt: meanOf(own?.changes?.accuracyPt),
      oursAttainmentPct: medianOf(own?.spreads.attainmentPct),
      policies: Object.fromEntries(policies.map((policy) => [policy.policy, figuresOf(policy, setup)])),
      comparisons: {
        [`${ours.name} / ${published.name}`]: between(ours, published),
        [`${ours.name} / ${oursLinear.name}`]: between(ours, oursLinear),
        [`${oursLinear.name} / ${published.name}`]: between(oursLinear, published),
        [`${oursLinear.name} / ${constantCap.name}`]: between(oursLinear, constantCap),
      },
    },
    setup: {
      what:
        'the loop on real inference of this machine, live traffic (Poisson) to the demonstration tenants, grid days played fast; ' +
        `changes are against ${base} in the same round of the same zone, in %; low and high: 95 % interval of the mean, resampled`,
      power: setup.method,
      rounds: setup.rounds,
      secondsPerDay: setup.seconds,
      seed: setup.seed,
      load: setup.load,
      zones: Object.fromEntries(setup.zones.map(({ name, what }) => [name, what])),
      skipped: setup.skipped,
      order: setup.order.map(({ zone, policies: names }) => `${zone}: ${names.join(', ')}`),
      tenants: setup.tenants.map(
        ({ name, arrivalRatePerS, latencyLimitMs, variants }) =>
          `${name}: ${rounded(arrivalRatePerS)}/s within ${latencyLimitMs} ms, ${variants.map((variant) => variant.name).join(' ')}`,
      ),
      components: setup.components,
      constantCap: `blind to the grid; its cap goes a step of the device up or down from day to day towards the energy of "${oursLinear.name}"`,
      published:
        'linear cap, a lighter variant only once a limit was seen to be broken; mapping and inference are those of this package',
      allowancePt,
      decisionMs:
        '95th percentile of a day: plans of one control period, worked out in another process; main thread: asking and choosing',
      serving:
        'energy and carbon of the answers alone, steady: of idle and answers; the rest is what loading a variant takes, which weighs as ' +
        'many times more than in a real day as the day is played fast',
      tookS: setup.tookS,
    },
  };
}

function figuresOf(policy: ComparedPolicy, { tenants }: RunSetup): Record<string, unknown> {
  const { days, spreads, capViolationPct, changes } = policy;
  const swaps = spreads.swaps?.median ?? null;
  return {
    days,
    ...rounding({ ...spreads }),
    swapsPerTenantGridHour: swaps === null ? null : rounded(swaps / tenants.length / 24, 3),
    capViolationPct: capViolationPct === null ? null : rounded(capViolationPct),
    changes: changes === null ? null : rounding({ ...changes }),
  };
}

/** Five digits: grams of a day played fast are small. */
function rounding(
  figures: Readonly<Record<string, Spread | Paired | null>>,
): Record<string, Record<string, number> | null> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, figure]) => [
      name,
      figure &&
        Object.fromEntries(Object.entries(figure).map(([key, value]) => [key, Number(Number(value).toPrecision(5))])),
    ]),
  );
}

const medianOf = (spread: Spread | null | undefined): number | null =>
  spread === null || spread === undefined ? null : rounded(spread.median, 3);

const meanOf = (paired: Paired | null | undefined): number | null =>
  paired === null || paired === undefined ? null : rounded(paired.mean, 3);
