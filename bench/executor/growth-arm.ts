import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceExecutor } from '../../src/inference/executor';
import { defaultHostEntry } from '../../src/inference/hosting/host-entry';
import { demonstrationFamilies } from '../../src/models/family-card';
import { demonstrationTenant } from '../../src/models/tenant-from-config';
import { deviceOf } from './executor-arm';
import { collectOnSignal, idleFootprint, type Footprint } from './footprint';
import type { BenchModel } from './models';
import { planOf, type Placement } from './plan';
import { executorTenant, Inputs } from './tenants';

export interface GrowthOptions {
  readonly components: readonly { readonly name: string }[];
  readonly small: BenchModel;
}

/** The consumer is at fault on purpose where `leaking`: it keeps what it should let go. */
export interface GrowthOrder {
  readonly count: number;
  readonly leaking: boolean;
}

const requestsUnderWay = 8;
const footprintSamples = 14;

/** The executor under many swaps and many requests, and what is held when all is quiet again. */
export async function startGrowthArm({ components, small }: GrowthOptions) {
  const directory = await mkdtemp(join(tmpdir(), 'ecomap-bench-growth-'));
  const preload = join(directory, 'collect.cjs');
  await writeFile(preload, collectOnSignal);
  const { script, execArgv } = defaultHostEntry();
  const device = deviceOf(components);
  const terms = { latencyLimitMs: 60_000, priority: 1, leastAccuracy: 0, arrivalRatePerS: 1 };
  const families = demonstrationFamilies.map((name) =>
    demonstrationTenant(name, { ...terms, name, override: { mode: 'auto' } }),
  );
  const executor = new InferenceExecutor({
    device,
    tenants: [...families, executorTenant({ name: 'small', model: small })],
    hostEntry: { script, execArgv: [...execArgv, '--expose-gc', '--require', preload] },
  });
  await executor.start();
  const kept: unknown[] = [];
  let turn = 0;

  /** Every family on its next variant; two plans later on another component as well. */
  const nextPlacement = (): Placement => {
    turn += 1;
    return Object.fromEntries(
      families.map(({ name, variants }, index) => {
        const component = components[(index + Math.floor(turn / variants.length)) % components.length]?.name ?? '';
        const variant = variants[turn % variants.length]?.name ?? '';
        return [name, { variant, stages: [{ component, firstNode: 0 }] }];
      }),
    );
  };
  const inputs = new Inputs(small.dims);
  const methods = {
    footprint: (): Promise<Footprint> => idleFootprint(footprintSamples),
    /** Resolves with the swaps that took place: at least `count`. */
    async swap({ count, leaking }: GrowthOrder): Promise<number> {
      let swaps = 0;
      while (swaps < count) {
        const placement = nextPlacement();
        const outcome = await executor.applyPlan(planOf(placement, device.operatingPointInForce()));
        swaps += outcome.swaps;
        if (outcome.swaps === 0) throw new Error('a plan with other variants swapped none');
        if (!leaking) continue;
        for (const { name, variants } of families) {
          const path = variants.find((variant) => variant.name === placement[name]?.variant)?.path;
          if (path !== undefined) kept.push(await readFile(path));
        }
      }
      return swaps;
    },
    async request({ count, leaking }: GrowthOrder): Promise<number> {
      let sent = 0;
      const loop = async (): Promise<void> => {
        while (sent < count) {
          sent += 1;
          const payload = { type: 'float32', dims: small.dims, data: inputs.draw().slice() };
          const result = await executor.infer({ tenant: 'small', payload });
          if (leaking) kept.push(payload, result);
        }
      };
      await Promise.all(Array.from({ length: requestsUnderWay }, loop));
      return sent;
    },
  };
  const close = async (): Promise<void> => {
    await executor.close();
    await device.close();
    await rm(directory, { recursive: true });
  };
  return { methods, close };
}
export type Growth = Awaited<ReturnType<typeof startGrowthArm>>['methods'];
