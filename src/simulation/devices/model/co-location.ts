import type { UnitName } from './latency';
import { combine, type Activity } from './power-law';

/** One stage of a network that shares the device, as it is alone. */
export interface SharedStage {
  readonly unit: UnitName;
  /** Alone at the clocks in force, with the transition from the stage before. */
  readonly aloneMs: number;
  readonly activity: Activity;
  /** Share of the memory bandwidth in force that it takes while it runs. */
  readonly memoryShare: number;
}

interface SharedNetwork {
  readonly stages: readonly SharedStage[];
  /** Requests per second at random times; null: one after another without a pause. */
  readonly ratePerS: number | null;
}

export interface NetworkOutcome {
  /** Mean, from request to answer; null where a unit is asked for more than it can do, so that requests pile up. */
  readonly latencyMs: number | null;
  /** Inferences per second; less than asked for where a unit is overloaded. */
  readonly throughputPerS: number;
  /** What contention makes of the latency, from 1; null as above. */
  readonly slowdown: number | null;
}

interface SharedOutcome {
  /** In the order of the question. */
  readonly networks: readonly NetworkOutcome[];
  readonly activity: Activity;
  /** Share of time each unit is busy, up to 1. */
  readonly busy: Readonly<Record<UnitName, number>>;
  /** How much longer everything takes on a unit because of what the others ask of the memory, from 1. */
  readonly memorySlowdown: Readonly<Record<UnitName, number>>;
}

/**
 * How much slower a stage gets when all the others take the whole bandwidth, which the clock of the memory sets. Assumption:
 * there was no measurement to fit it to.
 */
const memorySensitivity = 0.6;
const rounds = 12;
/** A unit that is asked for more than this is overloaded. */
const mostBusy = 0.999;

/**
 * Networks that share a device, by mean values (no simulation of single requests):
 * - one unit computes for its networks in turns: a request waits for the others' share, `alone / (1 - others' share)`, and n
 *   networks that never pause take n times as long;
 * - units slow each other down over the memory: `1 + sensitivity * bandwidth share of the other units`, at most all of it.
 * Both need each other's result, so they are iterated; the number of rounds is fixed, so that the result is repeatable.
 */
export function shareDevice(networks: readonly SharedNetwork[]): SharedOutcome {
  const asked = networks.map((network) => network.ratePerS ?? 0);
  const restless = restlessOn(networks);
  let slowed = networks.map((network) => network.stages.map((stage) => stage.aloneMs));
  let slowdown = none();
  let paced = none();
  let latencies: number[] = [];
  let rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    paced = demandOf(networks, slowed, asked);
    latencies = networks.map((network, index) => {
      const wholeMs = aloneMsOf(network);
      return network.stages.reduce((sum, stage, position) => {
        const serviceMs = slowed[index]?.[position] ?? 0;
        const own = ((asked[index] ?? 0) * serviceMs) / 1000;
        const others = Math.min(mostBusy, Math.max(0, paced[stage.unit] - own));
        const ownTurns = network.ratePerS === null ? stage.aloneMs / wholeMs : 0;
        const turns = 1 + restless[stage.unit] - ownTurns;
        return sum + (serviceMs * turns) / (1 - others);
      }, 0);
    });
    rates = networks.map((network, index) => {
      if (network.ratePerS === null) return 1000 / (latencies[index] ?? 1);
      return network.ratePerS / Math.max(1, ...network.stages.map((stage) => paced[stage.unit]));
    });
    slowdown = memorySlowdownOf(networks, slowed, rates);
    slowed = networks.map((network) => network.stages.map(({ aloneMs, unit }) => aloneMs * slowdown[unit]));
  }
  const all = demandOf(networks, slowed, rates);
  return {
    networks: networks.map((network, index) => {
      const bounded = network.stages.every((stage) => paced[stage.unit] <= mostBusy);
      const latencyMs = bounded ? (latencies[index] ?? null) : null;
      const slowdown = latencyMs === null ? null : latencyMs / aloneMsOf(network);
      return { latencyMs, throughputPerS: rates[index] ?? 0, slowdown };
    }),
    activity: combine(
      networks.flatMap((network, index) =>
        network.stages.map((stage, position) => ({
          activity: stage.activity,
          share: ((rates[index] ?? 0) * (slowed[index]?.[position] ?? 0)) / 1000,
        })),
      ),
    ),
    busy: { gpu: within(all.gpu), dla0: within(all.dla0), dla1: within(all.dla1), cpu: within(all.cpu) },
    memorySlowdown: slowdown,
  };
}

const aloneMsOf = (network: SharedNetwork): number => network.stages.reduce((sum, stage) => sum + stage.aloneMs, 0);
const within = (demand: number): number => Math.min(1, demand);

type PerUnit = Record<UnitName, number>;
const none = (): PerUnit => ({ gpu: 0, dla0: 0, dla1: 0, cpu: 0 });

/** Share of time that each unit is asked for at these rates. */
function demandOf(
  networks: readonly SharedNetwork[],
  slowed: readonly (readonly number[])[],
  rates: readonly number[],
): PerUnit {
  const demand = none();
  networks.forEach((network, index) => {
    network.stages.forEach((stage, position) => {
      demand[stage.unit] += ((rates[index] ?? 0) * (slowed[index]?.[position] ?? 0)) / 1000;
    });
  });
  return demand;
}

/** How many networks without a pause are on each unit at a time, on average. */
function restlessOn(networks: readonly SharedNetwork[]): PerUnit {
  const count = none();
  for (const network of networks) {
    if (network.ratePerS !== null) continue;
    const wholeMs = aloneMsOf(network);
    for (const stage of network.stages) count[stage.unit] += stage.aloneMs / wholeMs;
  }
  return count;
}

function memorySlowdownOf(
  networks: readonly SharedNetwork[],
  slowed: readonly (readonly number[])[],
  rates: readonly number[],
): PerUnit {
  const taken = none();
  networks.forEach((network, index) => {
    network.stages.forEach((stage, position) => {
      taken[stage.unit] += stage.memoryShare * (((rates[index] ?? 0) * (slowed[index]?.[position] ?? 0)) / 1000);
    });
  });
  const sum = taken.gpu + taken.dla0 + taken.dla1 + taken.cpu;
  const of = (unit: UnitName): number => 1 + memorySensitivity * Math.min(1, Math.max(0, sum - taken[unit]));
  return { gpu: of('gpu'), dla0: of('dla0'), dla1: of('dla1'), cpu: of('cpu') };
}
