import { fullLoadW, type Component, type OperatingPoint } from '../../signals/device';
import type { DeviceDescription } from '../../signals/device-description';
import { EcomapError } from '../../signals/errors';
import { tenantSchema, type Tenant } from '../../signals/tenant';
import { DeviceModel, type ClockState } from '../../simulation/devices';
import {
  boardFamilies,
  networkOn,
  servingUnits,
  type BoardVariant,
  type ServingUnit,
} from '../../simulation/devices/workloads/families';
import type { Mix } from '../../simulation/devices/workloads/mixes';
import { boardPoints, type BoardPoint } from '../../simulation/devices/workloads/points';

/** Boards that a day can be played on: those whose networks' cost and accuracy are both published. */
export const playableBoards = ['agx-xavier'] as const;
export type PlayableBoard = (typeof playableBoards)[number];

/**
 * A simulated board as the loop meets a real one: components, operating points with a power law, networks that cost what was measured
 * on the board that it stands for. Nothing of it computes; time on it is not that of this machine.
 */
export class LoopBoard {
  readonly model: DeviceModel;
  readonly points: readonly BoardPoint[];
  readonly components: readonly Component[];

  constructor(readonly name: PlayableBoard) {
    this.model = new DeviceModel(name);
    this.points = boardPoints(this.model);
    const cores = Array.from({ length: this.model.board.cpu.cores }, (_, core) => core);
    const of = (component: ServingUnit, kind: Component['kind']): Component => ({
      ...{ name: component, kind, componentClass: component },
      ...(kind === 'cpu' ? { cores, threads: cores.length } : { cores: [], threads: 1 }),
    });
    this.components = [of('gpu', 'gpu'), of('dla0', 'dla'), of('cpu', 'cpu')];
  }

  describe(): DeviceDescription {
    const { label } = this.model.board;
    return {
      name: this.name,
      label: `${label} (simulated)`,
      simulated: true,
      components: this.components,
      operatingPoints: toldApart(this.points.map((point) => this.operatingPointOf(point))),
      fingerprint: `simulated ${this.name}`,
      powerScope: 'module',
      powerMethod: `simulated: ${this.model.powerSource}`,
      powerAccuracy: null,
    };
  }

  /** @throws RangeError for a point that the board does not have */
  clocksAt(point: string): ClockState {
    const found = this.points.find(({ name }) => name === point);
    if (found === undefined) throw new RangeError(`the ${this.name} has no operating point ${point}`);
    return found.clocks;
  }

  /** The network that a tenant's variant runs as on a component; null where it does not run there. */
  networkOf(tenant: Pick<Tenant, 'family'>, variant: string, component: string): string | null {
    const found = variantOf(tenant.family, variant);
    const unit = servingUnits.find((one) => one === component);
    if (found === null || unit === undefined) return null;
    const network = networkOn(found, unit);
    return network !== null && this.model.latencyMs(network, unit, this.clocksAt('MAXN')) !== null ? network : null;
  }

  /** What a full component adds to idle, and how fast the point is: as latencies of networks on the GPU compare, in the geometric mean. */
  private operatingPointOf({ name, clocks, idleW }: BoardPoint): OperatingPoint {
    const { model } = this;
    const fullClocks = this.clocksAt('MAXN');
    const lnRatios = model.networks.flatMap((network) => {
      const [full, here] = [fullClocks, clocks].map((state) => model.latencyMs(network.name, 'gpu', state));
      return full === null || full === undefined || !here ? [] : [Math.log(full / here)];
    });
    const speed = Math.exp(lnRatios.reduce((sum, value) => sum + value, 0) / lnRatios.length);
    return {
      name,
      speed: Math.min(1, speed),
      idleW,
      activeW: {
        gpu: model.powerW(clocks, { gpu: 1 }) - idleW,
        dla0: model.powerW(clocks, { dlas: 1 }) - idleW,
        cpu: model.powerW(clocks, { cpuCores: clocks.cores }) - idleW,
      },
      limits: 'clock',
    };
  }
}

/**
 * Fastest first. Profiles are told apart by the speed of the clock: of points with the same GPU clock, each that draws more counts as a
 * trifle slower, for a cap takes the thriftiest of those that are as fast.
 */
function toldApart(points: readonly OperatingPoint[]): OperatingPoint[] {
  let above = Infinity;
  return [...points]
    .sort((a, b) => b.speed - a.speed || fullLoadW(a) - fullLoadW(b))
    .map((point) => {
      above = Math.min(point.speed, above * (1 - 1e-9));
      return { ...point, speed: above };
    });
}

/** The tenants of a mix; their variants stand for no files. */
export function tenantsOf({ tenants }: Mix): Tenant[] {
  return tenants.map(({ name, family, latencyLimitMs, ratePerS }, index) =>
    tenantSchema.parse({
      name,
      family: family.name,
      variants: family.variants.map(({ name: variant, accuracy }) => ({
        name: variant,
        path: `/simulated/${family.name}/${variant}`,
        accuracy,
      })),
      latencyLimitMs,
      priority: 1 + (index % 3),
      arrivalRatePerS: ratePerS,
      input: {},
      output: { kind: 'tensors' },
    }),
  );
}

function variantOf(family: string, variant: string): BoardVariant | null {
  const found = boardFamilies.find(({ name }) => name === family);
  return found?.variants.find(({ name }) => name === variant) ?? null;
}

/** @throws EcomapError INVALID_CONFIG for another board */
export function playableBoard(name: string): PlayableBoard {
  const found = playableBoards.find((board) => board === name);
  if (found !== undefined) return found;
  throw new EcomapError('INVALID_CONFIG', `a day can be played on ${playableBoards.join(', ')}, not on "${name}"`);
}
