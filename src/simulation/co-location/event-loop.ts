import type { Random } from '../random';
import type { SimulatedDevice, SimulatedLevel } from './device';
import { runAlone, transferS, type SimulatedNetwork, type StageRun } from './network';

/** A network that runs one inference after another. */
export interface RunningNetwork {
  readonly network: SimulatedNetwork;
  /** Unit of each stage. */
  readonly units: readonly number[];
  /** Mean pause between an answer and the next request, s; exponentially distributed. */
  readonly pauseS: number;
}

/** Something that only takes memory bandwidth and disturbs caches, beside all networks. */
export interface Stressor {
  /** Share of the bandwidth that all units share. */
  readonly bandwidthShare: number;
  readonly cachePressure: number;
}

interface Outcome {
  /** Mean latency by network, s. */
  readonly latencyS: readonly number[];
  readonly powerW: number;
  /** Mean slowdown of the stressor; 1 without one. */
  readonly stressorSlowdown: number;
}

const inferences = 25;
const leastInferences = 6;
const manyEvents = 5000;
/** The first latencies of each network are those of an empty device. */
const warmUp = 2;
/** Run time of a stage from run to run, and readings of latency and power: relative standard deviations. */
const noise = { run: 0.05, latency: 0.03, power: 0.015 } as const;

interface Job {
  readonly setup: RunningNetwork;
  readonly runs: readonly StageRun[];
  readonly transfersS: readonly number[];
  phase: 'pause' | 'transfer' | 'queue' | 'run';
  stage: number;
  /** Work left in this phase, s at full speed. */
  left: number;
  rate: number;
  startedS: number;
  done: number;
  latencySumS: number;
}

/**
 * Networks together on a device, as a fluid simulation in continuous time: between two events every running stage advances
 * at a constant rate, which its company on the unit, the memory, the caches and the power cap set.
 */
export function simulate(
  device: SimulatedDevice,
  level: SimulatedLevel,
  networks: readonly RunningNetwork[],
  random: Random,
  stressor: Stressor | null = null,
): Outcome {
  const jobs = networks.map((setup): Job => ({
    setup,
    runs: setup.network.stages.map((stage, index) => runAlone(device, level, stage, setup.units[index] ?? 0)),
    transfersS: setup.network.stages.map((stage, index) =>
      index > 0 && setup.units[index] !== setup.units[index - 1] ? transferS(level, stage) : 0,
    ),
    phase: 'pause',
    stage: 0,
    left: setup.pauseS > 0 ? random.exponential(setup.pauseS) : 0,
    rate: 1,
    startedS: 0,
    done: 0,
    latencySumS: 0,
  }));
  const queues = device.units.map((): Job[] => []);
  const unitOf = (job: Job): number => job.setup.units[job.stage] ?? 0;
  const begin = (job: Job): void => {
    const at = unitOf(job);
    const isQueued = device.units[at]?.queued === true;
    if (isQueued) queues[at]?.push(job);
    job.phase = isQueued && queues[at]?.[0] !== job ? 'queue' : 'run';
    job.left = (job.runs[job.stage]?.latencyS ?? 0) * Math.exp(noise.run * random.normal());
  };
  const enter = (job: Job): void => {
    const moving = job.transfersS[job.stage] ?? 0;
    if (moving > 0) {
      job.phase = 'transfer';
      job.left = moving;
    } else begin(job);
  };

  let nowS = 0;
  let energyJ = 0;
  let stressedS = 0;
  for (let events = 0; ; events += 1) {
    const least = jobs.reduce((fewest, { done }) => Math.min(fewest, done), inferences);
    if (least >= inferences || (events > manyEvents && least >= leastInferences)) break;
    const { powerW, stressorRate } = setRates(device, level, jobs, stressor);
    let stepS = Number.POSITIVE_INFINITY;
    let next: Job | null = null;
    for (const job of jobs) {
      if (job.phase === 'queue') continue;
      const neededS = job.left / job.rate;
      if (neededS < stepS) {
        stepS = neededS;
        next = job;
      }
    }
    if (next === null) throw new Error('a co-location simulation has nothing left to do');
    nowS += stepS;
    energyJ += stepS * powerW;
    stressedS += stepS * stressorRate;
    for (const job of jobs) if (job.phase !== 'queue') job.left = Math.max(0, job.left - stepS * job.rate);

    if (next.phase === 'pause') {
      next.startedS = nowS;
      next.stage = 0;
      enter(next);
    } else if (next.phase === 'transfer') begin(next);
    else {
      const queue = queues[unitOf(next)];
      if (queue?.[0] === next) {
        queue.shift();
        const waiting = queue[0];
        if (waiting !== undefined) waiting.phase = 'run';
      }
      next.stage += 1;
      if (next.stage < next.runs.length) enter(next);
      else {
        if (next.done >= warmUp) next.latencySumS += nowS - next.startedS;
        next.done += 1;
        next.phase = 'pause';
        next.left = next.setup.pauseS > 0 ? random.exponential(next.setup.pauseS) : 0;
      }
    }
  }
  return {
    latencyS: jobs.map((job) => (job.latencySumS / (job.done - warmUp)) * Math.exp(noise.latency * random.normal())),
    powerW: (energyJ / nowS) * Math.exp(noise.power * random.normal()),
    stressorSlowdown: nowS / stressedS,
  };
}

