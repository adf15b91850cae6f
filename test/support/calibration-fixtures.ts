import type { CalibrationNetwork } from '../../src/mapping/calibration/networks';
import type { CoLocationRun, CoLocationRunner, NetworkToRun } from '../../src/signals/co-location-run';

/** Networks of tenants with variants of these run times, ms; each also in two stages of half the time. */
export function networksOf(tenants: number, runMs: readonly number[], components = 2): CalibrationNetwork[] {
  return Array.from({ length: tenants }, (_, tenant) =>
    runMs.map((ms, variant): CalibrationNetwork => {
      const stage = (share: number) => ({
        cost: Array.from({ length: components }, () => ({
          p50Ms: ms * share,
          p95Ms: ms * share * 1.1,
          cpuMs: ms * share,
        })),
        operations: { gigaflop: 0.02 * ms * share, gigabytes: 0.001 * ms * share, transferS: 2e-4 },
      });
      const way = (...shares: number[]) => ({
        firstNodes: shares.map((_share, index) => 5 * index),
        work: {
          costs: shares.map((share) => stage(share).cost),
          operations: shares.map((share) => stage(share).operations),
          sensitivity: Array.from({ length: components }, () => ({
            besideMemory: 0.05 * (variant + 1),
            besideItself: 0.69,
            caused: 0.02,
          })),
        },
      });
      return {
        name: `tenant${tenant} v${variant}`,
        tenant: `tenant${tenant}`,
        path: `/models/${tenant}-${variant}.onnx`,
        sha256: `${tenant}${variant}`.padStart(64, 'a'),
        dims: null,
        ways: [way(1), way(0.5, 0.5)],
      };
    }),
  ).flat();
}

/** Answers at once: each network takes what all on its first component take together. Not the device's time, but its shape. */
export class FakeRunner implements CoLocationRunner {
  readonly asked: (readonly NetworkToRun[])[] = [];
  closed = 0;
  /** Of the whole device; raise it to slow everything down. */
  slowness = 1;
  /** Called before each answer. */
  before: (call: number) => Promise<void> | void = () => undefined;
  readonly broken = new Set<string>();

  constructor(private readonly aloneMs: (name: string) => number) {}

  async measure(networks: readonly NetworkToRun[], signal?: AbortSignal): Promise<CoLocationRun> {
    this.asked.push(networks);
    await this.before(this.asked.length);
    signal?.throwIfAborted();
    const together = (component: string | undefined): number =>
      networks
        .filter(({ name, stages }) => !this.broken.has(name) && stages[0]?.component === component)
        .reduce((sum, { name }) => sum + this.aloneMs(name), 0);
    return {
      networks: networks.map(({ name, stages, pauseS }) => {
        if (this.broken.has(name)) return null;
        const meanMs = this.slowness * together(stages[0]?.component);
        return { meanMs, p50Ms: meanMs, p95Ms: 1.2 * meanMs, pauseS, answers: 12 };
      }),
      leftOut: networks.flatMap(({ name }, network) =>
        this.broken.has(name) ? [{ network, name, code: 'HOST_CRASHED' as const, reason: 'it crashed' }] : [],
      ),
      power: { powerW: 9, source: 'modelled', scope: 'module' },
      durationS: 0.1,
    };
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}
