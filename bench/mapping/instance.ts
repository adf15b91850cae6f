// A decision to take: networks on a simulated device at an operating point, under a cap.
import type { CoLocation } from '../../src/signals/co-location';
import type { EstimationContext } from '../../src/mapping/estimator/estimator';
import type { SimulatedDevice, SimulatedLevel } from '../../src/simulation/co-location/device';
import { deviceAt, profileAt } from '../../src/simulation/co-location/profiles';
import type { PoolNetwork } from '../../src/simulation/co-location/samples';
import type { Random } from '../../src/simulation/random';

export interface Instance {
  readonly device: SimulatedDevice;
  readonly level: SimulatedLevel;
  readonly networks: readonly PoolNetwork[];
  readonly capW: number;
  /** What profiles tell of it. */
  readonly coLocation: CoLocation;
  /** The same for the search. */
  readonly context: EstimationContext;
  /** Of each network: every stage on the unit that is fastest for it, without company, s. */
  readonly bestS: readonly number[];
  readonly seed: number;
}

/** What the grid may leave, W. */
const capsW = [12, 16, 22, 30];

export interface InstanceSize {
  readonly networks: readonly [number, number];
  readonly stages: readonly [number, number];
}

/** Draws until the number of stages fits. */
export function drawInstance(
  device: SimulatedDevice,
  pool: readonly PoolNetwork[],
  { networks: [fewest, most], stages: [least, largest] }: InstanceSize,
  random: Random,
): Instance {
  for (;;) {
    const count = random.integer(fewest, most);
    const networks: PoolNetwork[] = [];
    while (networks.length < count) {
      const drawn = random.pick(pool);
      if (!networks.includes(drawn)) networks.push(drawn);
    }
    const stages = networks.reduce((sum, { network }) => sum + network.stages.length, 0);
    if (stages < least || stages > largest) continue;
    const capW = random.pick(capsW);
    return instanceOf(device, levelUnder(device, capW), networks, capW, random);
  }
}

/** The operating point that a power cap puts in force: the highest whose own limit is within the cap, else the lowest. */
function levelUnder({ levels }: SimulatedDevice, capW: number): SimulatedLevel {
  const level = levels.findLast((one) => one.capW <= capW) ?? levels[0];
  if (level === undefined) throw new RangeError('a simulated device needs at least one level');
  return level;
}

function instanceOf(
  device: SimulatedDevice,
  level: SimulatedLevel,
  networks: readonly PoolNetwork[],
  capW: number,
  random: Random,
): Instance {
  const profiles = networks.map(({ network, sensitivity }) =>
    profileAt(device, level, network, sensitivity, 0, 0, random),
  );
  const coLocation = { device: deviceAt(device, level), networks: profiles };
  const names = device.units.map(({ kind }, at) => `${kind}${at}`);
  const costs = profiles.map(({ stages }) =>
    stages.map(({ alone }) =>
      alone.map((run) => {
        const ms = 1000 * (run?.latencyS ?? 0);
        return { p50Ms: ms, p95Ms: ms, cpuMs: ms };
      }),
    ),
  );
  return {
    device,
    level,
    networks,
    capW,
    coLocation,
    context: {
      components: device.units.map(({ kind }, at) => ({
        name: names[at] ?? '',
        kind,
        cores: [],
        threads: 1,
        componentClass: names[at] ?? '',
      })),
      operatingPoint: { name: 'level', speed: 1, idleW: device.staticW, activeW: {} },
      work: costs.map((stages, index) => ({
        tenant: `network ${index}`,
        variant: 'only',
        ratePerS: 1,
        priority: 1,
        costs: stages,
      })),
    },
    bestS: costs.map((stages) =>
      stages.reduce((sum, stage) => sum + Math.min(...stage.map(({ p50Ms }) => p50Ms)) / 1000, 0),
    ),
    seed: random.integer(0, 2 ** 30),
  };
}