/** Work that a stage elsewhere gives the cores, in cores' shares. */
const hostLoad = { cpu: 0, gpu: 0.12, dla: 0.03 } as const;
/** Share of the nominal bandwidth from which on the memory is the bottleneck. */
const usableBandwidth = 0.8;

/** Sets how fast each running stage advances; returns the power of the device, W, and the rate of the stressor. */
function setRates(
  device: SimulatedDevice,
  level: SimulatedLevel,
  jobs: readonly Job[],
  stressor: Stressor | null,
): { powerW: number; stressorRate: number } {
  const { units, disturbance } = device;
  const coreLoad = new Array<number>(units.length).fill(0);
  const occupancy = new Array<number>(units.length).fill(0);
  const running = new Array<number>(units.length).fill(0);
  let hosted = 0;
  for (const job of jobs) {
    if (job.phase !== 'run') {
      job.rate = 1;
      continue;
    }
    const at = job.setup.units[job.stage] ?? 0;
    const stage = job.setup.network.stages[job.stage];
    const kind = units[at]?.kind ?? 'cpu';
    running[at] = (running[at] ?? 0) + 1;
    if (stage === undefined) continue;
    if (kind === 'cpu') coreLoad[at] = (coreLoad[at] ?? 0) + stage.parallelism;
    else hosted += hostLoad[kind];
    if (kind === 'gpu') occupancy[at] = (occupancy[at] ?? 0) + stage.occupancy;
  }
  // What accelerators need of the cores, the first set of them gives.
  const firstCores = units.findIndex(({ kind }) => kind === 'cpu');
  if (firstCores >= 0) coreLoad[firstCores] = (coreLoad[firstCores] ?? 0) + hosted;
  const hostExcess = Math.max(0, (coreLoad[firstCores] ?? 0) - 1);

  const bandwidthGBs = usableBandwidth * device.sharedBandwidthGBs * level.memory;
  let demandGBs = stressor === null ? 0 : stressor.bandwidthShare * device.sharedBandwidthGBs * level.memory;
  let pressure = stressor?.cachePressure ?? 0;
  for (const job of jobs) {
    if (job.phase !== 'run') continue;
    const at = job.setup.units[job.stage] ?? 0;
    const kind = units[at]?.kind ?? 'cpu';
    if (kind === 'cpu') job.rate = 1 / Math.max(1, coreLoad[at] ?? 0);
    else if (kind === 'gpu') {
      const switching = Math.max(0.1, 1 - disturbance.gpuSwitching * ((running[at] ?? 1) - 1));
      job.rate = switching / (Math.max(1, occupancy[at] ?? 0) * (1 + disturbance.gpuHost * hostExcess));
    } else job.rate = 1;
    demandGBs += job.rate * (job.runs[job.stage]?.gigabytesPerS ?? 0);
    pressure += job.rate * (job.setup.network.stages[job.stage]?.cachePressure ?? 0);
  }
  const excess = Math.max(0, demandGBs / bandwidthGBs - 1);
  let powerW = device.staticW;
  for (const job of jobs) {
    if (job.phase !== 'run') continue;
    const at = job.setup.units[job.stage] ?? 0;
    const kind = units[at]?.kind ?? 'cpu';
    const run = job.runs[job.stage];
    const stage = job.setup.network.stages[job.stage];
    if (run === undefined || stage === undefined) continue;
    const others = pressure - job.rate * stage.cachePressure;
    const cache = (kind === 'cpu' ? 2 : 1) * disturbance.cache * stage.cacheSensitivity * others;
    job.rate /= (1 + disturbance.memory * run.memoryBound * excess) * (1 + cache);
    const crowd = kind === 'gpu' ? Math.max(1, 1.1 * (occupancy[at] ?? 0)) : 1;
    powerW += (job.rate * run.energyJ * crowd) / run.latencyS;
  }
  let stressorRate = 1 / (1 + disturbance.memory * excess);
  if (powerW > level.capW) {
    const slowed = (level.capW / powerW) ** disturbance.throttling;
    for (const job of jobs) if (job.phase === 'run') job.rate *= slowed;
    stressorRate *= slowed;
    powerW = level.capW + 0.25 * (powerW - level.capW);
  }
  return { powerW, stressorRate };
}
