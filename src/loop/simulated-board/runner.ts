import type { CoLocationRun, CoLocationRunner, NetworkRun, NetworkToRun } from '../../signals/co-location-run';
import type { InferenceDevice } from '../../signals/device';
import { EcomapError } from '../../signals/errors';
import { quantile } from '../../signals/statistics';
import type { Tenant } from '../../signals/tenant';
import type { Random } from '../../simulation/random';
import { servingUnits } from '../../simulation/devices/workloads/families';
import { serveOnBoard, type ServedNetwork } from '../../simulation/devices/workloads/serving';
import type { StreamResult } from '../../simulation/devices/workloads/requests';
import type { LoopBoard } from './board';

/** A sensor's error from reading to reading, relative; see `DeviceModel.observe`. */
export const sensorNoise = 0.01;
/** What a measurement lasts: long enough for so many answers of the slowest network, s. */
const answers = 40;
const leastS = 3;

/** Co-locations on a simulated board, for a calibration: clients that wait for answers and pause, as on a real device. */
export class BoardCoLocations implements CoLocationRunner {
  constructor(
    private readonly board: LoopBoard,
    private readonly device: Pick<InferenceDevice, 'operatingPointInForce'>,
    private readonly tenants: readonly Tenant[],
    private readonly random: Random,
  ) {}

  measure(networks: readonly NetworkToRun[], signal?: AbortSignal): Promise<CoLocationRun> {
    return Promise.resolve().then(() => {
      signal?.throwIfAborted();
      return this.run(networks);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private run(asked: readonly NetworkToRun[]): CoLocationRun {
    const { board, random } = this;
    const clocks = board.clocksAt(this.device.operatingPointInForce().name);
    const placed = asked.map((one) => this.placed(one));
    const cycleS = placed.map(({ network, unit }, at) => {
      const aloneS = (board.model.latencyMs(network, unit, clocks) ?? 0) / 1000;
      return placed.length * aloneS + (asked[at]?.pauseS ?? 0);
    });
    const durationS = Math.max(leastS, answers * Math.max(...cycleS));
    const seeds = placed.map(() => random.fork());
    const open = (): ServedNetwork[] =>
      placed.map(({ network, unit }, at) => {
        const own = seeds[at]?.fork() ?? random.fork();
        const { pauseS = 0 } = asked[at] ?? {};
        return {
          ...{ network, unit, random: own, priority: 1 },
          asks: { pauseS: () => (pauseS > 0 ? own.exponential(pauseS) : 0) },
        };
      });
    const { networks, powerW } = serveOnBoard(board.model, clocks, open, durationS, null);
    return {
      networks: networks.map((result, at) => resultOf(result, asked[at]?.pauseS ?? 0)),
      leftOut: [],
      power: { powerW: powerW * (1 + sensorNoise * random.normal()), source: 'simulated', scope: 'module' },
      durationS,
    };
  }

  private placed({ path, name, stages }: NetworkToRun) {
    const component = stages[0]?.component;
    const unit = servingUnits.find((one) => one === component);
    for (const tenant of this.tenants) {
      const variant = tenant.variants.find((one) => one.path === path);
      if (variant === undefined || unit === undefined) continue;
      const network = this.board.networkOf(tenant, variant.name, unit);
      if (network !== null) return { network, unit };
    }
    throw new EcomapError('INVALID_CONFIG', `${name} does not run on ${component ?? 'no component'} of the board`);
  }
}

function resultOf({ latencyS }: StreamResult, pauseS: number): NetworkRun | null {
  const [p50, p95] = [quantile(latencyS, 0.5), quantile(latencyS, 0.95)];
  if (p50 === null || p95 === null) return null;
  const meanS = latencyS.reduce((sum, value) => sum + value, 0) / latencyS.length;
  return { meanMs: 1000 * meanS, p50Ms: 1000 * p50, p95Ms: 1000 * p95, pauseS, answers: latencyS.length };
}
