import type { CoLocationRun, CoLocationRunner, NetworkRun, NetworkToRun } from '../../signals/co-location-run';
import type { InferenceDevice } from '../../signals/device';
import { EcomapError } from '../../signals/errors';
import { quantile } from '../../signals/statistics';
import type { Tenant } from '../../signals/tenant';
import { Random } from '../../simulation/random';
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
    const seeds = placed.map(() => random.integer(0, 2 ** 30));
    let clients: Client[] = [];
    const open = (): ServedNetwork[] => {
      clients = asked.map(({ pauseS }, at) => new Client(pauseS, new Random(seeds[at] ?? 0)));
      return placed.map(({ network, unit }, at) => {
        const client = clients[at] ?? new Client(0, random.fork());
        return { network, unit, random: client.random.fork(), priority: 1, asks: client };
      });
    };
    const { networks, powerW } = serveOnBoard(board.model, clocks, open, durationS, null);
    return {
      networks: networks.map((result, at) => resultOf(result, clients[at]?.meanPauseS ?? 0)),
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

/** Asks, waits for the answer, pauses for a random while, and asks again. */
class Client {
  private pausedS = 0;
  private pauses = 0;

  constructor(
    private readonly wantedS: number,
    readonly random: Random,
  ) {}

  readonly pauseS = (): number => {
    const tookS = this.wantedS > 0 ? this.random.exponential(this.wantedS) : 0;
    this.pausedS += tookS;
    this.pauses += 1;
    return tookS;
  };

  /** As it came out: of few pauses at random the mean is not the one that was wanted. */
  get meanPauseS(): number {
    return this.pauses === 0 ? 0 : this.pausedS / this.pauses;
  }
}

function resultOf({ latencyS }: StreamResult, pauseS: number): NetworkRun | null {
  const [p50, p95] = [quantile(latencyS, 0.5), quantile(latencyS, 0.95)];
  if (p50 === null || p95 === null) return null;
  const meanS = latencyS.reduce((sum, value) => sum + value, 0) / latencyS.length;
  return { meanMs: 1000 * meanS, p50Ms: 1000 * p50, p95Ms: 1000 * p95, pauseS, answers: latencyS.length };
}
