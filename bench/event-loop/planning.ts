import { MappingPlanner } from '../../src/mapping/planner';
import { PlannerProcess } from '../../src/mapping/planner/planner-process';
import { ProfileTable } from '../../src/mapping/profiles/table';
import type { Cap } from '../../src/signals/cap';
import type { Component, OperatingPoint } from '../../src/signals/device';
import { tenantSchema, type Tenant } from '../../src/signals/tenant';
import { seconds as wait } from './arm';
import { EventLoopDelay } from './delay';

/** What planning without a pause did to the event loop of the process that asks. */
export interface PlanningFigures {
  readonly samples: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
  /** The same timer on the same machine, for as long, without any planning. */
  readonly idleP99Ms: number;
  readonly idleMaximumMs: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly estimator: string;
}

const tenantCount = 12;
const variants = [
  { name: 'full', accuracy: 0.97, runMs: 24 },
  { name: 'medium', accuracy: 0.95, runMs: 11 },
  { name: 'small', accuracy: 0.9, runMs: 5 },
  { name: 'tiny', accuracy: 0.84, runMs: 2 },
] as const;
const components: Component[] = Array.from({ length: 4 }, (_, at) => ({
  name: `part${at}`,
  kind: at === 3 ? 'gpu' : 'cpu',
  cores: [at],
  threads: 1,
  componentClass: at === 3 ? 'gpu' : at === 2 ? 'big' : 'little',
}));
const slowness: Readonly<Record<string, number>> = { little: 1, big: 0.6, gpu: 0.2 };

function tenants(): Tenant[] {
  return Array.from({ length: tenantCount }, (_, index) =>
    tenantSchema.parse({
      name: `tenant${index}`,
      family: 'made up',
      variants: variants.map(({ name, accuracy }) => ({ name, accuracy, path: `/nowhere/${name}.onnx` })),
      latencyLimitMs: 120 + 20 * (index % 4),
      priority: 1 + (index % 3),
      arrivalRatePerS: 2 + (index % 5),
      input: {},
      output: { kind: 'tensors' },
    }),
  );
}

function profilesOf(all: readonly Tenant[]): ProfileTable {
  const table = new ProfileTable();
  all.forEach(({ name: tenant }, index) => {
    for (const { name, runMs } of variants) {
      for (const [componentClass, factor] of Object.entries(slowness)) {
        const ms = runMs * factor * (1 + (index % 4) / 8);
        table.set(tenant, name, {
          modelSha256: 'a'.repeat(64),
          componentClass,
          deviceFingerprint: 'made up',
          latencyMs: { p50: ms, p95: 1.1 * ms },
          cpuMs: ms,
          loadMs: 1,
          memoryBytes: null,
          runs: 20,
          contended: false,
          measuredAt: new Date(0).toISOString(),
        });
      }
      table.setCounts(tenant, name, {
        gigaflop: runMs / 20,
        gigabytes: runMs / 800,
        inputBytes: 150_000,
        inputDims: {},
        cuts: [],
      });
    }
  });
  return table;
}

function capAt(point: OperatingPoint, capW: number): Cap {
  return {
    capW,
    policy: 'fixed',
    reason: 'bench',
    operatingPoint: point,
    enforced: 'simulated',
    power: { powerW: null, source: 'simulated', scope: 'module' },
    capUnreachable: false,
    minimumW: point.idleW,
    maximumW: 60,
    carbon: null,
  };
}

/**
 * Twelve tenants of four made-up variants on four components: a new cap as soon as the last one is answered, while the lateness
 * of a timer in the asking process is sampled.
 */
export async function planWithoutPause(seconds: number): Promise<PlanningFigures> {
  const point: OperatingPoint = {
    name: 'full',
    speed: 1,
    idleW: 5,
    activeW: Object.fromEntries(components.map(({ name }) => [name, 6])),
  };
  const all = tenants();
  const solver = new PlannerProcess({
    startPatienceMs: 60_000,
    onProblem: ({ message }) => process.stderr.write(`${message}\n`),
  });
  const planner = new MappingPlanner({
    device: { components, operatingPoints: [point], operatingPointInForce: () => point },
    tenants: all,
    profiles: profilesOf(all),
    solver,
    clock: Date.now,
  });
  try {
    // The process starts with the first round.
    const estimators = new Set([(await planner.onCap(capAt(point, 30))).plan.search.estimator]);
    const idle = new EventLoopDelay();
    idle.start();
    await wait(seconds);
    const { p99Ms: idleP99Ms, maximumMs: idleMaximumMs } = idle.stop();
    const delay = new EventLoopDelay();
    delay.start();
    const beganMs = performance.now();
    let rounds = 0;
    while (performance.now() - beganMs < seconds * 1000) {
      const { plan } = await planner.onCap(capAt(point, 15 + (rounds % 8) * 2));
      estimators.add(plan.search.estimator);
      rounds += 1;
    }
    const roundMs = (performance.now() - beganMs) / rounds;
    const { samples, p99Ms, maximumMs } = delay.stop();
    return {
      samples,
      p99Ms,
      maximumMs,
      idleP99Ms,
      idleMaximumMs,
      rounds,
      roundMs,
      estimator: [...estimators].join(', '),
    };
  } finally {
    await solver.close();
  }
}
