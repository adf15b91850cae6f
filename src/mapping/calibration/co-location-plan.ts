import { EcomapError } from '../../signals/errors';
import { seededInteger } from '../search/seeded';
import { aloneSeconds, placesOf, type CalibrationNetwork } from './networks';

/** A network of a co-location that is to be measured, by its number and that of the way it runs. */
export interface PlannedNetwork {
  readonly network: number;
  readonly way: number;
  /** Component of each stage, by index. */
  readonly places: readonly number[];
  /** Mean pause between an answer and the next request, s. */
  readonly pauseS: number;
}

export interface PlannedCoLocation {
  /** Co-locations of the same networks belong together. */
  readonly workload: number;
  readonly networks: readonly PlannedNetwork[];
  /** Operating point to have in force, by name, where a quota limits the time; null: the device as it is. */
  readonly quota: string | null;
  /** Number of the earlier one that this measures again; null for the first time. */
  readonly repeats: number | null;
}

/** Networks of a set at most: as many as the estimator was pretrained with. */
export const mostTogether = 5;
/** Fewer workloads cannot be told apart in those to learn from and those to judge by. */
export const leastWorkloads = 4;
const mappingsPerWorkload = 5;
/** Every so manieth measurement is one that was made before: how far they lie apart is the least error there can be. */
const repeatEvery = 12;
/** Shortest time from request to request, s: below it the calling process would be busy with sending. */
const leastCycleS = 1 / 250;
/** Where quotas can be had, every so manieth measurement is made under one of them. */
const quotaEvery = 2;
/** Pauses of up to so many times what the network takes alone: a rare guest. */
const longestPause = 20;
const attempts = 200;
/** Draws per set that is wanted before any set that is left will do: a plan is made in one go, which must be short. */
const drawsPerSet = 5;

/** Sizes of sets that are worth trying: up to one network more than there are tenants. */
function largestSet(networks: readonly CalibrationNetwork[]): number {
  const tenants = new Set(networks.map(({ tenant }) => tenant)).size;
  return Math.min(mostTogether, tenants + 1, networks.length);
}

/** Different sets of networks that there are; beyond some thousands no matter how many. */
export function possibleWorkloads(networks: readonly CalibrationNetwork[]): number {
  let sum = 0;
  let ofSize = 1;
  for (let size = 1; size <= largestSet(networks); size += 1) {
    ofSize = (ofSize * (networks.length - size + 1)) / size;
    sum += ofSize;
  }
  return Math.round(sum);
}

/**
 * What to measure: random sets of the networks, each in a few mappings, with and without pauses; sets take turns, so that what is
 * there after an early end is of all kinds. Half of them under a quota, where there are some. Seeded: the same networks and seed
 * give the same plan.
 * @param components number of the device's components
 * @param samples how many, repetitions included
 * @param quotas names of operating points that limit the time
 * @throws EcomapError INVALID_CONFIG where there are too few networks
 */
export function planCoLocations(
  networks: readonly CalibrationNetwork[],
  components: number,
  samples: number,
  seed: number,
  quotas: readonly string[] = [],
): PlannedCoLocation[] {
  const possible = possibleWorkloads(networks);
  if (possible < leastWorkloads) {
    const variants = networks.length === 1 ? 'there is one variant' : `there are ${networks.length} variants`;
    throw new EcomapError(
      'INVALID_CONFIG',
      `Calibration needs at least ${leastWorkloads} different sets of networks to run together; ${variants} that can be measured, ` +
        `which makes ${possible}. Add tenants or variants.`,
    );
  }
  const below = seededInteger(seed);
  const workloads = Math.min(possible, Math.max(leastWorkloads, Math.round(samples / mappingsPerWorkload)));
  const sets = drawSets(networks, workloads, below);
  const plan: PlannedCoLocation[] = [];
  const fresh: number[] = [];
  const taken = new Set<string>();
  while (plan.length < samples) {
    if (fresh.length > 0 && plan.length % repeatEvery === repeatEvery - 1) {
      const repeats = fresh[below(fresh.length)] ?? 0;
      const first = plan[repeats];
      if (first !== undefined) plan.push({ ...first, repeats });
      continue;
    }
    const workload = fresh.length % workloads;
    const mapped = drawMapping(networks, sets[workload] ?? [], components, taken, below);
    // Each turn of the sets begins with the other kind, so that every set comes with and without, and with another quota.
    const turn = Math.floor(fresh.length / workloads);
    const underQuota = quotas.length > 0 && (fresh.length + turn) % quotaEvery === 1;
    const quota = underQuota ? (quotas[(Math.floor(fresh.length / quotaEvery) + turn) % quotas.length] ?? null) : null;
    fresh.push(plan.length);
    plan.push({ workload, networks: mapped, quota, repeats: null });
  }
  return plan;
}

