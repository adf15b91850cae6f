import { EcomapError } from '../../../signals/errors';
import type { Random } from '../../random';
import { boards, modesOf } from '../boards';
import {
  clocksOf,
  highest,
  stepDown,
  stepUp,
  type Board,
  type BoardMode,
  type BoardName,
  type ClockState,
  type JetPack,
} from '../boards/board';
import { shareDevice, type NetworkOutcome, type SharedStage } from './co-location';
import { highestClocks, runAlone, type UnitName } from './latency';
import type { NetworkCost } from './network';
import { networkCosts } from './networks';
import { powerParts, possible, totalW, type Activity, type PowerLaw, type PowerParts } from './power-law';
import { powerLaws } from './power-laws';

/** A part of a network on a unit. */
export interface StagePlacement {
  readonly unit: UnitName;
  /** Share of the network's work, in (0, 1]; absent: all of it. */
  readonly share?: number;
}

/** A network that runs, as one stage or as several in a row. */
export interface Placement {
  readonly network: string;
  readonly stages: readonly [StagePlacement, ...StagePlacement[]];
  /** Requests per second at random times; null: one after another without a pause. */
  readonly ratePerS: number | null;
}

/** What a device does with several networks at given clocks: mean values. */
export interface DeviceOutcome {
  /** In the order of the placements. */
  readonly networks: readonly NetworkOutcome[];
  readonly activity: Activity;
  readonly busy: Readonly<Record<UnitName, number>>;
  /** How much longer everything takes on a unit because of what the others ask of the memory, from 1. */
  readonly memorySlowdown: Readonly<Record<UnitName, number>>;
  /** Mean power of the module, W. */
  readonly powerW: number;
  readonly parts: PowerParts;
  /** Joules of the whole device, idle included, per inference of any of the networks; null where none is done. */
  readonly energyPerInferenceJ: number | null;
}

/**
 * Moving a tensor between GPU and DLA, ms: middle of the ranges that HaX-CoNN reports for an AGX Xavier (0.02-0.04 and
 * 0.045-0.074). Assumption: other moves cost as much as the dearer one.
 */
const transitionMs = { toDla: 0.03, other: 0.06 } as const;

/** Assumption: relative standard deviations of what `observe` sees. */
const observed = { latency: 0.02, power: 0.01 } as const;

/**
 * A simulated Jetson as a model: what networks cost on its units, alone and together, and what it draws, at any clocks that
 * it can have. Pure and repeatable; every law carries its source, and says what in it is an assumption. `powerW` is the
 * power of the module (its rails), not of the plug.
 */
export class DeviceModel {
  readonly board: Board;
  readonly modes: readonly BoardMode[];
  readonly networks: readonly NetworkCost[];
  readonly powerSource: string;
  private readonly law: PowerLaw;

  /** @throws EcomapError INVALID_CONFIG for a release that the board never had */
  constructor(board: BoardName, options: { readonly jetPack?: JetPack } = {}) {
    this.board = boards[board];
    this.modes = modesOf(this.board, options.jetPack ?? null).modes;
    this.networks = networkCosts[board];
    this.law = powerLaws[board];
    this.powerSource = this.law.source;
  }

  /** Clocks of a mode. @throws EcomapError INVALID_CONFIG for an unknown name */
  mode(name: string): ClockState {
    const mode = this.modes.find((candidate) => candidate.name === name);
    if (mode !== undefined) return clocksOf(this.board, mode);
    const known = this.modes.map((candidate) => candidate.name).join(', ');
    throw new EcomapError('INVALID_CONFIG', `the ${this.board.label} has no mode ${name}: take one of ${known}`);
  }

  /** Lowers clocks to caps, rounded to steps as the hardware does; nothing is raised above what `from` allows. */
  limit(from: ClockState, caps: Partial<Pick<ClockState, 'gpuMhz' | 'cpuMhz' | 'emcMhz'>>): ClockState {
    const { gpu, cpu, emc } = this.board;
    return {
      ...from,
      gpuMhz: Math.min(from.gpuMhz, stepUp(gpu.stepsMhz, caps.gpuMhz ?? Number.POSITIVE_INFINITY)),
      cpuMhz: Math.min(from.cpuMhz, stepDown(cpu.stepsKhz, (caps.cpuMhz ?? Number.POSITIVE_INFINITY) * 1000) / 1000),
      emcMhz: Math.min(from.emcMhz, stepUp(emc.stepsMhz, caps.emcMhz ?? Number.POSITIVE_INFINITY)),
    };
  }

  /** @throws EcomapError INVALID_CONFIG for an unknown name */
  network(name: string): NetworkCost {
    const network = this.networks.find((candidate) => candidate.name === name);
    if (network !== undefined) return network;
    throw new EcomapError(
      'INVALID_CONFIG',
      `nothing is known of the network ${name} on the ${this.board.label}: see DeviceModel.networks`,
    );
  }

