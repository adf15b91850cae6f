import type { CoLocationDevice, CoLocationNetwork, CoLocationSample, UnitKind } from '../../signals/co-location';
import type { BoardName, ClockState } from '../devices/boards/board';
import { DeviceModel, type Placement } from '../devices/model/device-model';
import { highestClocks, unitNames, type UnitName } from '../devices/model/latency';
import type { NetworkCost } from '../devices/model/network';
import type { Random } from '../random';

/** Assumption, for the model of the device counts no operations: what a GPU does per second at its highest clocks. */
const assumedGflops = 600;
/** As the model's own cost of a move between units. */
const moveS = 60e-6;

interface CutNetwork {
  readonly cost: NetworkCost;
  /** Share of the work of each stage. */
  readonly shares: readonly number[];
}

/**
 * Co-locations of published networks on a simulated Jetson: another model of another make than the one the estimator is
 * pretrained on (mean values instead of events, turns instead of sharing, other laws of power), to see how far it carries.
 */
export function jetsonSamples(
  board: BoardName,
  { workloads, perWorkload }: { readonly workloads: number; readonly perWorkload: number },
  random: Random,
): CoLocationSample[] {
  const model = new DeviceModel(board);
  const top = highestClocks(model.board);
  const runs = (name: string, unit: UnitName): boolean => model.latencyMs(name, unit, top) !== null;
  const units = unitNames.filter((unit) => model.networks.some(({ name }) => runs(name, unit)));
  const networks: CutNetwork[] = model.networks
    .filter(({ name }) => runs(name, 'gpu'))
    .map((cost) => ({ cost, shares: sharesOf(random) }));
  const samples: CoLocationSample[] = [];
  for (let workload = 0; workload < workloads; workload += 1) {
    const set = Array.from({ length: random.integer(2, 5) }, () => random.pick(networks));
    for (let sample = 0; sample < perWorkload; sample += 1) {
      const clocks = model.mode(random.pick(model.modes).name);
      const possible = set.map(({ cost }) =>
        units.flatMap((unit, at) => (model.latencyMs(cost.name, unit, clocks) === null ? [] : [at])),
      );
      const mapping = set.map(({ shares }, index) => {
        const [first, second] = [random.pick(possible[index] ?? [0]), random.pick(possible[index] ?? [0])];
        const cut = random.chance(0.5) ? shares.length : random.integer(1, shares.length - 1);
        return shares.map((_, stage) => (stage < cut ? first : second));
      });
      const placements = set.map(({ cost, shares }, index) => placementOf(cost, shares, mapping[index] ?? [], units));
      const outcome = model.observe(placements, clocks, random);
      samples.push({
        device: deviceOf(model, units, clocks, top),
        networks: set.map((network) => profileOf(model, network, units, clocks, top)),
        mapping,
        workload,
        // Networks without a pause are never asked for more than they can do.
        latencyS: outcome.networks.map(({ latencyMs }) => (latencyMs ?? Number.NaN) / 1000),
        powerW: outcome.powerW,
      });
    }
  }
  return samples;
}

function sharesOf(random: Random): number[] {
  const weights = Array.from({ length: random.integer(2, 4) }, () => random.uniform(0.4, 1.6));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / whole);
}

function placementOf(
  { name }: NetworkCost,
  shares: readonly number[],
  mapping: readonly number[],
  units: readonly UnitName[],
): Placement {
  const [first, ...others] = shares.map((share, stage) => ({ unit: units[mapping[stage] ?? 0] ?? 'gpu', share }));
  return { network: name, stages: [first ?? { unit: 'gpu' }, ...others], ratePerS: null };
}

const kindOf = (unit: UnitName): UnitKind => (unit === 'gpu' || unit === 'cpu' ? unit : 'dla');

function deviceOf(
  model: DeviceModel,
  units: readonly UnitName[],
  clocks: ClockState,
  top: ClockState,
): CoLocationDevice {
  const speeds: Readonly<Record<UnitKind, number>> = {
    gpu: (clocks.gpuMhz * clocks.tpcs) / (top.gpuMhz * top.tpcs),
    cpu: (clocks.cpuMhz * clocks.cores) / (top.cpuMhz * top.cores),
    dla: clocks.dlaMhz > 0 ? clocks.dlaMhz / top.dlaMhz : 1,
  };
  return {
    // CPU and GPU serve their networks in turns: nobody waits for another's whole run, as on a DLA.
    units: units.map((unit) => ({ kind: kindOf(unit), queued: kindOf(unit) === 'dla', speed: speeds[kindOf(unit)] })),
    idleW: model.idleW(clocks),
    capW: null,
  };
}

function profileOf(
  model: DeviceModel,
  { cost, shares }: CutNetwork,
  units: readonly UnitName[],
  clocks: ClockState,
  top: ClockState,
): CoLocationNetwork {
  const referenceS = (model.latencyMs(cost.name, 'gpu', top) ?? 0) / 1000;
  const bandwidthGBs = model.board.emc.bandwidthGbPerS;
  const alone = units.map((unit) => {
    if (model.latencyMs(cost.name, unit, clocks) === null) return null;
    const run = model.run([{ network: cost.name, stages: [{ unit }], ratePerS: null }], clocks);
    const latencyS = (run.networks[0]?.latencyMs ?? 0) / 1000;
    return { latencyS, energyJ: (run.powerW - model.idleW(clocks)) * latencyS };
  });
  return {
    pauseS: 0,
    periodS: 0,
    sensitivity: units.map(() => null),
    stages: shares.map((share) => ({
      gigaflop: share * referenceS * assumedGflops,
      gigabytes: share * referenceS * cost.memoryShare * bandwidthGBs,
      transferS: moveS,
      alone: alone.map((whole) =>
        whole === null ? null : { latencyS: share * whole.latencyS, energyJ: share * whole.energyJ },
      ),
    })),
  };
}