type Below = (count: number) => number;

/** Uniform in [0, 1). */
const uniform = (below: Below): number => below(1 << 20) / (1 << 20);

/** Different sets of networks, by their numbers. @param count at most as many as are possible */
export function drawSets(networks: readonly CalibrationNetwork[], count: number, below: Below): number[][] {
  const largest = largestSet(networks);
  const taken = new Set<string>();
  const sets: number[][] = [];
  const tenants = new Set(networks.map(({ tenant }) => tenant)).size;
  for (let attempt = 0; sets.length < count; attempt += 1) {
    // One alone now and then, as what company is compared with; mostly several.
    const size = largest === 1 || (attempt % 8 === 0 && attempt < attempts) ? 1 : 2 + below(largest - 1);
    // Late attempts take any size and any company: whatever set is left.
    const exhausted = attempt > drawsPerSet * count;
    const set = drawSet(networks, exhausted ? 1 + below(largest) : size, size <= tenants && !exhausted, below);
    const key = set.join(',');
    if (taken.has(key)) continue;
    taken.add(key);
    sets.push(set);
  }
  return sets;
}

/** @param ofDifferentTenants as in serving, where a tenant has one variant at a time */
function drawSet(
  networks: readonly CalibrationNetwork[],
  size: number,
  ofDifferentTenants: boolean,
  below: Below,
): number[] {
  const chosen = new Set<number>();
  const tenants = new Set<string>();
  for (let attempt = 0; chosen.size < size && attempt < attempts; attempt += 1) {
    const network = below(networks.length);
    const tenant = networks[network]?.tenant ?? '';
    if (chosen.has(network) || (ofDifferentTenants && tenants.has(tenant))) continue;
    chosen.add(network);
    tenants.add(tenant);
  }
  return [...chosen].sort((a, b) => a - b);
}

function drawMapping(
  networks: readonly CalibrationNetwork[],
  set: readonly number[],
  components: number,
  taken: Set<string>,
  below: Below,
): PlannedNetwork[] {
  for (let attempt = 0; ; attempt += 1) {
    const pausing = below(2) === 0;
    const mapped = set.map((network) => {
      const ways = networks[network]?.ways ?? [];
      const way = below(ways.length);
      const chosen = ways[way];
      if (chosen === undefined) throw new RangeError(`network ${network} has no way to run`);
      const places = drawPlaces(chosen.work.costs.length, placesOf(chosen, components), below);
      const aloneS = aloneSeconds(chosen, places);
      const pauseS = pausing ? aloneS * (longestPause ** uniform(below) - 1) : 0;
      return { network, way, places, pauseS: Math.max(pauseS, leastCycleS - aloneS, 0) };
    });
    // Pauses make two of the same mapping differ enough.
    const key = JSON.stringify(mapped.map(({ network, way, places }) => [network, way, places]));
    if (!pausing && taken.has(key) && attempt < 20) continue;
    taken.add(key);
    return mapped;
  }
}

/** A whole anywhere; stages mostly on one component up to some stage and on another from there on. */
function drawPlaces(stages: number, places: readonly number[], below: Below): number[] {
  const anywhere = (): number => places[below(places.length)] ?? 0;
  if (stages > 2 && below(4) === 0) return Array.from({ length: stages }, anywhere);
  const [before, after] = [anywhere(), anywhere()];
  const cut = stages < 2 ? stages : 1 + below(stages - 1);
  return Array.from({ length: stages }, (_, stage) => (stage < cut ? before : after));
}