  /** Latency alone on a unit, ms; null where the network does not run there. @throws EcomapError INVALID_CONFIG */
  latencyMs(network: string, unit: UnitName, clocks: ClockState, share = 1): number | null {
    const alone = runAlone(this.board, this.law, this.network(network), unit, clocks);
    return alone === null ? null : share * alone.latencyMs;
  }

  idleW(clocks: ClockState): number {
    return totalW(powerParts(this.law, clocks));
  }

  /** Power of the module while its units do this, W. Activity beyond what is possible counts as full. */
  powerW(clocks: ClockState, activity: Partial<Activity>): number {
    return totalW(this.powerParts(clocks, activity));
  }

  powerParts(clocks: ClockState, activity: Partial<Activity>): PowerParts {
    return powerParts(this.law, clocks, possible(activity, clocks.cores, this.board.dla.count));
  }

  /**
   * What comes of running these networks together.
   * @throws EcomapError INVALID_CONFIG for an unknown network, a unit that it does not run on, a share or a rate that cannot be
   */
  run(placements: readonly Placement[], clocks: ClockState): DeviceOutcome {
    const shared = placements.map((placement) => ({
      stages: this.stagesOf(placement, clocks),
      ratePerS: checkedRate(placement),
    }));
    const { networks, activity, busy, memorySlowdown } = shareDevice(shared);
    const parts = this.powerParts(clocks, activity);
    const powerW = totalW(parts);
    const perS = networks.reduce((sum, network) => sum + network.throughputPerS, 0);
    return {
      networks,
      activity,
      busy,
      memorySlowdown,
      powerW,
      parts,
      energyPerInferenceJ: perS > 0 ? powerW / perS : null,
    };
  }

  /** As `run`, as a measurement would find it: latencies and power with noise from this generator. */
  observe(placements: readonly Placement[], clocks: ClockState, random: Random): DeviceOutcome {
    const outcome = this.run(placements, clocks);
    const powerW = outcome.powerW * (1 + observed.power * random.normal());
    const { energyPerInferenceJ } = outcome;
    return {
      ...outcome,
      networks: outcome.networks.map((network) => {
        const factor = Math.exp(observed.latency * random.normal());
        return { ...network, latencyMs: network.latencyMs === null ? null : network.latencyMs * factor };
      }),
      powerW,
      energyPerInferenceJ: energyPerInferenceJ === null ? null : energyPerInferenceJ * (powerW / outcome.powerW),
    };
  }

  /** The placements as work for a `SimulatedBoard`: what they keep busy at the clocks that it has. */
  workload(placements: readonly Placement[]): (atMs: number, clocks: ClockState) => Activity {
    let last: { readonly key: string; readonly activity: Activity } | null = null;
    return (_atMs, clocks) => {
      const key = JSON.stringify(clocks);
      if (last?.key !== key) last = { key, activity: this.run(placements, clocks).activity };
      return last.activity;
    };
  }

  private stagesOf(placement: Placement, clocks: ClockState): SharedStage[] {
    const network = this.network(placement.network);
    // The same traffic is a larger share of a slower memory.
    const bandwidth = highest(this.board.emc.stepsMhz) / clocks.emcMhz;
    const fastest = highestClocks(this.board);
    const reference = runAlone(this.board, this.law, network, network.gpu === null ? 'cpu' : 'gpu', fastest);
    return placement.stages.map(({ unit, share = 1 }, index) => {
      const alone = runAlone(this.board, this.law, network, unit, clocks);
      if (alone === null || reference === null) {
        throw new EcomapError('INVALID_CONFIG', `${network.name} does not run on ${unit} of the ${this.board.label}`);
      }
      if (!(share > 0 && share <= 1))
        throw new EcomapError('INVALID_CONFIG', `the share of a stage lies in (0, 1], not ${share}`);
      const before = index === 0 ? null : (placement.stages[index - 1]?.unit ?? null);
      const moveMs =
        before === null || before === unit ? 0 : unit.startsWith('dla') ? transitionMs.toDla : transitionMs.other;
      return {
        unit,
        aloneMs: share * alone.latencyMs + moveMs,
        activity: alone.activity,
        // What runs slower asks the memory for less per second.
        memoryShare: Math.min(1, network.memoryShare * bandwidth * (reference.latencyMs / alone.latencyMs)),
      };
    });
  }
}

function checkedRate({ network, ratePerS }: Placement): number | null {
  if (ratePerS === null || (Number.isFinite(ratePerS) && ratePerS >= 0)) return ratePerS;
  throw new EcomapError(
    'INVALID_CONFIG',
    `requests of ${network} per second must be a number from 0 up, not ${ratePerS}`,
  );
}
