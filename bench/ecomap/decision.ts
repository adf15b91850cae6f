import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MappingPlanner } from '../../src/mapping/planner';
import { PlannerProcess } from '../../src/mapping/planner/planner-process';
import { ProfileTable } from '../../src/mapping/profiles/table';
import { VariantSelector } from '../../src/selection/selector';
import type { Cap } from '../../src/signals/cap';
import type { Component, OperatingPoint } from '../../src/signals/device';
import { quantile } from '../../src/signals/statistics';
import { tenantSchema, type Tenant } from '../../src/signals/tenant';

const rounds = 40;
const warmUp = 5;
const ladder = [
  { name: 'full', accuracy: 0.783, runMs: 30 },
  { name: 'medium', accuracy: 0.761, runMs: 12 },
  { name: 'small', accuracy: 0.735, runMs: 6 },
  { name: 'tiny', accuracy: 0.698, runMs: 3 },
] as const;
const slowdown = { gpu: 1, dla: 1.7, cpu: 6 } as const;

const components: Component[] = (['gpu', 'dla', 'cpu'] as const).map((name, at) => ({
  name,
  kind: 'cpu',
  cores: [at],
  threads: 1,
  componentClass: name,
}));

const point: OperatingPoint = {
  name: 'MAXN',
  speed: 1,
  idleW: 8.35,
  activeW: { gpu: 24, dla: 4, cpu: 15 },
};

export interface DecisionTimes {
  /** From the question to the plan and the selector's answer, 95th percentile. */
  readonly decisionMs: number;
  readonly decisionP50Ms: number;
  /** Processor time of this process per decision: what the steering thread itself spends. */
  readonly mainThreadMs: number;
  /** Longest that the event loop was held up meanwhile. */
  readonly longestDelayMs: number;
  readonly estimator: string;
  readonly rounds: number;
}

/** How long the product's planner, in its process, and its selector take for 5 tenants of 4 variants on 3 components. */
export async function decisionTimes(): Promise<DecisionTimes> {
  const tenants = [0, 1, 2, 3, 4].map(tenantOf);
  const profiles = new ProfileTable();
  for (const { name } of tenants) addProfiles(profiles, name);
  const problems: string[] = [];
  const solver = new PlannerProcess({ onProblem: ({ message }) => problems.push(message) });
  const planner = new MappingPlanner({
    device: { components, operatingPoints: [point], operatingPointInForce: () => point },
    tenants,
    profiles,
    solver,
    clock: Date.now,
  });
  const selector = new VariantSelector({ tenants, clock: () => performance.now() });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const wallMs: number[] = [];
  const ownMs: number[] = [];
  let estimator = '';
  try {
    for (let round = 0; round < warmUp + rounds; round += 1) {
      if (round === warmUp) delay.enable();
      const beganMs = performance.now();
      const usage = process.cpuUsage();
      // The cap goes up and down, so that no round repeats the one before.
      const answer = await planner.onCap(capOf(14 + (round % 7)));
      selector.onViolated(answer.violated);
      const { user, system } = process.cpuUsage(usage);
      estimator = answer.plan.search.estimator;
      if (round < warmUp) continue;
      wallMs.push(performance.now() - beganMs);
      ownMs.push((user + system) / 1000);
    }
  } finally {
    delay.disable();
    await solver.close();
  }
  for (const problem of problems) process.stderr.write(`planner: ${problem}\n`);
  return {
    decisionMs: quantile(wallMs, 0.95) ?? Number.NaN,
    decisionP50Ms: quantile(wallMs, 0.5) ?? Number.NaN,
    mainThreadMs: quantile(ownMs, 0.5) ?? Number.NaN,
    longestDelayMs: delay.max / 1e6,
    estimator,
    rounds,
  };
}

function tenantOf(index: number): Tenant {
  return tenantSchema.parse({
    name: `tenant-${index + 1}`,
    family: `family-${index + 1}`,
    variants: ladder.map(({ name, accuracy }) => ({ name, path: `/models/${index}-${name}.onnx`, accuracy })),
    latencyLimitMs: 400,
    arrivalRatePerS: 3 + index,
    input: {},
    output: { kind: 'tensors' },
  });
}

function addProfiles(table: ProfileTable, tenant: string): void {
  for (const { name, runMs } of ladder) {
    table.setCounts(tenant, name, { gigaflop: 0.25 * runMs, gigabytes: 0.003 * runMs, inputBytes: 600_000, cuts: [] });
    for (const [componentClass, factor] of Object.entries(slowdown)) {
      table.set(tenant, name, {
        modelSha256: 'a'.repeat(64),
        componentClass,
        deviceFingerprint: 'bench',
        latencyMs: { p50: runMs * factor, p95: runMs * factor * 1.05 },
        cpuMs: runMs * factor,
        loadMs: 10,
        memoryBytes: null,
        runs: 20,
        contended: false,
        measuredAt: '2026-01-01T00:00:00Z',
      });
    }
  }
}

function capOf(capW: number): Cap {
  return {
    capW,
    policy: 'fixed',
    reason: 'bench',
    operatingPoint: point,
    enforced: 'simulated',
    power: { powerW: null, source: 'simulated', scope: 'module' },
    capUnreachable: false,
    minimumW: 8.7,
    maximumW: 32.3,
    carbon: null,
  };
}
