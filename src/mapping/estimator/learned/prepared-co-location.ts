import type { CoLocation, UnitKind } from '../../../signals/co-location';
import { unitKinds } from '../../../signals/co-location';

/** Sums of the stages of each network on each unit, for one mapping. All times in s, energies in J. */
export interface Mapped {
  /** `A`: the latency of each network alone, transfers included. */
  readonly aloneS: Float64Array;
  /** `v`: of it, the time on each unit (row by network). */
  readonly onUnitS: Float64Array;
  /** The longest stage of each network on each kind of unit (row by network). */
  readonly longestS: Float64Array;
  /** Number of stages of each network on each kind of unit. */
  readonly stages: Float64Array;
  readonly transferS: Float64Array;
  readonly energyJ: Float64Array;
}

/**
 * Networks and a device as flat tables, worked out once: a search maps the same networks thousands of times. One object maps
 * one candidate at a time: `mapped` is overwritten by each {@link map}.
 */
export class PreparedCoLocation {
  readonly count: number;
  readonly units: number;
  /** Index into `unitKinds` of each unit. */
  readonly kindOf: Uint8Array;
  readonly queued: Uint8Array;
  readonly pauseS: Float64Array;
  readonly periodS: Float64Array;
  readonly gigaflop: Float64Array;
  readonly gigabytes: Float64Array;
  readonly idleW: number;
  readonly capW: number | null;
  /** Mean logarithm of the speed of the units of each kind; 0 where there are none. */
  readonly lnSpeed: Float64Array;
  /** By network and unit: three logarithms of slowdowns; NaN where they were not measured. */
  readonly sensitivity: Float64Array;
  readonly mapped: Mapped;
  private readonly firstStage: Int32Array;
  /** By stage and unit; NaN where a stage does not run or was not measured. */
  private readonly stageS: Float64Array;
  private readonly stageJ: Float64Array;
  private readonly moveS: Float64Array;

  constructor({ device, networks }: CoLocation) {
    const { units } = device;
    this.count = networks.length;
    this.units = units.length;
    this.kindOf = Uint8Array.from(units, ({ kind }) => unitKinds.indexOf(kind));
    this.queued = Uint8Array.from(units, ({ queued }) => (queued ? 1 : 0));
    this.idleW = device.idleW;
    this.capW = device.capW;
    this.lnSpeed = Float64Array.from(unitKinds, (kind) => meanLnSpeed(device, kind));
    this.pauseS = Float64Array.from(networks, ({ pauseS }) => pauseS);
    this.periodS = Float64Array.from(networks, ({ periodS }) => periodS);
    this.gigaflop = Float64Array.from(networks, ({ stages }) => stages.reduce((sum, stage) => sum + stage.gigaflop, 0));
    this.gigabytes = Float64Array.from(networks, ({ stages }) =>
      stages.reduce((sum, stage) => sum + stage.gigabytes, 0),
    );
    const stages = networks.flatMap((network) => network.stages);
    const byUnit = units.map((_, at) => at);
    this.stageS = Float64Array.from(
      stages.flatMap(({ alone }) => byUnit.map((at) => alone[at]?.latencyS ?? Number.NaN)),
    );
    this.stageJ = Float64Array.from(
      stages.flatMap(({ alone }) => byUnit.map((at) => alone[at]?.energyJ ?? Number.NaN)),
    );
    this.moveS = Float64Array.from(stages, ({ transferS }) => transferS);
    this.firstStage = new Int32Array(networks.length + 1);
    networks.forEach((network, index) => {
      this.firstStage[index + 1] = (this.firstStage[index] ?? 0) + network.stages.length;
    });
    this.sensitivity = Float64Array.from(
      networks.flatMap((network) =>
        byUnit.flatMap((at) => {
          const known = network.sensitivity[at] ?? null;
          return known === null
            ? [Number.NaN, Number.NaN, Number.NaN]
            : [known.besideMemory, known.besideItself, known.caused];
        }),
      ),
    );
    this.mapped = {
      aloneS: new Float64Array(this.count),
      onUnitS: new Float64Array(this.count * this.units),
      longestS: new Float64Array(this.count * unitKinds.length),
      stages: new Float64Array(this.count * unitKinds.length),
      transferS: new Float64Array(this.count),
      energyJ: new Float64Array(this.count),
    };
  }

  /** Time from one request of a network to the next when an answer takes `latencyS`, s. */
  cycleS(network: number, latencyS: number): number {
    return Math.max(latencyS + (this.pauseS[network] ?? 0), this.periodS[network] ?? 0);
  }

  /** Fills `mapped`. @returns false where a stage does not run on its unit or was not measured there */
  map(mapping: readonly (readonly number[])[]): boolean {
    const { aloneS, onUnitS, longestS, stages, transferS, energyJ } = this.mapped;
    const { units, kindOf } = this;
    onUnitS.fill(0);
    longestS.fill(0);
    stages.fill(0);
    let known = true;
    for (let network = 0; network < this.count; network += 1) {
      const places = mapping[network] ?? [];
      const first = this.firstStage[network] ?? 0;
      const end = this.firstStage[network + 1] ?? 0;
      let alone = 0;
      let moving = 0;
      let energy = 0;
      let before = -1;
      for (let stage = first; stage < end; stage += 1) {
        const at = places[stage - first] ?? 0;
        const seconds = this.stageS[stage * units + at] ?? Number.NaN;
        if (Number.isNaN(seconds)) known = false;
        if (before >= 0 && before !== at) moving += this.moveS[stage] ?? 0;
        before = at;
        alone += seconds;
        energy += this.stageJ[stage * units + at] ?? 0;
        onUnitS[network * units + at] = (onUnitS[network * units + at] ?? 0) + seconds;
        const byKind = network * 3 + (kindOf[at] ?? 0);
        stages[byKind] = (stages[byKind] ?? 0) + 1;
        if (seconds > (longestS[byKind] ?? 0)) longestS[byKind] = seconds;
      }
      aloneS[network] = alone + moving;
      transferS[network] = moving;
      energyJ[network] = energy;
    }
    return known;
  }
}

function meanLnSpeed({ units }: CoLocation['device'], kind: UnitKind): number {
  const speeds = units.filter((unit) => unit.kind === kind).map(({ speed }) => Math.log(speed));
  return speeds.length === 0 ? 0 : speeds.reduce((sum, value) => sum + value, 0) / speeds.length;
}
